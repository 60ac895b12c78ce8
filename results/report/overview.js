/* The overview: leaderboards that sort and filter, their figures, all runs. */

const state = { words: "", tier: "", base: DATA.default_base, all: false, chosen: [] };

function isOurs(row) { return Boolean(row.runs); }
/* The quantity that averages the last row of the chosen matrix: "acc", "ap.acc". */
const meanName = () => DATA.bases[state.base].mean;
const headingOf = (name) => DATA.quantities[name].heading;
const rowName = (row) => [row.method, row.parameters].filter(Boolean).join(" ");

function metricNames() {
  const names = Object.keys(DATA.quantities).filter((name) => state.all || DATA.quantities[name].short);
  const of = (base) => names.filter((name) => DATA.quantities[name].base === base);
  return [...of(state.base), ...of(null)];
}

const bestIsHigh = () => DATA.bases[state.base].better === "higher";

function isShown(row) {
  const text = [row.tier, row.method, row.parameters, row.backbone, row.orders, row.source].join(" ").toLowerCase();
  return (!state.tier || row.tier === state.tier)
    && state.words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function drawOverview() {
  const parts = DATA.boards.map((board, i) => {
    board.sort = { column: headingOf(meanName()), down: bestIsHigh(), changed: writeState };
    board.place = { table: el("div"), figures: el("div", { class: "figures" }), count: el("span", { role: "status" }) };
    return el("section", { id: `board-${i}`, "aria-labelledby": `board-title-${i}` },
      el("h2", { id: `board-title-${i}` }, board.title),
      el("p", { class: "count" }, board.place.count, " · tick two rows to compare them · ",
        el("button", { type: "button", class: "plain", onclick: () => saveCsv(board) }, "download as CSV")),
      board.place.table, notesList(board.notes), board.place.figures);
  });
  refill(document.getElementById("boards"), controls(), ...parts, imagesSection(), runsSection(), definitionsSection());
  drawBoards();
}

function controls() {
  const option = ([value, text]) => el("option", { value }, text);
  const bases = Object.entries(DATA.bases).filter(([, { mean }]) =>
    DATA.boards.some((board) => board.rows.some((row) => row.values[mean]))).map(([base, { heading }]) => [base, heading]);
  const tiers = [["", "all tiers"], ...Object.keys(DATA.tiers).map((tier) => [tier, tier])];
  const on = (name, read) => (event) => { state[name] = read(event.target); drawBoards(); writeState(); };
  return el("form", { class: "controls", autocomplete: "off", onsubmit: (event) => event.preventDefault() },
    el("label", {}, "Filter rows", el("input", { id: "filter", type: "search", autocomplete: "off",
      placeholder: "mecad experts=3", value: state.words, oninput: on("words", (input) => input.value) })),
    el("label", {}, "Tier", el("select", { id: "tier", onchange: on("tier", (s) => s.value) }, tiers.map(option))),
    el("label", {}, "Metrics of", el("select", { id: "base", onchange: (event) => {
      const before = headingOf(meanName());
      state.base = event.target.value;
      for (const board of DATA.boards) {
        if (board.sort.column === before) Object.assign(board.sort, { column: headingOf(meanName()), down: bestIsHigh() });
      }
      drawBoards();
      writeState();
    } }, bases.map(option))),
    el("label", { class: "check" }, el("input", { id: "all", type: "checkbox", checked: state.all, onchange: on("all", (box) => box.checked) }), "All metrics"));
}

function drawBoards() {
  for (const board of DATA.boards) {
    const rows = board.rows.filter(isShown);
    board.place.count.textContent = `${rows.length} of ${board.rows.length} rows`;
    refill(board.place.table, leaderboard(board, rows));
  }
  drawFigures();
}

function drawFigures() {
  for (const board of DATA.boards) {
    refill(board.place.figures, figures(board, board.rows.filter((row) => isOurs(row) && isShown(row))));
  }
}

function leaderboard(board, rows) {
  const names = metricNames().filter((name) => board.rows.some((row) => row.values[name]));
  const quoted = board.rows.some((row) => !isOurs(row));
  const columns = [
    { name: "method" }, { name: "rank", numeric: true, better: "lower", tip: "By AUROC. Rows that print the same AUROC share a rank; joint references have none. ≈: a test does not separate the row from the best one" },
    { name: "parameters" },
    ...names.map((name) => ({ ...DATA.quantities[name], name: DATA.quantities[name].heading, numeric: true, tip: DATA.quantities[name].note })),
    ...(quoted ? [{ name: "printed forgetting", numeric: true, digits: 3, tip: "As the source prints it, by its own definition" }] : []),
    { name: "tier" }, { name: "backbone" }, { name: "seeds" }, { name: "orders" },
    { name: quoted ? "records or source" : "records" },
  ];
  const cells = (row) => [
    { value: row.method, node: isOurs(row) ? chooser(board, row) : null },
    { value: row.rank, text: row.rank ? `${row.rank}${row.close ? " ≈" : ""}` : DASH, tip: row.close },
    { value: row.parameters || null, text: row.parameters || "" },
    ...names.map((name) => {
      const value = row.values[name];
      return { value: value ? value[0] : null, text: spread(value, DATA.quantities[name].digits), tip: value ? tellSpread(value) : null };
    }),
    ...(quoted ? [{ value: row.forgetting }] : []),
    { value: row.tier, tip: DATA.tiers[row.tier] }, { value: row.backbone }, { value: row.seeds }, { value: row.orders },
    { value: isOurs(row) ? row.runs[0] : row.source, node: isOurs(row) ? runLinks(row) : sourceOf(row) },
  ];
  const folded = foldConstant(columns, rows.map((row) => ({ row, cells: cells(row), class: isOurs(row) ? null : "quoted" })),
    ["tier", "backbone", "seeds", "orders"]);
  const bodies = Object.keys(DATA.tiers).map((tier) => folded.rows.filter(({ row }) => row.tier === tier));
  return [folded.line, sortableTable(board.title, folded.columns, bodies, board.sort, "ranked")];
}

/* The name of a row with a box that chooses it for a comparison. */
function chooser(board, row) {
  const key = row.runs[0];
  const box = el("input", { type: "checkbox", "aria-label": `compare ${rowName(row)}`, "data-key": key, onchange: () => {
    const others = state.chosen.filter((other) => other !== key && board.rows.some((each) => isOurs(each) && each.runs[0] === other));
    state.chosen = box.checked ? [...others.slice(-1), key] : others;
    drawChosen();
  } });
  box.checked = state.chosen.includes(key);
  // Narrow screens break a long name after a sign rather than inside a word.
  return el("label", { class: "chooser" }, box, el("span", {}, row.method.split(/(?<=[+.:_])/).map((part, i) => [i ? el("wbr") : null, part])));
}

function drawChosen() {
  const bar = document.getElementById("chosen");
  bar.hidden = !state.chosen.length;
  bar.querySelector("span").textContent = state.chosen.map((key) => rowName(rowOf(key).row)).join(" against ") + (state.chosen.length < 2 ? ": tick another row" : "");
  bar.querySelector("button").disabled = state.chosen.length < 2;
  for (const box of document.querySelectorAll("[data-key]")) box.checked = state.chosen.includes(box.dataset.key);
}

/* The rows that are shown, with every quantity at full precision. */
function saveCsv(board) {
  const names = Object.keys(DATA.quantities).filter((name) => board.rows.some((row) => row.values[name]));
  const field = (value) => {
    const text = value === null || value === undefined ? "" : isNumber(value) ? String(value) : String(value).replace(/^[=+\-@]/, "'$&");
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [["tier", "method", "parameters", "backbone", "seeds", "orders", "source", ...names.flatMap((name) => [name, `${name} sd`, `${name} n`])],
    ...board.rows.filter(isShown).map((row) => [row.tier, row.method, row.parameters, row.backbone, row.seeds, row.orders, row.source,
      ...names.flatMap((name) => row.values[name] || [null, null, null])])];
  const file = new Blob([lines.map((line) => `${line.map(field).join(",")}\n`).join("")], { type: "text/csv" });
  const link = el("a", { href: URL.createObjectURL(file), download: `${board.title.split(",")[0]}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const tellSpread = ([mean, deviation, n]) =>
  isNumber(deviation) ? `${mean}\n± ${deviation}\nover ${n} runs` : String(mean);

const runLink = (key) => el("a", { href: `#run-${key}`, class: "key-link" }, key.slice(0, 8));

function runLinks(row) {
  if (row.runs.length === 1) return runLink(row.runs[0]);
  return el("details", { class: "keys" }, el("summary", {}, `${row.runs.length} records`),
    row.runs.map((key) => el("div", {}, runLink(key), ` seed ${DATA.runs[key].seed}, ${DATA.runs[key].order}`)));
}

function sourceOf(row) {
  if (!row.notes.length) return el("span", {}, row.source);
  return el("details", { class: "keys" }, el("summary", {}, row.source), row.notes.map((note) => el("div", {}, note)));
}

function figures(board, rows) {
  if (!rows.length) return [];
  const box = board.place.figures.clientWidth || 640;
  const width = box < 700 ? box : Math.floor((box - 24) / 2);
  const acc = meanName(), heading = headingOf(acc);
  const look = (row) => ({ color: row.mark[0], marker: row.mark[1], faint: faint(row) });
  const siblings = (row) => rows.filter((other) => other.method === row.method);
  const faint = (row) => 0.4 + (0.6 * (siblings(row).indexOf(row) + 1)) / siblings(row).length;
  const found = [];

  const sweeps = new Map();
  for (const row of rows) {
    if (!isNumber(row.experts) || !row.values[acc]) continue;
    const [mean, deviation] = row.values[acc];
    if (!sweeps.has(row.series)) sweeps.set(row.series, { row, points: [] });
    sweeps.get(row.series).points.push({ x: row.experts, y: mean,
      low: isNumber(deviation) ? mean - deviation : null, high: isNumber(deviation) ? mean + deviation : null });
  }
  const swept = [...sweeps].filter(([, each]) => each.points.length > 1).map(([name, each]) => ({ name, ...look(each.row), faint: 1, points: each.points.sort((a, b) => a.x - b.x) }));
  if (swept.length) {
    found.push(chart({ title: `${heading} against the number of experts`, x: "experts", y: heading, series: swept, lines: true, width, wholeX: true }));
  }

  const curves = rows.filter((row) => row.incremental.length > 1).map((row) => ({ name: rowName(row), ...look(row),
    points: row.incremental.map((y, t) => ({ x: t + 1, y })).filter((p) => isNumber(p.y)) })).filter((each) => each.points.length);
  if (curves.length) {
    found.push(chart({ title: "Mean AUROC of the categories seen so far", x: "experience", y: "AUROC", series: curves, lines: true, width, wholeX: true }));
  }

  const kept = rows.filter((row) => row.values[acc] && row.values.stored_mb).map((row) => ({ name: rowName(row), ...look(row),
    points: [{ x: row.values.stored_mb[0], y: row.values[acc][0] }] }));
  if (kept.length > 1) {
    found.push(chart({ title: `${heading} against stored memory (dashed: the best for its memory)`, x: "stored MB", y: heading,
      series: kept, width, fromZero: true, front: pareto(kept.map((each) => each.points[0]), bestIsHigh()) }));
  }

  const mean = DATA.bases[DATA.default_base].mean;
  const order = [...rows].sort((a, b) => compareValues((a.values[mean] || [null])[0], (b.values[mean] || [null])[0], true));
  found.push(heatTable("AUROC of each category after the last experience", "row", order.map(rowName), board.categories,
    order.map((row) => board.categories.map((name) => (Object.hasOwn(row.final, name) ? row.final[name] : null))),
    (r, c) => `${rowName(order[r])}\n${board.categories[c]}\n${tellCell(order[r].final[board.categories[c]])}`,
    metricScale(DATA.bases[DATA.default_base])));
  return found;
}

const tellCell = (value) => (isNumber(value) ? `AUROC ${fixed(value, 4)}` : "not measured");

/* The points that are better than every one with less memory, from small to large. */
function pareto(points, bestIsHigh) {
  const merit = (p) => (bestIsHigh ? p.y : -p.y);
  let best = -Infinity;
  return [...points].sort((a, b) => a.x - b.x || merit(b) - merit(a)).filter((p) => merit(p) > best && ((best = merit(p)), true));
}

function runsSection() {
  const columns = [{ name: "record" }, { name: "method" }, { name: "parameters" }, { name: "protocol" }, { name: "order" }, { name: "seed", numeric: true, digits: 0 },
    { name: "AUROC", numeric: true, digits: 3, better: "higher" }];
  const labels = Object.fromEntries(DATA.boards.flatMap((board) => board.rows.filter(isOurs).flatMap((row) => row.runs.map((key) => [key, row.parameters]))));
  const rows = Object.values(DATA.runs).map((run) => ({ cells: [{ value: run.key, node: runLink(run.key) }, { value: run.method },
    { value: labels[run.key] || null, text: labels[run.key] || "" }, { value: run.cell.protocol }, { value: run.order }, { value: run.seed }, { value: run.acc }] }));
  const folded = foldConstant(columns, rows, ["protocol", "order", "seed", "parameters"]);
  return el("section", { id: "runs", "aria-labelledby": "runs-title" }, el("h2", { id: "runs-title" }, "Runs"),
    el("p", {}, "AUROC is over all categories of the run; a leaderboard's is over those that all of its rows define."),
    folded.line, sortableTable("Runs", folded.columns, [folded.rows], { column: null, down: false }));
}

function definitionsSection() {
  const means = Object.values(DATA.bases).map(({ mean }) => mean);
  const names = Object.keys(DATA.quantities).filter((name) => !name.includes(".") || means.includes(name));
  return el("section", { id: "definitions", "aria-labelledby": "definitions-title" }, el("h2", { id: "definitions-title" }, "Definitions and versions"),
    el("ul", { class: "notes" }, names.map((name) => el("li", {}, DATA.quantities[name].note))),
    el("p", {}, "R[t, c] is the AUROC of category c after experience t of T; s(c) is the experience that introduces c. ± is the sample deviation over seeds and orders."),
    el("dl", { class: "facts" }, Object.entries(DATA.tiers).map(fact), Object.entries(DATA.made_with).map(fact)));
}

const fact = ([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, factText(value)));

function factText(value) {
  if (Array.isArray(value)) return value.map(factText).join(", ");
  if (isNumber(value)) return String(Number(value.toPrecision(6)));
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
}
