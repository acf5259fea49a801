// Two clocks, and every age on the page counted on by the browser itself, so that a lost socket ages everything.
import { age, clock_time, left, weekday_date } from "./formats.js";
import { setIcon } from "./bind.js";

// A snapshot is as old as its way here: a clock that is ahead of it by no more than this goes on as it was.
const LONGEST_WAY = 10_000;
let anchor = { market: Date.now(), wall: Date.now(), here: Date.now(), rate: 1, isSet: false };
const COUNTED = new Set(["live", "stale", "dead"]);
const ICONS = { live: "live", stale: "stale", dead: "dead", failed: "dead", loading: "loading", closed: "closed" };

export function setClock({ market, wall, rate }) {
  if (!market) return;
  const said = { market: Date.parse(market), wall: Date.parse(wall ?? market), here: Date.now(), rate: Number(rate ?? 1), isSet: true };
  const ahead = wallNow() - said.wall;
  if (anchor.isSet && anchor.rate === said.rate && ahead > 0 && ahead < LONGEST_WAY && isSameDay(said)) return;
  anchor = said;
}

// Market time may be set anew while this machine's goes on: another day of practice.
const isSameDay = (said) => Math.abs(marketNow() - said.market) < LONGEST_WAY * Math.max(said.rate, 1);

export const marketNow = () => anchor.market + (Date.now() - anchor.here) * anchor.rate;
export const wallNow = () => anchor.wall + (Date.now() - anchor.here);

export function stateOf(datum) {
  if (!datum) return "unknown";
  if (datum.state && !COUNTED.has(datum.state)) return datum.state;
  if (!datum.at) return "unknown";
  const passed = secondsSince(datum);
  if (datum.dead !== null && datum.dead !== undefined && passed >= datum.dead) return "dead";
  return datum.stale !== null && datum.stale !== undefined && passed >= datum.stale ? "stale" : "live";
}

const secondsSince = (datum) => ((datum.clock === "market" ? marketNow() : wallNow()) - Date.parse(datum.at)) / 1000;

export function wordsOf(datum, state, short) {
  if (!datum || state === "unknown") return datum?.words ?? "unknown";
  if (!COUNTED.has(state)) return datum.words ?? `at ${clock_time(datum.at)}`;
  const passed = age(secondsSince(datum));
  if (short || !datum.what || state === "live") return passed;
  return state === "dead" ? `no ${datum.what.replace("oldest ", "")} for ${passed}` : `${datum.what} ${passed}`;
}

export function countAges() {
  for (const element of document.querySelectorAll("[data-age]")) {
    if (element.datum !== undefined) tell(element, element.datum);
  }
  for (const element of document.querySelectorAll("[data-until]")) {
    if (element.datum) element.textContent = left((Date.parse(element.datum) - marketNow()) / 1000);
  }
  tellTime();
}

function tell(element, datum) {
  const state = stateOf(datum);
  const words = wordsOf(datum, state, "short" in element.dataset);
  const text = element.lastElementChild;
  if (text.textContent !== words) text.textContent = words;
  if (element.dataset.state === state) return;
  element.dataset.state = state;
  setIcon(element.firstElementChild, ICONS[state] ?? "unknown");
  const holder = element.closest("[data-bind*='age.state']");
  if (holder) holder.dataset.state = state;
}

function tellTime() {
  const clock = document.querySelector(".clock");
  if (!clock) return;
  const now = new Date(marketNow());
  const [day, time] = clock.children;
  if (time.textContent !== clock_time(now)) time.textContent = clock_time(now);
  if (day.textContent !== weekday_date(now)) day.textContent = weekday_date(now);
}
