/* Tables that sort, and tables whose cells are colored: heat maps. */

/* A region that scrolls sideways by itself, so that the page does not; a shadow says that more follows. */
function scrolling(label, child) {
  const box = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, child);
  const frame = el("div", { class: "frame" }, box);
  const update = () => frame.classList.toggle("more", box.scrollWidth - box.clientWidth - box.scrollLeft > 2);
  box.addEventListener("scroll", update);
  new ResizeObserver(update).observe(box);
  return frame;
}

/* Take columns out in which all rows have one value; returns what is left, and a line that names them. */
function foldConstant(columns, rows, foldable) {
  const constant = columns.map((column, i) => foldable.includes(column.name) && rows.length > 1
    && rows.every((row) => row.cells[i].value === rows[0].cells[i].value));
  const kept = (cells) => cells.filter((_, i) => !constant[i]);
  const names = columns.flatMap(({ name }, i) => {
    const value = constant[i] ? shown(rows[0].cells[i].value, columns[i]) : DASH;
    return value === DASH ? [] : [`${name} ${value}`];
  });
  return { columns: kept(columns), rows: rows.map((row) => ({ ...row, cells: kept(row.cells) })),
    line: names.length ? el("p", { class: "count" }, `In all rows: ${names.join("; ")}`) : null };
}

/* columns: {name, numeric, better, tip}; bodies: groups of rows that stay apart when sorted;
   row: {cells: [{value, text | node}], class}. sort: {column, down}, remembered by the caller;
   look: a class of the table. */
function sortableTable(label, columns, bodies, sort, look) {
  const groups = bodies.filter((rows) => rows.length).map((rows) => ({
    rows: rows.map((row) => ({
      ...row,
      node: el("tr", { class: row.class }, row.cells.map((cell, i) => tableCell(cell, columns[i], i))),
    })),
    node: el("tbody"),
  }));
  const heads = columns.map((column, i) =>
    el("th", { scope: "col", class: column.numeric ? "number" : null },
      el("button", { type: "button", "data-tip": column.tip || null,
        onclick: () => {
          const again = sort.column === column.name;
          sort.down = again ? !sort.down : column.numeric && column.better !== "lower";
          sort.column = column.name;
          order();
          if (sort.changed) sort.changed();
        } }, column.name)));
  function order() {
    const place = columns.findIndex((column) => column.name === sort.column);
    heads.forEach((head, i) => {
      if (i === place) head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    for (const group of groups) {
      const rows = [...group.rows];
      if (place >= 0) rows.sort((a, b) => compareValues(a.cells[place].value, b.cells[place].value, sort.down));
      group.node.replaceChildren(...rows.map((row) => row.node));
    }
  }
  order();
  const table = el("table", { class: look }, el("caption", { class: "hidden" }, label),
    el("thead", {}, el("tr", {}, heads)), groups.map((group) => group.node));
  return scrolling(label, table);
}

/* Columns whose words wrap, and need room for it. */
const LOOKS = { parameters: "wide", orders: "wider", categories: "wider", reason: "wider" };

function tableCell(cell, column, i) {
  const content = cell.node || (cell.text === undefined ? shown(cell.value, column) : cell.text);
  return el(i ? "td" : "th", { scope: i ? null : "row", class: column.numeric ? "number" : LOOKS[column.name],
    "data-tip": cell.tip || null }, content);
}

/* What is undefined comes last, whichever way. */
function compareValues(a, b, down) {
  const none = (x) => x === null || x === undefined || x === "";
  if (none(a) || none(b)) return none(a) - none(b);
  const order = isNumber(a) && isNumber(b) ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
  return down ? -order : order;
}

/* A table of results.table, as results.report.plain writes it. */
function plainTable(table) {
  const rows = table.rows.map((row) => ({ cells: row.map((value) => ({ value })) }));
  return [
    sortableTable(table.title, table.columns, [rows], { column: null, down: false }),
    notesList(table.notes),
  ];
}

const notesList = (notes) =>
  notes.length ? el("ul", { class: "notes" }, notes.map((note) => el("li", {}, note))) : null;

/* values[row][column], numbers or null; tell(row, column) is the hover text. scale: {shade, ends}: the color of
   a value, and what the legend prints: [value, text]. */
function heatTable(label, corner, rowNames, columnNames, values, tell, scale) {
  const head = el("tr", {}, el("th", { scope: "col" }, corner), columnNames.map((name) =>
    el("th", { scope: "col", class: "turned" }, el("span", {}, name))));
  const body = values.map((row, r) =>
    el("tr", {}, el("th", { scope: "row" }, rowNames[r]), row.map((value, c) => {
      const cell = el("td", { class: "heat", "data-tip": tell(r, c) }, isNumber(value) ? fixed(value, 2) : "");
      if (isNumber(value)) paint(cell, scale.shade(value));
      return cell;
    })));
  const legend = el("span", { class: "scale", "aria-hidden": "true" }, scale.ends.map(([value, text], i) =>
    [i ? [0.3, 0.6].map((part) => step(scale.shade(scale.ends[i - 1][0] + part * (value - scale.ends[i - 1][0])))) : null,
      step(scale.shade(value)), el("b", {}, text)]));
  return el("figure", { class: "heated" }, el("figcaption", {}, label, legend),
    scrolling(label, el("table", { class: "heatmap" }, el("thead", {}, head), el("tbody", {}, body))));
}

function step(color) {
  const node = el("i");
  paint(node, color);
  return node;
}

/* Dark blue to yellow, lightness rising evenly, so that it also reads without color; orange over white to blue. */
const STOPS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
  [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
const DIVERGING = [[179, 88, 6], [241, 163, 64], [254, 224, 182], [247, 247, 247], [209, 229, 240], [103, 169, 207], [33, 102, 172]];

function mix(stops, share) {
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  return stops[below].map((x, i) => Math.round(x + (stops[below + 1][i] - x) * (place - below)));
}

/* The colors of 0 to 1 of a metric, the same on every page: a fifth of them is for what is worse than chance. */
function metricScale({ better, chance }) {
  const low = better === "lower";
  const at = low ? 0.8 : 0.2;
  const place = (x) => (!isNumber(chance) ? x : x < chance ? (x / chance) * at : at + ((x - chance) / (1 - chance)) * (1 - at));
  const ends = [[0, "0"], ...(isNumber(chance) ? [[chance, `chance ${chance}`]] : []), [1, "1"]];
  return { shade: (x) => mix(STOPS, low ? 1 - place(x) : place(x)), ends };
}

/* Differences of two rows, the same on every page: blue where the first has more. */
const DIFFERENCES = { shade: (x) => mix(DIVERGING, 0.5 + x), ends: [[-0.5, "−0.5"], [0, "0"], [0.5, "0.5"]] };

function paint(node, color) {
  node.style.backgroundColor = `rgb(${color.join(",")})`;
  node.style.color = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 103 ? "#000" : "#fff";
}
