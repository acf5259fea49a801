// The processes' log lines as they are written: filtered, searched, held back while they are read, and never too many.
import { setIcon } from "./bind.js";
import { clock_millis, weekday_date, whole } from "./formats.js";

const KEPT = 2000;
const MOST_ROWS = 500;
const LEVELS = ["debug", "info", "warning", "error", "critical"];
const TONES = { warning: ["warn", "warn"], error: ["cross", "fault"], critical: ["cross", "fault"] };
// What names one thing from line to line: pressed, the lines that speak of it are left.
const NAMES = new Set(["tag", "key", "correlation", "request_id", "run", "shard", "order", "signal", "trade", "row"]);
const isName = (name, value) => NAMES.has(name) && /^[^\s]+$/.test(value);

// A place on the stream is two numbers: milliseconds, and which of them.
const parts = (key) => key.split("-").map(Number);
export function isAfter(key, other) {
  const [[ms, n], [otherMs, otherN]] = [parts(key), parts(other)];
  return ms > otherMs || (ms === otherMs && n > otherN);
}

export class LogPanel {
  static onThisPage() {
    const panel = document.getElementById("log");
    return panel && new LogPanel(panel);
  }

  constructor(panel) {
    const part = (name) => panel.querySelector(`[data-log="${name}"]`);
    for (const name of ["search", "level", "process", "pause", "count", "state", "list", "rows", "row", "empty"]) this[name] = part(name);
    Object.assign(this, { lines: [], newest: "0-0", waiting: 0, isPaused: false, isThere: true, hasBegun: false, trouble: "" });
    this.listen(panel);
    panel.querySelector("form").hidden = false;
    this.render();
  }

  listen(panel) {
    panel.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    for (const field of [this.search, this.level, this.process]) field.addEventListener("input", () => this.render());
    this.search.addEventListener("keydown", (event) => event.key === "Escape" && this.follow(""));
    this.pause.addEventListener("click", () => this.togglePause());
    this.list.addEventListener("click", (event) => event.target.dataset.follows && this.follow(event.target.textContent));
    for (const leaving of ["mouseleave", "focusout", "scroll"]) this.list.addEventListener(leaving, () => this.catchUp());
  }

  // Lines that were told twice, by the last lines and by what followed them, stand once.
  hear({ lines, missed, trouble }, isAnew) {
    this.trouble = trouble ?? this.trouble;
    const fresh = lines.filter((line) => isAfter(line.key, this.newest));
    const isTorn = isAnew && this.lines.length && fresh.length === lines.length;
    if (fresh.length && (missed || isTorn)) fresh.unshift(missedLine(missed, fresh[0]));
    this.newest = fresh.at(-1)?.key ?? this.newest;
    this.lines.unshift(...fresh.reverse().map(prepared));
    this.lines.length = Math.min(this.lines.length, KEPT);
    this.hasBegun ||= isAnew;
    this.add(this.lines.slice(0, fresh.length));
  }

  setLine(isThere) {
    this.isThere = isThere;
    this.say();
  }

  isHeld() {
    const isFocused = this.list.contains(document.activeElement) && document.hasFocus();
    return this.isPaused || this.list.matches(":hover") || isFocused || this.list.scrollTop > 0;
  }

  add(lines) {
    for (const { process } of lines) this.offer(process);
    if (this.isHeld()) this.waiting += lines.filter(this.filter()).length;
    else {
      this.rows.prepend(...lines.filter(this.filter()).map((line) => this.draw(line)));
      while (this.rows.childElementCount > MOST_ROWS) this.rows.lastElementChild.remove();
    }
    this.say();
  }

  catchUp() {
    // When focus moves on within the list, or the pointer comes back, it is still being read.
    requestAnimationFrame(() => this.waiting && !this.isHeld() && this.render());
  }

  render() {
    for (const { process } of this.lines) this.offer(process);
    const shown = this.lines.filter(this.filter()).slice(0, MOST_ROWS);
    this.waiting = 0;
    this.rows.replaceChildren(...shown.map((line) => this.draw(line)));
    this.list.scrollTop = 0;
    this.say();
  }

  filter() {
    const [least, process, words] = [LEVELS.indexOf(this.level.value), this.process.value, this.search.value.trim().toLowerCase()];
    return (line) => line.rank >= least && (!process || line.process === process) && (!words || line.text.includes(words));
  }

  // A process that is heard for the first time can be chosen from now on; names keep their order.
  offer(process) {
    const options = [...this.process.options].slice(1);
    if (!process || options.some((option) => option.value === process)) return;
    this.process.add(new Option(process, process), options.find((option) => option.value > process) ?? null);
  }

  follow(name) {
    this.search.value = name;
    this.search.focus();
    this.render();
  }

  togglePause() {
    this.isPaused = !this.isPaused;
    this.pause.setAttribute("aria-pressed", String(this.isPaused));
    if (this.isPaused) this.say();
    else this.render();
  }

  draw(line) {
    const row = document.importNode(this.row.content, true).firstElementChild;
    const cell = (name) => row.querySelector(`[data-cell="${name}"]`);
    const [icon, tone] = TONES[line.level] ?? ["none", ""];
    cell("time").textContent = timeOf(line.at);
    cell("time").dateTime = cell("time").title = line.at;
    setIcon(row.querySelector(".icon"), icon);
    if (tone) cell("level").dataset.tone = tone;
    cell("level").lastElementChild.textContent = line.level;
    cell("process").textContent = line.process;
    cell("process").title = `${line.logger}, process ${line.pid}`;
    cell("words").firstElementChild.textContent = line.event;
    cell("words").append(...line.fields.flatMap(drawField));
    cell("trace").hidden = !line.trace;
    cell("trace").lastElementChild.textContent = line.trace;
    return row;
  }

  // What stands beside the list: how many, whether they come, and if none does, why.
  say() {
    const [shown, waits] = [this.rows.childElementCount, this.waiting ? `, ${whole(this.waiting)} wait` : ""];
    const state = !this.isThere || this.trouble ? "failed" : this.isHeld() ? "held" : "live";
    const words = (!this.isThere && "No word from the server") || this.stillWords();
    this.count.textContent = `${whole(shown)} shown of ${whole(this.lines.length)}`;
    this.state.dataset.state = state;
    setIcon(this.state.firstElementChild, { live: "live", held: "paused", failed: "dead" }[state]);
    this.state.lastElementChild.textContent = this.trouble ? "not read" : words + waits;
    this.pause.textContent = this.isPaused ? `Go on${this.waiting ? ` (${whole(this.waiting)})` : ""}` : "Pause";
    this.empty.hidden = Boolean(shown) && !this.trouble;
    this.empty.textContent = this.trouble || this.emptyWords();
  }

  stillWords() {
    if (this.isPaused) return "paused";
    return this.isHeld() ? "held while you read" : "as they are written";
  }

  emptyWords() {
    if (!this.hasBegun) return "Asking for the last lines …";
    return this.lines.length ? "No line passes the filter." : "No process has logged anything within a day.";
  }
}

// What is searched is made once: all that the row shows.
function prepared(line) {
  const fields = line.fields.map(([name, value]) => `${name}=${value}`);
  const text = [line.event, line.process, line.logger, ...fields, line.trace].join(" ").toLowerCase();
  return { ...line, text, rank: Math.max(0, LEVELS.indexOf(line.level)) };
}

const missedLine = (count, { key, at }) => ({
  key, at, level: "warning", process: "", pid: "", logger: "this page", trace: "", fields: [],
  event: count
    ? `${whole(count)} lines are missing here: they came faster than they were read.`
    : "Lines may be missing here: the server was not heard for a while.",
});

function timeOf(at) {
  const isToday = weekday_date(at) === weekday_date(new Date());
  return isToday ? clock_millis(at) : `${weekday_date(at)} ${clock_millis(at)}`;
}

function drawField([name, value]) {
  const label = Object.assign(document.createElement("span"), { className: "q", textContent: ` ${name}=` });
  if (!isName(name, value)) return [label, value];
  const button = Object.assign(document.createElement("button"), { type: "button", className: "as-link", textContent: value });
  button.dataset.follows = name;
  button.title = "Show only the lines that name it";
  return [label, button];
}
