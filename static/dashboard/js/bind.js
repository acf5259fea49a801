// Keeps a server-rendered page equal to a snapshot: elements declare which datum they show, and only what changed is touched.
import { FORMATS, moneyTone } from "./formats.js";
import { stateOf } from "./ages.js";
import { drawBar, drawCurve, drawDays, drawMeter, drawSpark } from "./draw.js";

const DRAWERS = { meter: drawMeter, bar: drawBar, curve: drawCurve, spark: drawSpark, days: drawDays };
const waiting = new WeakMap();

export const read = (item, path) => (path === "." ? item : path.split(".").reduce((at, part) => at?.[part], item));

export function apply(root, data) {
  for (const child of root.children) visit(child, data);
}

function visit(element, data) {
  if (element.tagName === "TEMPLATE") return;
  const scope = element.dataset.scope ? data?.[element.dataset.scope] : data;
  if (scope === undefined) return;
  show(element, scope);
  if (element.dataset.list) reconcile(element, read(scope, element.dataset.list), scope);
  else for (const child of element.children) visit(child, scope);
}

function show(element, item) {
  const { b, bind, show: shownBy, needs, icon, age, until } = element.dataset;
  if (b) write(element, read(item, b));
  if (bind) for (const pair of bind.split(" ")) setAttribute(element, ...pair.split(":"), item);
  if (shownBy) element.hidden = isEmpty(read(item, shownBy)) || (needs && !isReached(read(item, needs)));
  if (icon) setIcon(element, read(item, icon) || "none");
  if (age || until) element.datum = read(item, age ?? until);
  for (const [kind, draw] of Object.entries(DRAWERS)) if (kind in element.dataset) draw(element, item, element.dataset[kind]);
}

// One snapshot is made for all who read it: whose acts of it the reader reaches is said by the page.
const { rights = "", accounts = "" } = document.body.dataset;

function isReached(needed) {
  const [right, account] = (needed ?? "").split(" ");
  return (!right || rights.split(" ").includes(right)) && (!account || accounts === "*" || accounts.split(" ").includes(account));
}

const isEmpty = (value) => !value || (Array.isArray(value) && !value.length);

function write(element, value) {
  const form = element.dataset.as;
  const text = form ? FORMATS[form](value) : (value ?? "");
  if (element.textContent !== String(text)) element.textContent = text;
  if ("money" in element.dataset) set(element, "data-money", moneyTone(value));
}

// An age is judged by the browser's own clocks: the state the server saw is as old as the snapshot.
const AGE_STATE = /(^|\.)age\.state$/;
const attributeOf = (item, path) => (AGE_STATE.test(path) ? stateOf(read(item, path.slice(0, -".state".length))) : read(item, path));

function setAttribute(element, name, path, item) {
  const value = attributeOf(item, path);
  if (value === null || value === undefined || value === false || value === "") element.removeAttribute(name);
  else set(element, name, String(value));
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function setIcon(svg, name) {
  set(svg.firstElementChild, "href", `#i-${name}`);
}

function reconcile(list, items, scope) {
  if (!Array.isArray(items)) return;
  for (const child of list.children) if (child.dataset.key === undefined) visit(child, scope);
  const rows = rowsOf(list);
  const once = eachOnce(items);
  if (isBeingRead(list)) holdBack(list, once, rows, scope);
  else arrange(list, once, rows);
}

// A key names one row: a second one would be nobody's, and stay for ever.
function rowsOf(list) {
  const rows = new Map();
  for (const child of [...list.children]) {
    const key = child.dataset.key;
    if (key === undefined) continue;
    if (rows.has(key)) child.remove();
    else rows.set(key, child);
  }
  return rows;
}

const eachOnce = (items) => [...new Map(items.map((item) => [String(item.key), item])).values()];

const isBeingRead = (list) =>
  "fresh" in list.dataset && (list.matches(":hover") || (list.contains(document.activeElement) && document.hasFocus()));

// The order does not change, and nothing enters, while the reader's pointer or focus is in the list.
function holdBack(list, items, rows, scope) {
  for (const item of items) if (rows.has(String(item.key))) visit(rows.get(String(item.key)), item);
  const unseen = items.filter((item) => !rows.has(String(item.key))).length;
  waiting.set(list, { items, scope });
  announceWaiting(list, unseen);
}

function announceWaiting(list, count) {
  const head = list.closest(".panel")?.querySelector(":scope > header");
  if (!head) return;
  let note = head.querySelector(".waiting");
  if (!note) {
    note = Object.assign(document.createElement("button"), { className: "waiting as-link note", type: "button" });
    note.addEventListener("click", () => release(list));
    head.querySelector("h2").after(note);
    for (const leaving of ["mouseleave", "focusout"]) list.addEventListener(leaving, () => release(list));
  }
  note.hidden = !count;
  note.textContent = `${count} new`;
}

function release(list) {
  const held = waiting.get(list);
  if (!held) return;
  waiting.delete(list);
  announceWaiting(list, 0);
  arrange(list, held.items, rowsOf(list));
}

function arrange(list, items, rows) {
  const template = list.querySelector(":scope > template");
  let before = null;
  for (const item of items) {
    const key = String(item.key);
    const row = rows.get(key) ?? create(template, key);
    rows.delete(key);
    place(list, row, before);
    visit(row, item);
    before = row;
  }
  for (const gone of rows.values()) gone.remove();
}

function place(list, row, before) {
  if (before) {
    if (before.nextElementSibling !== row) before.after(row);
  } else if (row.parentElement !== list) {
    const first = [...list.children].find((child) => child.dataset.key !== undefined);
    if (first) first.before(row);
    else list.append(row);
  }
}

function create(template, key) {
  const row = document.importNode(template.content, true).firstElementChild;
  row.dataset.key = key;
  row.classList.add("fresh");
  setTimeout(() => row.classList.remove("fresh"), 900);
  return row;
}
