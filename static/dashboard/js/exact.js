// Money without floats: decimal strings as BigInts of millionths.
const PLACES = 6;
const ONE = 10n ** BigInt(PLACES);

export function parse(text) {
  const match = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(String(text));
  if (!match) return null;
  const fraction = (match[3] ?? "").padEnd(PLACES, "0").slice(0, PLACES);
  const size = BigInt(match[2]) * ONE + BigInt(fraction);
  return match[1] === "-" ? -size : size;
}

export function toText(number) {
  const size = (number < 0n ? -number : number).toString().padStart(PLACES + 1, "0");
  const text = `${size.slice(0, -PLACES)}.${size.slice(-PLACES)}`.replace(/\.?0+$/, "");
  return (number < 0n ? "-" : "") + (text || "0");
}

// To whole units of 10^-places, half away from zero.
export function round(number, places) {
  const unit = 10n ** BigInt(PLACES - places);
  const half = unit / 2n;
  return number < 0n ? -((-number + half) / unit) : (number + half) / unit;
}

export function add(a, b) {
  return toText(parse(a) + parse(b));
}

export function times(quantity, price) {
  return toText(BigInt(quantity) * parse(price));
}

export function minus(a, b) {
  return toText(parse(a) - parse(b));
}
