// Plots as SVG: lines, bars, stacked bars, each with its numbers as a table beside it. Knows no figure by name.
// Colours come from the style sheet (.series-0 ... .series-5), so light and dark are its matter.
import { el } from "./dom.js";
import { sheet } from "./sheet.js";

sheet(import.meta.url, "plots.css");

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 210, LEFT = 54, RIGHT = 8, TOP = 10, BOTTOM = 24;
const AROUND = 66; // what the page puts beside a plot on a narrow screen

// labels: one a step, in order. series: [{ name, values, tone, of }], null where nothing was measured; tone: which colour; of: how many
// each value was measured on. kind: "line", "bar" or "stacked".
// width: as drawn on a wide screen, in pixels. format(value) for axis, table and tooltip; range: [low, high] where it is fixed. label(text): short form for the axis. of: what a label is.
export function plot({ title, labels, series, kind = "line", format = String, range = null, label = (text) => text, width = 520, of = "Day" }) {
  const wide = Math.max(260, Math.min(width, innerWidth - AROUND));
  const known = series.flatMap((one) => one.values).filter((value) => value !== null);
  if (!known.length) return el("p.muted.small", {}, "Nothing in this period.");
  const [low, high, ticks] = range ? [...range, steps(...range)] : scale(kind === "stacked" ? labels.map((_, at) => sum(series, at)) : known);
  const across = (at) => LEFT + ((at + 0.5) / labels.length) * (wide - LEFT - RIGHT);
  const down = (value) => TOP + (1 - (value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const box = svg("svg", { viewBox: `0 0 ${wide} ${HEIGHT}`, role: "img", "aria-label": `${title}; the numbers stand in the table below it` });
  for (const tick of ticks) {
    box.append(svg("line", { class: "grid", x1: LEFT, x2: wide - RIGHT, y1: down(tick), y2: down(tick) }));
    box.append(text(LEFT - 6, down(tick) + 4, format(tick), "end"));
  }
  axis(box, labels, across, label, wide);
  if (kind === "line") series.forEach((one, number) => box.append(...line(one, number, across, down)));
  else bars(box, { labels, series, kind, across, down, low });
  box.append(...labels.map((name, at) => hover(name, at, { series, format, across, column: (wide - LEFT - RIGHT) / labels.length })));
  return el("figure.plot", {}, series.length > 1 ? legend(series) : null, box, table({ title, of }, labels, series, format));
}

// rows: [{ name, value, note }], most first: bars from left to right, which need no axis.
export function ranking(rows, format = String) {
  const most = Math.max(...rows.map((row) => row.value), 1);
  return el("ul.ranking", {}, rows.map((row) => {
    const fill = el("span.fill");
    fill.style.width = `${(100 * row.value) / most}%`;
    return el("li", {}, el("span.name", { dir: "auto" }, row.name), el("span.track", { "aria-hidden": "true" }, fill),
      el("span.number", {}, format(row.value), row.note ? el("span.small.muted", {}, ` ${row.note}`) : null));
  }));
}

function axis(box, labels, across, label, wide) {
  const every = Math.max(1, Math.ceil(labels.length / Math.floor(wide / 68)));
  labels.forEach((name, at) => { if (at % every === 0) box.append(text(across(at), HEIGHT - 6, label(name), "middle")); });
}

function line(one, number, across, down) {
  const runs = [[]];
  one.values.forEach((value, at) => (value === null ? runs.push([]) : runs.at(-1).push([across(at), down(value)])));
  return runs.filter((run) => run.length).map((run) => (run.length === 1
    ? svg("circle", { class: `dot series-${one.tone ?? number}`, cx: run[0][0], cy: run[0][1], r: 3 })
    : svg("polyline", { class: `line series-${one.tone ?? number}`, points: run.map((point) => point.map((n) => n.toFixed(1)).join(",")).join(" ") })));
}

function bars(box, { labels, series, kind, across, down, low }) {
  const room = Math.min(80, (across(1) - across(0)) * 0.72), wide = kind === "bar" ? room / series.length : room;
  labels.forEach((_, at) => {
    let under = 0;
    series.forEach((one, number) => {
      const value = one.values[at] ?? 0;
      if (!value) return;
      const from = kind === "stacked" ? under : low, x = across(at) - room / 2 + (kind === "bar" ? number * wide : 0);
      const top = down(from + (kind === "stacked" ? value : value - low));
      box.append(svg("rect", { class: `column series-${one.tone ?? number}`, x: x.toFixed(1), y: top.toFixed(1), width: Math.max(1, wide).toFixed(1), height: Math.max(1, down(from) - top).toFixed(1) }));
      under += value;
    });
  });
}

// A column over the whole height that tells its numbers to the mouse; the table tells them to everybody.
function hover(name, at, { series, format, across, column: wide }) {
  const column = svg("rect", { class: "hover", x: across(at) - wide / 2, y: TOP, width: wide, height: HEIGHT - TOP - BOTTOM });
  const says = svg("title", {});
  says.textContent = [name, ...series.map((one) => `${one.name}: ${said(one, at, format)}`)].join("\n");
  column.append(says);
  return column;
}

function legend(series) {
  return el("ul.legend", {}, series.map((one, number) => el("li", {}, el(`span.swatch.series-${one.tone ?? number}`, { "aria-hidden": "true" }), one.name)));
}

function table({ title, of }, labels, series, format) {
  const rows = labels.map((name, at) => ({ name, at })).filter(({ at }) => series.some((one) => one.of ? one.of[at] : one.values[at]));
  return el("details.numbers", {}, el("summary.small", {}, "Numbers"),
    el("div.scroll", {}, el("table", {}, el("caption.sr", {}, title),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, of), series.map((one) => el("th.number", { scope: "col" }, one.name)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row" }, row.name), series.map((one) => el("td.number", {}, said(one, row.at, format)))))))));
}

const said = ({ values, of }, at, format) => (values[at] === null || values[at] === undefined ? "–" : `${format(values[at])}${of ? ` (of ${of[at]})` : ""}`);
const sum = (series, at) => series.reduce((total, one) => total + (one.values[at] ?? 0), 0);

// [low, high, ticks] with round steps, from zero where all values are positive.
function scale(values) {
  const least = Math.min(0, ...values), most = Math.max(...values, least + 1e-9);
  const raw = (most - least) / 4, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw);
  const whole = values.every(Number.isInteger) ? Math.max(1, step) : step;
  const low = Math.floor(least / whole) * whole, high = Math.ceil(most / whole) * whole;
  return [low, high, steps(low, high, whole)];
}

function steps(low, high, step = (high - low) / 4) {
  return Array.from({ length: Math.round((high - low) / step) + 1 }, (_, n) => low + n * step);
}

function text(x, y, content, anchor) {
  const node = svg("text", { x, y, "text-anchor": anchor });
  node.textContent = content;
  return node;
}

function svg(name, attributes) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
