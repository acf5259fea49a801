// The few drawings of the sheet, in plain SVG: meters, money bars, day lines, the curve of the day.
import { moneyTone, short, signed } from "./formats.js";
import { read } from "./bind.js";

const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const percentOf = (ratio) => clamp(Number(ratio ?? 0), 0, 1) * 100;

export function drawMeter(svg, item, path) {
  const datum = read(item, path) ?? {};
  const used = percentOf(datum.ratio);
  const [, ink, reserved] = svg.children;
  ink.setAttribute("width", `${used}%`);
  reserved.setAttribute("x", `${used}%`);
  reserved.setAttribute("width", `${Math.min(percentOf(datum.reserved_ratio), 100 - used)}%`);
  svg.dataset.tone = datum.tone ?? "";
  svg.setAttribute("aria-label", datum.name ?? "");
  svg.setAttribute("aria-valuetext", datum.spoken ?? "");
  svg.setAttribute("aria-valuenow", used.toFixed(0));
}

export function drawBar(svg, item, path) {
  const amount = Number(read(item, path) ?? 0);
  const largest = Number(read(item, svg.dataset.scale) ?? 0);
  const width = amount && largest ? Math.min(Math.abs(amount) / largest, 1) * 29 : 0;
  const rect = svg.firstElementChild;
  rect.setAttribute("x", amount < 0 ? 30 - width : 30);
  rect.setAttribute("width", width);
  rect.dataset.money = moneyTone(read(item, path));
}

const lineThrough = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

// One day line without axes: values only, zero drawn.
export function drawSpark(svg, item, path) {
  const values = (read(item, path) ?? []).map(Number);
  if (same(svg, values)) return;
  const width = svg.clientWidth || 72;
  const height = svg.clientHeight || 22;
  svg.replaceChildren();
  if (values.length < 2) return;
  const low = Math.min(0, ...values);
  const span = Math.max(0, ...values) - low || 1;
  const y = (value) => height - 3 - ((value - low) / span) * (height - 6);
  const points = values.map((value, i) => [2 + (i / (values.length - 1)) * (width - 8), y(value)]);
  const end = points.at(-1);
  svg.append(
    make("line", { class: "zero", x1: 0, x2: width - 6, y1: y(0), y2: y(0) }),
    make("path", { d: lineThrough(points) }),
    make("circle", { cx: end[0], cy: end[1], r: 2.2 }),
  );
}

// Daily bars above and below a zero line.
export function drawDays(svg, item, path) {
  const values = (read(item, path) ?? []).map(Number);
  if (same(svg, values)) return;
  const width = svg.clientWidth || 200;
  const height = svg.clientHeight || 40;
  const largest = Math.max(1, ...values.map(Math.abs));
  const step = width / Math.max(20, values.length);
  const middle = height / 2;
  svg.replaceChildren(make("line", { x1: 0, x2: width, y1: middle, y2: middle }));
  values.forEach((value, i) => {
    const size = (Math.abs(value) / largest) * (middle - 1);
    const box = { x: i * step, width: step - 2, y: value < 0 ? middle : middle - size, height: Math.max(size, 0.5) };
    svg.append(make("rect", { ...box, "data-money": moneyTone(String(value)) }));
  });
}

function same(svg, values) {
  const text = `${svg.clientWidth}:${values.join()}`;
  if (svg.drawn === text) return true;
  svg.drawn = text;
  return false;
}

const STEPS = [1, 2, 2.5, 5, 10];

function niceStep(span) {
  const raw = Math.max(span, 300) / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  return STEPS.map((step) => step * power).find((step) => step >= raw);
}

function scaleOf(values) {
  const step = niceStep(Math.max(0, ...values) - Math.min(0, ...values));
  const low = Math.floor(Math.min(0, ...values) / step) * step;
  const high = Math.max(Math.ceil(Math.max(0, ...values) / step) * step, low + step);
  return { low, high, step };
}

// The net of the day: own line above and below zero, others dashed, and the empty space to the close.
export function drawCurve(svg, item, path) {
  const curve = read(item, path);
  const box = svg.getBoundingClientRect();
  if (!curve || !box.width || same(svg, [curve.points?.length, curve.points?.at(-1), curve.closes, curve.others?.length, curve.marks?.length, curve.marks?.at(-1)?.words])) return;
  const frame = { width: box.width - 62, height: box.height - 24, top: 6 };
  const points = (curve.points ?? []).map(([at, net]) => [at, Number(net)]);
  const others = (curve.others ?? []).map((line) => line.map(([at, net]) => [at, Number(net)]));
  const scale = scaleOf([...points, ...others.flat()].map(([, net]) => net));
  const x = (at) => clamp((at - curve.opens) / (curve.closes - curve.opens || 1), 0, 1) * frame.width;
  const y = (net) => frame.top + ((scale.high - net) / (scale.high - scale.low)) * (frame.height - frame.top);
  svg.replaceChildren(...axes(curve, scale, frame, x, y));
  for (const line of others) drawOther(svg, line, x, y);
  if (points.length > 1) drawOwn(svg, points, frame, x, y);
  for (const mark of curve.marks ?? []) drawMark(svg, mark, x, y);
}

// What was filled: a ring on the line. Its words are told when pointed at, and stand in the list below the curve.
function drawMark(svg, mark, x, y) {
  const ring = make("circle", { class: "mark", cx: x(mark.at), cy: y(Number(mark.net)), r: 3.4 });
  ring.append(make("title", {}, mark.words));
  svg.append(ring);
}

function axes(curve, scale, frame, x, y) {
  const drawn = [];
  for (let net = scale.low; net <= scale.high + scale.step / 2; net += scale.step) {
    drawn.push(make("line", { class: net ? "grid" : "zero", x1: 0, x2: frame.width, y1: y(net), y2: y(net) }));
    drawn.push(make("text", { x: frame.width + 8, y: y(net) + 4 }, net ? axisWords(net) : "0"));
  }
  for (const [at, word, anchor] of curve.ticks ?? []) {
    drawn.push(make("text", { x: x(at), y: frame.height + 20, "text-anchor": anchor ?? "middle" }, word));
  }
  return drawn;
}

const axisWords = (net) => (Math.abs(net) >= 100000 ? (net > 0 ? "+" : "") + short(String(net)) : signed(String(net), 0));

function drawOwn(svg, points, frame, x, y) {
  const id = `clip-${svg.id || "net"}`;
  const line = lineThrough(points.map(([at, net]) => [x(at), y(net)]));
  const [end, start, zero] = [points.at(-1), points[0], y(0)];
  const area = `${line}L${x(end[0])} ${zero}L${x(start[0])} ${zero}Z`;
  const clip = (name, top, bottom) => {
    const path = make("clipPath", { id: `${id}-${name}` });
    path.append(make("rect", { x: 0, y: top, width: frame.width, height: Math.max(0, bottom - top) }));
    return path;
  };
  svg.append(clip("over", 0, zero), clip("under", zero, frame.height + 4));
  for (const half of ["over", "under"]) {
    svg.append(make("path", { class: `${half}-wash`, d: area, "clip-path": `url(#${id}-${half})` }));
    svg.append(make("path", { class: half, d: line, "clip-path": `url(#${id}-${half})` }));
  }
  svg.append(make("line", { class: "now", x1: x(end[0]), x2: x(end[0]), y1: 0, y2: frame.height }));
  svg.append(make("circle", { class: end[1] < 0 ? "dot-down" : "dot-up", cx: x(end[0]), cy: y(end[1]), r: 3.2 }));
}

function drawOther(svg, line, x, y) {
  if (line.length < 2) return;
  const end = line.at(-1);
  svg.append(make("path", { class: "other", d: lineThrough(line.map(([at, net]) => [x(at), y(net)])) }));
  svg.append(make("circle", { class: "dot-other", cx: x(end[0]), cy: y(end[1]), r: 2.6 }));
}
