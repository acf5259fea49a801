// Prices as they come: cells flash, and open profit moves with them, exactly, between two snapshots.
import { add, minus, parse, times } from "./exact.js";
import { moneyTone, plain } from "./formats.js";

const quotes = new Map();
const flashedAt = new WeakMap();
const FLASH_GAP = 1000;
const FLASH = 600;

export const quoteOf = (key) => quotes.get(key);

export function hear(data) {
  const changed = [];
  for (const quote of data?.quotes ?? []) {
    quotes.set(quote.k, quote);
    changed.push(quote);
  }
  return changed;
}

// Every price cell of the page; no flash on first paint, after a gap, or when nothing changed.
export function showPrices(changed, quietly) {
  const latest = new Map(changed.map((quote) => [quote.k, quote]));
  for (const cell of document.querySelectorAll(".px[data-k]")) {
    const quote = latest.get(cell.dataset.k);
    if (quote) showPrice(cell, quote, quietly);
  }
}

function showPrice(cell, quote, quietly) {
  const text = plain(quote.p);
  if (cell.textContent === text) return;
  const before = parse(cell.dataset.was ?? cell.textContent.replaceAll(",", ""));
  cell.textContent = text;
  cell.dataset.was = quote.p;
  const now = parse(quote.p);
  if (!quietly && before !== null && now !== before && quote.s === "live") flash(cell, now > before ? "up" : "down");
}

function flash(cell, way) {
  const now = performance.now();
  if (now - (flashedAt.get(cell) ?? -Infinity) < FLASH_GAP) return;
  flashedAt.set(cell, now);
  cell.dataset.flash = way;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  setTimeout(() => delete cell.dataset.flash, still ? 1000 : FLASH);
}

// Open profit is linear in the price, so a change of price is a change of every sum it is part of.
export function revalue(data, changed) {
  const latest = new Map(changed.map((quote) => [quote.k, quote]));
  const groups = data?.positions?.groups ?? [];
  for (const group of groups) {
    for (const row of group.rows) {
      const quote = latest.get(row.k);
      if (quote) revalueRow(data, group, row, quote);
    }
  }
  if (groups.length && data.positions.age) data.positions.age.at = oldest(groups) ?? data.positions.age.at;
}

function revalueRow(data, group, row, quote) {
  if (row.age && row.age.at && Date.parse(quote.t) < Date.parse(row.age.at)) return;
  if (row.age && quote.t) row.age.at = quote.t;
  if (row.last === null || row.open === null || quote.p === row.last) return;
  const change = times(row.quantity, minus(quote.p, row.last));
  row.last = quote.p;
  raise(row, "open", change);
  raise(group, "open", change);
  raiseStrategy(data, row, change);
  raiseNet(data.net, row, change);
}

function raise(item, name, change) {
  if (item && item[name] !== null && item[name] !== undefined) item[name] = add(item[name], change);
}

function raiseStrategy(data, row, change) {
  if (!row.deployment) return;
  for (const group of data.strategies?.groups ?? []) {
    const strategy = group.rows.find((each) => each.key === row.deployment);
    if (!strategy) continue;
    raise(strategy, "net", change);
    raise(group, "net", change);
  }
}

function raiseNet(net, row, change) {
  if (!net) return;
  if (row.mode !== net.mode) {
    raise(net.others?.find((other) => other.mode === row.mode), "net", change);
    return;
  }
  raise(net, "open", change);
  raise(net, "net", change);
  net.tone = moneyTone(net.net);
  net.mark = net.tone || "none";
}

function oldest(groups) {
  const times = groups.flatMap((group) => group.rows.map((row) => row.age?.at)).filter(Boolean);
  return times.length ? times.reduce((a, b) => (Date.parse(a) < Date.parse(b) ? a : b)) : null;
}
