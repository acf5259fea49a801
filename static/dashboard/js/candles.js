// Candles with stop, target and fills, drawn by Lightweight Charts where it is installed.
import { plain } from "./formats.js";

const LIBRARY = "/static/npm/lightweight-charts/lightweight-charts.standalone.production.mjs";
const OFFSET = 5.5 * 3600;
// More words than these would lie on each other; a mark pointed at says what it was.
const MOST_NAMED = 8;
let drawn = null;

export async function showCandles(chart) {
  const holder = document.getElementById("candles");
  if (!holder || !chart?.candles?.length) return;
  if (!drawn) drawn = begin(holder);
  const parts = await drawn;
  if (parts) fill(parts, chart);
}

async function begin(holder) {
  const library = await import(LIBRARY).catch(() => null);
  if (!library) {
    document.getElementById("candles-missing").hidden = false;
    holder.hidden = true;
    return null;
  }
  const tokens = getComputedStyle(document.documentElement);
  const color = (name) => resolve(tokens, name);
  const view = library.createChart(holder, {
    autoSize: true,
    layout: { background: { color: color("--bg") }, textColor: color("--fg2"), fontSize: 12, fontFamily: tokens.getPropertyValue("--sans"), attributionLogo: false },
    grid: { vertLines: { visible: false }, horzLines: { color: color("--grid") } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false, rightOffset: 6 },
    localization: { priceFormatter: (price) => plain(price.toFixed(2)) },
    handleScroll: false,
    handleScale: false,
  });
  const series = view.addSeries(library.CandlestickSeries, {
    upColor: color("--bg"), downColor: color("--down"), borderUpColor: color("--up"), borderDownColor: color("--down"),
    wickUpColor: color("--up"), wickDownColor: color("--down"), priceLineVisible: false, lastValueVisible: false,
  });
  const parts = { library, view, series, color, lines: [], levels: [], fills: [], markers: null };
  view.subscribeCrosshairMove(({ time }) => sayFills(parts, time));
  series.applyOptions({ autoscaleInfoProvider: (original) => withLevels(original(), parts.levels) });
  return parts;
}

// What was filled in the candle pointed at, with its reason; else the last fill.
function sayFills(parts, time) {
  const said = document.getElementById("candles-said");
  if (!said) return;
  const here = parts.fills.filter(({ at }) => local(at) === time);
  const shown = here.length ? here : parts.fills.slice(-1);
  said.textContent = shown.map((fill) => fill.said).join(" · ");
}

// Stop and target belong in the picture even where the price has not been.
function withLevels(info, levels) {
  if (!info) return info;
  const { minValue, maxValue } = info.priceRange;
  return { ...info, priceRange: { minValue: Math.min(minValue, ...levels), maxValue: Math.max(maxValue, ...levels) } };
}

// light-dark() is resolved only on a real property, so ask one.
function resolve(tokens, name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// The library writes times as UTC, so Kolkata's wall time is given to it as if it were.
const local = (seconds) => seconds + OFFSET;

function fill(parts, chart) {
  const { library, view, series, color } = parts;
  series.setData(chart.candles.map(([time, open, high, low, close]) => ({ time: local(time), open: +open, high: +high, low: +low, close: +close })));
  for (const line of parts.lines) series.removePriceLine(line);
  parts.levels = (chart.levels ?? []).map(({ price }) => +price);
  parts.lines = (chart.levels ?? []).map(({ name, price }) =>
    series.createPriceLine({ price: +price, color: color("--fg2"), lineWidth: 1, lineStyle: library.LineStyle.Dashed, title: name, axisLabelVisible: true }));
  parts.fills = chart.fills ?? [];
  const named = parts.fills.length <= MOST_NAMED;
  const markers = parts.fills.map(({ at, side, words }) => ({
    time: local(at), position: side === "Buy" ? "belowBar" : "aboveBar", shape: side === "Buy" ? "arrowUp" : "arrowDown", color: color("--accent"), text: named ? words : "",
  }));
  if (parts.markers) parts.markers.setMarkers(markers);
  else parts.markers = library.createSeriesMarkers(series, markers);
  view.timeScale().fitContent();
  sayFills(parts, null);
}
