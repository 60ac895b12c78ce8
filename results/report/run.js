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
    section("Image scores", scoreHistograms(run, categories.filter((name) => run.histograms[name]))),
    section("Kinds of defects", defectsTable([{ runs: [key] }], ["AUROC"])),
    run.recorded ? section("Training", run.training.map((each) => trainingChart(each, page)), plainTable(run.recorded)) : null,
    section("Configuration", facts({ method: `${run.method} (version ${run.version})`, ...run.params }), facts(flat(run.cell))),
    section("Made with", facts({ ...run.made_with, ...flat({ seconds: run.seconds, timing: run.timing, costs: run.costs }), maps: run.maps }),
      notesList([...run.notes, ...run.skipped.map((line) => `left out: ${line}`)])));
}

/* Good images against defective ones: a histogram per category, and the numbers in a table. */
function scoreHistograms(run, categories) {
  const bins = (name) => {
    const [low, high, good, defective] = run.histograms[name];
    const edge = (i) => low + ((high - low) * i) / good.length;
    return good.map((count, i) => ({ from: edge(i), to: edge(i + 1), counts: [count, defective[i]] }));
  };
  const columns = [{ name: "category" }, ...["score from", "to"].map((name) => ({ name, numeric: true, digits: 4 })),
    ...["good", "defective"].map((name) => ({ name, numeric: true, digits: 0 }))];
  const rows = categories.flatMap((name) => bins(name).map(({ from, to, counts }) => ({ cells: [name, from, to, ...counts].map((value) => ({ value })) })));
  return [el("p", { class: "legend" }, ["good", "defective"].map((name, i) => el("span", { class: `key c${i}` },
    svg("svg", { width: 12, height: 12, "aria-hidden": "true" }, svg("path", { class: "point", d: shape(1, 6, 6, 7) })), ` ${name}`))),
    el("div", { class: "figures" }, categories.map((name) => histogram(name, bins(name)))),
    el("details", {}, el("summary", {}, "Numbers"), sortableTable("Image scores", columns, [rows], { column: null, down: false })),
    notesList(["Scores after the last experience, in bins of equal width; heights: the share of the good, or of the defective, images of the category"])];
}

function histogram(name, bins) {
  const width = 220, height = 96, bottom = 80, step = width / bins.length;
  const shares = [0, 1].map((kind) => bins.map(({ counts }) => counts[kind] / (bins.reduce((sum, bin) => sum + bin.counts[kind], 0) || 1)));
  const most = Math.max(...shares.flat());
  const outline = (kind) => `M0 ${bottom}${shares[kind].map((share, i) => `V${(bottom * (1 - share / most)).toFixed(1)}H${(i + 1) * step}`).join("")}V${bottom}Z`;
  return el("figure", {}, el("figcaption", {}, name), svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `Scores of ${name}` },
    [0, 1].map((kind) => svg("path", { class: `bars c${kind}`, d: outline(kind) })), svg("path", { class: "tick", d: `M0 ${bottom}H${width}` }),
    svg("text", { x: 0, y: height - 3 }, bins[0].from.toPrecision(3)), svg("text", { x: width, y: height - 3, "text-anchor": "end" }, bins[bins.length - 1].to.toPrecision(3)),
    bins.map(({ from, to, counts }, i) => svg("path", { class: "hidden-bar", d: `M${i * step} 0h${step}v${bottom}h${-step}Z`,
      "data-tip": `${name}\nscore ${fixed(from, 4)} to ${fixed(to, 4)}\ngood: ${counts[0]}\ndefective: ${counts[1]}` }))));
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
