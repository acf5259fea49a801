// Find or do: places, strategies, and the few acts; anything that changes what is sent asks first.
import { act } from "./forms.js";

const PAUSE = 150;
let commands = [];
let chosen = 0;
let asking = null;
let timer = null;

const dialog = () => document.getElementById("palette");

export function preparePalette(list) {
  commands = list;
  const box = dialog();
  if (!box) return;
  const input = Object.assign(document.createElement("input"), { type: "text", placeholder: "Find or do", autocomplete: "off" });
  input.setAttribute("aria-label", "Find or do");
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-controls", "palette-list");
  input.setAttribute("aria-expanded", "true");
  const list_ = Object.assign(document.createElement("ul"), { id: "palette-list" });
  list_.setAttribute("role", "listbox");
  const close = Object.assign(document.createElement("button"), { type: "button", className: "esc", textContent: "Esc" });
  close.setAttribute("aria-label", "Esc: close");
  close.addEventListener("click", () => box.close());
  box.replaceChildren(input, close, list_);
  input.addEventListener("input", () => {
    show(input.value);
    clearTimeout(timer);
    timer = setTimeout(() => findMore(input.value), PAUSE);
  });
  input.addEventListener("keydown", onKey);
  list_.addEventListener("click", (event) => choose(event.target.closest("li")?.command));
  box.addEventListener("click", (event) => event.target === box && box.close());
}

export function openPalette() {
  const box = dialog();
  if (!box || box.open) return box?.close();
  box.querySelector("input").value = "";
  show("");
  box.showModal();
}

export function matching(text, list) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return list.filter((command) => words.every((word) => command.words.toLowerCase().includes(word)));
}

// What the server finds of the words stands below the page's own commands; an answer to older words is dropped.
async function findMore(text) {
  asking?.abort();
  asking = new AbortController();
  try {
    const reply = await fetch(`/find/?${new URLSearchParams({ q: text })}`, { signal: asking.signal });
    const input = dialog().querySelector("input");
    if (reply.ok && input.value === text && !dialog().querySelector(".ask")) show(text, (await reply.json()).commands);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

function show(text, more = []) {
  chosen = more.length ? chosen : 0;
  const found = [...matching(text, commands).slice(0, 12), ...more];
  const list = dialog().querySelector("ul");
  list.replaceChildren(...found.map(row));
  if (!found.length) list.append(Object.assign(document.createElement("li"), { className: "none", textContent: "Nothing by that name." }));
  highlight();
}

function row(command, index) {
  const item = document.createElement("li");
  item.command = command;
  item.id = `palette-${index}`;
  item.setAttribute("role", "option");
  item.append(Object.assign(document.createElement("span"), { textContent: command.words }));
  if (command.mode) {
    const badge = Object.assign(document.createElement("span"), { className: "badge", textContent: command.mode });
    badge.dataset.mode = command.mode;
    item.append(badge);
  }
  return item;
}

function highlight() {
  const rows = [...dialog().querySelectorAll("li[role=option]")];
  rows.forEach((each, index) => each.setAttribute("aria-selected", index === chosen));
  rows[chosen]?.scrollIntoView({ block: "nearest" });
  dialog().querySelector("input").setAttribute("aria-activedescendant", rows[chosen]?.id ?? "");
}

function onKey(event) {
  const rows = [...dialog().querySelectorAll("li[role=option]")];
  const moves = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in moves && rows.length) {
    event.preventDefault();
    chosen = (chosen + moves[event.key] + rows.length) % rows.length;
    highlight();
  } else if (event.key === "Enter") {
    event.preventDefault();
    choose(rows[chosen]?.command);
  }
}

function choose(command) {
  if (!command) return;
  if (command.href) location.href = command.href;
  else if (command.asks) confirmAct(command);
  else act(command.action, command.fields);
}

function confirmAct(command) {
  const box = Object.assign(document.createElement("div"), { className: "ask" });
  const words = Object.assign(document.createElement("p"), { textContent: command.asks });
  const row_ = Object.assign(document.createElement("div"), { className: "actions" });
  const go = Object.assign(document.createElement("button"), { type: "button", className: "button danger-fill", textContent: command.words });
  const back = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: "Back" });
  go.addEventListener("click", () => act(command.action, command.fields));
  back.addEventListener("click", () => show(dialog().querySelector("input").value));
  row_.append(go, back);
  box.append(words, row_);
  dialog().querySelector("ul").replaceChildren(box);
  go.focus();
}
