/* Charts of lines or points as inline SVG, with a legend that picks and the numbers in a table. */

const HEIGHT = 300;
const MARGIN = { left: 52, right: 16, top: 12, bottom: 44 };

/* series: {name, color (0 to 7), marker (of SHAPES), faint (0 to 1), points: [{x, y, low, high}]}; lines: joined up.
   front: points that a thin step line joins. */
function chart({ title, x, y, series, lines, front, width, wholeX, fromZero }) {
  const points = series.flatMap((each) => each.points);
  const xs = points.map((p) => p.x);
  const ys = points.flatMap((p) => [p.y, p.low, p.high]).filter(isNumber);
  const ticksX = wholeX ? wholeTicks(xs, width) : niceTicks(fromZero ? [0, ...xs] : xs, 6);
  const ticksY = niceTicks(ys, 5);
  const place = {
    x: scale(ticksX, MARGIN.left, width - MARGIN.right, wholeX ? 0.5 : 0),
    y: scale(ticksY, HEIGHT - MARGIN.bottom, MARGIN.top, 0),
  };
  const drawn = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT,
    role: "img", "aria-label": title }, axes(ticksX, ticksY, place, x, y, width));
  if (front && front.length > 1) {
    drawn.append(svg("path", { class: "front", d: steps(front, place) }));
  }
  const marks = series.map((each) => {
    const mark = svg("g", { class: `series c${each.color}`, opacity: each.faint });
    if (lines) {
      const path = each.points.map((p, i) => `${i ? "L" : "M"}${place.x(p.x)} ${place.y(p.y)}`).join("");
      mark.append(svg("path", { class: "line", d: path }));
    }
    for (const p of each.points) {
      if (isNumber(p.low) && isNumber(p.high)) {
        mark.append(svg("path", { class: "whisker",
          d: `M${place.x(p.x)} ${place.y(p.low)}L${place.x(p.x)} ${place.y(p.high)}` }));
      }
      mark.append(svg("path", { class: "point", d: shape(each.marker, place.x(p.x), place.y(p.y), lines ? 4 : 6),
        "data-tip": tellPoint(each.name, p, x, y), "data-x": p.x, "data-y": p.y, "data-series": each.name }));
    }
    drawn.append(mark);
    return mark;
  });
  return el("figure", { class: "charted" }, el("figcaption", {}, title), drawn,
    legend(series, marks, drawn), dataTable(title, x, y, series));
}

const tellPoint = (name, p, x, y) => {
  const range = isNumber(p.low) ? ` (± ${fixed(p.high - p.y, 4)})` : "";
  return `${name}\n${x}: ${Number.isInteger(p.x) ? p.x : fixed(p.x, 3)}\n${y}: ${fixed(p.y, 4)}${range}`;
};

function legend(series, marks, drawn) {
  let picked = -1;
  const buttons = series.map((each, i) =>
    el("button", { type: "button", class: `key c${each.color}`, "aria-pressed": "false",
      onclick: () => pick(picked === i ? -1 : i) },
      svg("svg", { width: 12, height: 12, "aria-hidden": "true" },
        svg("path", { class: "point", d: shape(each.marker, 6, 6, 5), opacity: each.faint })), each.name));
  function pick(chosen) {
    picked = chosen;
    drawn.classList.toggle("picking", chosen >= 0);
    marks.forEach((mark, i) => mark.classList.toggle("picked", i === chosen));
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === chosen)));
    if (chosen >= 0) drawn.append(marks[chosen]);
  }
  return el("div", { class: "legend", role: "group", "aria-label": "Highlight one" }, buttons);
}

function dataTable(title, x, y, series) {
  const columns = [{ name: "series" }, { name: x, numeric: true, digits: 3 }, { name: y, numeric: true, digits: 4 }];
  const rows = series.flatMap((each) => each.points.map((p) => ({ cells: [{ value: each.name },
    { value: p.x, text: Number.isInteger(p.x) ? String(p.x) : fixed(p.x, 3) }, { value: p.y }] })));
  return el("details", {}, el("summary", {}, "Numbers"),
    sortableTable(title, columns, [rows], { column: null, down: false }));
}

function axes(ticksX, ticksY, place, x, y, width) {
  const bottom = HEIGHT - MARGIN.bottom;
  const group = svg("g", { class: "axes" });
  for (const tick of ticksY.values) {
    group.append(svg("path", { class: "grid", d: `M${MARGIN.left} ${place.y(tick)}H${width - MARGIN.right}` }),
      svg("text", { x: MARGIN.left - 6, y: place.y(tick) + 4, "text-anchor": "end" }, ticksY.label(tick)));
  }
  for (const tick of ticksX.values) {
    group.append(svg("path", { class: "tick", d: `M${place.x(tick)} ${bottom}v4` }),
      svg("text", { x: place.x(tick), y: bottom + 17, "text-anchor": "middle" }, ticksX.label(tick)));
  }
  group.append(svg("path", { class: "tick", d: `M${MARGIN.left} ${bottom}H${width - MARGIN.right}` }),
    svg("text", { class: "title", x: (MARGIN.left + width - MARGIN.right) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, x),
    svg("text", { class: "title", transform: `translate(13 ${(MARGIN.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y));
  return group;
}

function scale(ticks, from, to, pad) {
  const low = ticks.values[0] - pad;
  const span = ticks.values[ticks.values.length - 1] + pad - low || 1;
  return (value) => Math.round((from + ((value - low) / span) * (to - from)) * 100) / 100;
}

/* Round numbers that enclose the values, about `wanted` of them. */
function niceTicks(values, wanted) {
  let low = Math.min(...values), high = Math.max(...values);
  if (high - low < 1e-9) { low -= 0.05; high += 0.05; }
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { values: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step), label: (v) => fixed(v, digits) };
}

/* Whole numbers, thinned out where there is no room for all. */
function wholeTicks(values, width) {
  const low = Math.min(...values), high = Math.max(...values);
  const every = Math.max(1, Math.ceil((high - low + 1) / (width / 34)));
  const all = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const kept = all.filter((v) => (v - low) % every === 0 || v === high);
  return { values: kept, label: String };
}

const steps = (front, place) => front.map((p, i) =>
  i ? `H${place.x(p.x)}V${place.y(p.y)}` : `M${place.x(p.x)} ${place.y(p.y)}`).join("");

/* The outlines of matplotlib's markers o s ^ D v P X < > * p h around (x, y): points from `turn` degrees on, every
   second one nearer for a star; a plus sign; a circle. */
function shape(marker, x, y, r) {
  const around = (n, turn, inner = 1) => Array.from({ length: n }, (_, i) => {
    const angle = ((turn + (360 * i) / n) * Math.PI) / 180, size = i % 2 ? r * inner : r;
    return [x + size * Math.sin(angle), y - size * Math.cos(angle)];
  });
  const plus = (turn) => Array.from({ length: 12 }, (_, i) => {
    const angle = ((turn + 90 * Math.floor(i / 3) + [-22, 22, 45][i % 3]) * Math.PI) / 180, size = i % 3 === 2 ? r * 0.5 : r;
    return [x + size * Math.sin(angle), y - size * Math.cos(angle)];
  });
  const points = [null, around(4, 45), around(3, 0), around(4, 0), around(3, 180), plus(0), plus(45), around(3, 270),
    around(3, 90), around(10, 0, 0.45), around(5, 0), around(6, 0)][marker || 0];
  const round = (value) => Math.round(value * 100) / 100;
  return points ? `M${points.map((point) => point.map(round).join(" ")).join("L")}Z`
    : `M${round(x - r)} ${round(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
}
