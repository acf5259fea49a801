// Starts a page: reads what the server painted, keeps it current, and listens to keys.
import { countAges, setClock } from "./ages.js";
import { apply } from "./bind.js";
import { showCandles } from "./candles.js";
import { age } from "./formats.js";
import { followChoices, guardForms } from "./forms.js";
import { listenToKeys } from "./keys.js";
import { LogPanel } from "./log.js";
import { revalue, showPrices } from "./market.js";
import { openPalette, preparePalette } from "./palette.js";
import { PageSocket } from "./socket.js";
import { followTicket } from "./ticket.js";

const FRAME = 200;
const REFETCH = 1000;
// The server makes a page anew every five seconds at the least, and prices come all the time.
const DOUBT = 8000;
const page = document.body.dataset;
let data = readJson("snapshot");
let pending = [];
let quietly = true;
let asked = false;
let heardAt = Date.now();

function readJson(id) {
  const source = document.getElementById(id);
  return source ? JSON.parse(source.textContent) : null;
}

function paint() {
  apply(document.body, shown());
  showCandles(data?.chart);
  countAges();
}

function onSnapshot(topic, snapshot) {
  heardAt = Date.now();
  setClock(snapshot.clock ?? {});
  if ("refetch" in document.getElementById("sheet").firstElementChild?.dataset) return askAgain();
  if (topic !== page.topic) return;
  data = snapshot;
  paint();
}

// What is laid out by the server only once it is there: a result that was waited for.
const refetchedFor = () => document.getElementById("sheet").firstElementChild.dataset.refetch;

// A page that shows a selection hears only that something changed, and reads its own address again.
function askAgain() {
  if (asked) return;
  asked = true;
  setTimeout(async () => {
    asked = false;
    const reply = await fetch(location.href, { headers: { Accept: "application/json" } });
    if (!reply.ok) return;
    data = await reply.json();
    heardAt = Date.now();
    if (data[refetchedFor()]) return location.reload();
    paint();
  }, REFETCH);
}

function onMarket(market, afterGap) {
  if (market?.clock) setClock(market.clock);
  pending.push(...(market?.quotes ?? []));
  quietly ||= afterGap;
}

function onFrame() {
  if (!pending.length || document.hidden) return;
  const changed = [...new Map(pending.map((quote) => [quote.k, quote])).values()];
  pending = [];
  showPrices(changed, quietly);
  quietly = false;
  if (!data?.positions) return;
  revalue(data, changed);
  apply(document.body, shown());
}

const silence = () => Date.now() - heardAt;

// "All right" may not stand on a page that has not been told so for a while, whatever its line says.
function shown() {
  if (!data?.verdict || silence() < DOUBT) return data;
  const text = `Silent for ${age(silence() / 1000)}. It last said: ${data.verdict.headline}`;
  const lines = [{ key: "0", text, href: null, link: "" }];
  const verdict = { tone: "warn", icon: "unknown", headline: "Not known: no word from the server.", lines };
  const facts = data.facts?.map((fact) => ({ ...fact, icon: "unknown", tone: "warn", note: "as it was" }));
  return { ...data, verdict, ...(facts && { facts }) };
}

function doubt() {
  if (silence() >= DOUBT) apply(document.body, shown());
}

function tellTrouble(words) {
  const banner = document.getElementById("lost");
  banner.hidden = !words;
  if (words) banner.lastElementChild.textContent = words;
}

function start() {
  if (!data) return;
  setClock(data.clock ?? {});
  paint();
  guardForms();
  followChoices();
  followTicket();
  preparePalette(readJson("commands") ?? []);
  listenToKeys({ openPalette });
  setInterval(countAges, FRAME);
  setInterval(() => requestAnimationFrame(onFrame), FRAME);
  addEventListener("resize", paint);
  const log = LogPanel.onThisPage();
  const topics = [page.topic, "market", log && "logs"].filter(Boolean);
  const onLine = (isThere) => {
    log?.setLine(isThere);
    tellTrouble(isThere ? "" : "No word from the server: every figure shows its age.");
  };
  setInterval(doubt, 1000);
  new PageSocket(topics, { onSnapshot, onMarket, onLog: (...told) => log.hear(...told), onLine, onTrouble: tellTrouble });
}

start();
