// Prices as they come: cells flash, and open profit moves with them, exactly, between two snapshots.
import { marketNow } from "./ages.js";
import { add, minus, parse, times } from "./exact.js";
import { moneyTone, plain } from "./formats.js";

const flashedAt = new WeakMap();
const FLASH_GAP = 1000;
const FLASH = 600;

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

// Open profit is linear in the price, so a change of price is a change of every sum the position is part of.
export function revalue(data, changed) {
  const latest = new Map(changed.map((quote) => [quote.k, quote]));
  const sums = new Map();
  for (const group of data?.positions?.groups ?? []) {
    for (const row of group.rows) {
      const change = move(row, latest.get(row.k));
      for (const [item, figures] of sumsOf(data, group, row)) {
        if (change) for (const figure of figures) raise(item, figure, change);
        sums.set(item, [...(sums.get(item) ?? []), row.age?.at ?? null]);
      }
    }
  }
  for (const [item, times] of sums) freshen(item, times);
  for (const row of cards(data)) tintCard(row);
  if (data?.net && sums.size) tintHero(data.net);
}

// Take the new price into the position; returns by how much its profit changed, or null.
function move(row, quote) {
  if (!quote?.e || quote.s === "dead" || !row.age?.at || Date.parse(quote.e) < Date.parse(row.age.at)) return null;
  row.age.at = quote.e;
  if (row.last === null || row.open === null || quote.p === row.last) return null;
  const change = times(row.quantity, minus(quote.p, row.last));
  row.last = quote.p;
  return change;
}

const cards = (data) => (data?.strategies?.groups ?? data?.groups ?? []).flatMap((group) => group.rows ?? []);

// Every item the position counts in, and which of its figures move with it.
function sumsOf(data, group, row) {
  const strategies = (data.strategies?.groups ?? data.groups ?? []).filter((each) => each.key === group.key);
  const own = strategies.flatMap((each) => each.rows).filter((each) => each.key === row.deployment);
  // By whose money it is, not by how it is shown: in practice a rehearsed live account looks like all others.
  const isMain = data.net?.kind === row.kind;
  const net = isMain ? data.net : data.net?.others?.find((other) => other.kind === row.kind);
  const result = data.results?.rows.find((each) => each.key === row.portfolio);
  const account = data.accounts?.find((each) => each.key === group.key);
  return [
    [row, ["open", "to_stop"]],
    [group, ["open"]],
    [data.positions, []],
    ...[...strategies, ...own].map((each) => [each, ["net"]]),
    [net, isMain ? ["net", "open"] : ["net"]],
    [result, ["net", "open"]],
    [data.results, []],
    [account, ["net"]],
  ].filter(([item]) => item);
}

function raise(item, name, change) {
  if (item[name] !== null && item[name] !== undefined) item[name] = add(item[name], change);
}

// A sum is as old as its oldest price.
function freshen(item, moments) {
  if (!item.age || item.age.at === null || moments.includes(null)) return;
  item.age.at = moments.reduce((a, b) => (Date.parse(a) < Date.parse(b) ? a : b));
}

// Marks, colours and the ends of lines follow the figure.
function tintCard(row) {
  const tone = moneyTone(row.net);
  Object.assign(row, { net_tone: tone, net_icon: tone || "none", spark_tone: tone });
  if (row.spark?.length && row.net !== null) row.spark[row.spark.length - 1] = row.net;
}

function tintHero(net) {
  const tone = moneyTone(net.net);
  Object.assign(net, { tone, icon: tone || (net.net === null ? "unknown" : "none") });
  if (net.net === null) return;
  if (net.worst !== null && parse(net.net) < parse(net.worst)) net.worst = net.net;
  const points = net.curve?.points;
  if (points?.length) points[points.length - 1] = [Math.max(points.at(-1)[0], Math.floor(marketNow() / 1000)), net.net];
}
