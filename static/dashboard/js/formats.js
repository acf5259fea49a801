// How figures and times are written in the browser: the same rules as alphapanda/core/figures.py, held equal by a test.
import { parse, round } from "./exact.js";

export const MINUS = "\u2212";
export const NBSP = "\u00a0";
export const UNKNOWN = "unknown";
const ZONE = "Asia/Kolkata";

export function groupIndian(digits) {
  const tail = digits.slice(-3);
  const head = digits.slice(0, -3);
  return head ? head.replace(/\B(?=(\d{2})+$)/g, ",") + "," + tail : tail;
}

const known = (value) => (value === null || value === undefined || value === "" ? null : parse(value));

// BigInts at `places` decimals, rounded half up as the server does.
function write(value, places, { explicit = false, unit = "" } = {}) {
  const number = known(value);
  if (number === null) return UNKNOWN;
  const rounded = round(number, places);
  const size = (rounded < 0n ? -rounded : rounded).toString().padStart(places + 1, "0");
  const whole = places ? size.slice(0, -places) : size;
  const sign = rounded < 0n ? MINUS : explicit && rounded > 0n ? "+" : "";
  return sign + unit + groupIndian(whole) + (places ? "." + size.slice(-places) : "");
}

export const plain = (value, places = 2) => write(value, places);
export const signed = (value, places = 2) => write(value, places, { explicit: true });
export const rupees = (value, places = 2) => write(value, places, { unit: "₹" });
export const profit = (value, places = 2) => write(value, places, { explicit: true, unit: "₹" });
export const whole = (value) => plain(value, 0);
export const signed_whole = (value) => signed(value, 0);

export function short(value) {
  const number = known(value);
  if (number === null) return UNKNOWN;
  const size = number < 0n ? -number : number;
  const [unit, word] = size >= parse("10000000") ? [10_000_000n, "Cr"] : [100_000n, "L"];
  if (size < parse("100000")) return plain(value, 0);
  const scaled = Number(number / unit) / 1e6;
  return plain(scaled.toFixed(6), 2) + NBSP + word;
}

export function short_rupees(value) {
  if (known(value) === null) return UNKNOWN;
  const text = short(value);
  return text.startsWith(MINUS) ? MINUS + "₹" + text.slice(1) : "₹" + text;
}

export const percent = (value, places = 1) => (known(value) === null ? UNKNOWN : plain(value, places) + NBSP + "%");

export function moneyTone(value) {
  const number = known(value);
  return number === null || number === 0n ? "" : number > 0n ? "up" : "down";
}

export function age(seconds) {
  const passed = Math.max(0, seconds);
  if (passed < 10) return `${passed.toFixed(1)} s`;
  if (passed < 100) return `${Math.round(passed)} s`;
  if (passed < 7200) return `${Math.round(passed / 60)} min`;
  return `${groupIndian(String(Math.round(passed / 3600)))} h`;
}

export function left(seconds) {
  const whole = Math.floor(seconds);
  if (whole <= 0) return "over";
  const [unit, big, small] = whole >= 3600 ? [60, "h", "min"] : [1, "min", "s"];
  const units = Math.floor(whole / unit);
  return `${Math.floor(units / 60)} ${big} ${units % 60} ${small}`;
}

const time = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hourCycle: "h23", ...options });
const CLOCK = time({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = time({ hour: "2-digit", minute: "2-digit" });
const DATE = time({ day: "numeric", month: "short", year: "numeric" });
const WEEKDAY = time({ weekday: "short", day: "numeric", month: "short" });

const asDate = (value) => (value instanceof Date ? value : new Date(value));
const parts = (form, value) => Object.fromEntries(form.formatToParts(asDate(value)).map((p) => [p.type, p.value]));
const month = (p) => p.month.slice(0, 3);

export const clock_time = (value) => (value ? CLOCK.format(asDate(value)) : UNKNOWN);
export const clock_minute = (value) => (value ? MINUTE.format(asDate(value)) : UNKNOWN);
export const clock_millis = (value) =>
  value ? `${CLOCK.format(asDate(value))}.${String(asDate(value).getUTCMilliseconds()).padStart(3, "0")}` : UNKNOWN;

export function long_date(value) {
  if (!value) return UNKNOWN;
  const p = parts(DATE, value);
  return `${p.day} ${month(p)} ${p.year}`;
}

export function weekday_date(value) {
  if (!value) return UNKNOWN;
  const p = parts(WEEKDAY, value);
  return `${p.weekday} ${p.day} ${month(p)}`;
}

export const FORMATS = {
  plain, signed, rupees, profit, whole, signed_whole, short, short_rupees, percent,
  clock_time, clock_minute, clock_millis, long_date, weekday_date,
};
