/* The page of one run: configuration, versions, matrix, assignments, memory, metrics. */

function drawRun(key) {
  const run = DATA.runs[key];
  const categories = run.experiences.flat();
  const bases = Object.keys(run.matrices);
  const matrix = el("div");
  const drawMatrix = (base) => refill(matrix, heatTable(
    `${DATA.bases[base].heading} of each category (column) after experience t (row)`, "t",
    run.experiences.map((names, i) => `${i + 1}: ${names.join(", ")}`), categories, run.matrices[base],
    (r, c) => `${categories[c]} after experience ${r + 1}\n${tellMatrix(base, run.matrices[base][r][c])}`,
    metricScale(DATA.bases[base])));
  drawMatrix(bases[0]);
  const others = DATA.boards.flatMap((board) => board.rows.filter((row) => isOurs(row) && row.runs.includes(key)))
    .flatMap((row) => row.runs.filter((other) => other !== key));
  const page = document.getElementById("run");
  refill(page,
    el("p", {}, el("a", { href: "#runs" }, "← all runs")),
    el("h1", {}, `${run.method}, order ${run.order}, seed ${run.seed}`),
    el("p", { class: "long" }, `${run.cell.protocol}, record `, el("code", {}, run.key)),
    others.length ? el("p", {}, "Same configuration: ", [...new Set(others)].flatMap((other) =>
      [runLink(other), ` (seed ${DATA.runs[other].seed}, ${DATA.runs[other].order}) `])) : null,
    section("Matrix", el("label", {}, "Matrix of ", el("select", { id: "matrix", onchange: (event) => drawMatrix(event.target.value) },
      bases.map((base) => el("option", { value: base }, DATA.bases[base].heading)))), matrix),
    run.tables.map((table) => section(table.title.split(":")[0], plainTable(table))),
    section("Kinds of defects", defectsTable([{ runs: [key] }], ["AUROC"])),
    run.recorded ? section("Training", run.training.map((each) => trainingChart(each, page)), plainTable(run.recorded)) : null,
    section("Configuration", facts({ method: `${run.method} (version ${run.version})`, ...run.params }), facts(flat(run.cell))),
    section("Made with", facts({ ...run.made_with, ...flat({ seconds: run.seconds, timing: run.timing, costs: run.costs }), maps: run.maps }),
      notesList([...run.notes, ...run.skipped.map((line) => `left out: ${line}`)])));
}

/* What the method recorded while it learned: one line per experience. */
function trainingChart({ name, x, curves }, page) {
  const xs = curves.flatMap((each) => each.x);
  const wholeX = xs.every(Number.isInteger) && Math.max(...xs) - Math.min(...xs) <= 1000;
  const series = curves.map((each, i) => ({ name: each.name || name, color: i % 8, marker: 0, faint: 1 - 0.6 * (i / curves.length),
    points: each.x.map((at, j) => ({ x: at, y: each.y[j] })) }));
  return chart({ title: name, x, y: name, series, lines: true, width: Math.min(680, page.clientWidth || 640), wholeX });
}

const tellMatrix = (base, value) => (isNumber(value) ? `${DATA.bases[base].heading} ${fixed(value, 6)}` : "not measured");
const section = (title, ...parts) => el("section", { "aria-label": title }, el("h2", {}, title), parts);
const facts = (values) => el("dl", { class: "facts" },
  Object.entries(values).filter(([, value]) => value !== null).map(([name, value]) => fact([name, value])));

/* {features: {backbone: ..}} as {"features.backbone": ..}; lists stay whole. */
function flat(values, before = "") {
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(flat(value, `${before}${name}.`)) : [[before + name, value]]));
}
