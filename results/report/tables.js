/* Tables that sort, and tables whose cells are colored: heat maps. */

/* A region that scrolls sideways by itself, so that the page does not. */
function scrolling(label, child) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, child);
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

/* values[row][column], numbers or null; tell(row, column) is the hover text; the best is brightest. */
function heatTable(label, corner, rowNames, columnNames, values, tell, better = "higher") {
  const all = values.flat().filter(isNumber);
  const low = better === "lower" ? 0 : Math.min(0.5, ...all.map((x) => Math.floor(x * 10) / 10));
  const shade = (share) => (better === "lower" ? 1 - share : share);
  const head = el("tr", {}, el("th", { scope: "col" }, corner), columnNames.map((name) =>
    el("th", { scope: "col", class: "turned" }, el("span", {}, name))));
  const body = values.map((row, r) =>
    el("tr", {}, el("th", { scope: "row" }, rowNames[r]), row.map((value, c) => {
      const cell = el("td", { class: "heat", "data-tip": tell(r, c) }, isNumber(value) ? fixed(value, 2) : "");
      if (isNumber(value)) paint(cell, shade((value - low) / (1 - low)));
      return cell;
    })));
  const scale = el("span", { class: "scale", "aria-hidden": "true" }, fixed(low, 1),
    [0, 0.25, 0.5, 0.75, 1].map((share) => { const step = el("i"); paint(step, shade(share)); return step; }), "1.0");
  return el("figure", {}, el("figcaption", {}, label, scale),
    scrolling(label, el("table", { class: "heatmap" }, el("thead", {}, head), el("tbody", {}, body))));
}

/* Dark blue to yellow, lightness rising evenly, so that it also reads without color. */
const STOPS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
  [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];

function paint(node, share) {
  const place = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
  const below = Math.min(Math.floor(place), STOPS.length - 2);
  const mixed = STOPS[below].map((x, i) => Math.round(x + (STOPS[below + 1][i] - x) * (place - below)));
  node.style.backgroundColor = `rgb(${mixed.join(",")})`;
  node.style.color = 0.299 * mixed[0] + 0.587 * mixed[1] + 0.114 * mixed[2] > 103 ? "#000" : "#fff";
}
