/* Two rows of a leaderboard next to each other. */

/* The row whose first run has this key, and its board. */
function rowOf(key) {
  for (const board of DATA.boards) {
    const row = board.rows.find((each) => isOurs(each) && each.runs[0] === key);
    if (row) return { board, row };
  }
  return null;
}

function drawComparison(keys) {
  const [{ board, row: one }, { row: other }] = keys.map(rowOf);
  const names = [one, other].map(rowName);
  const page = document.getElementById("compare");
  const section = (title, ...parts) => el("section", { "aria-label": title }, el("h2", {}, title), parts);
  const mark = (row) => ({ name: rowName(row), color: row.mark[0], marker: row.mark[1], faint: 1 });
  const same = one.mark.join() === other.mark.join();
  const curves = [one, other].map((row, i) => ({ ...mark(row), ...(same && i ? { color: (row.mark[0] + 1) % 8 } : {}),
    points: row.incremental.map((y, t) => ({ x: t + 1, y })).filter((p) => isNumber(p.y)) }));
  const samples = comparedSamples(one, other);
  refill(page,
    el("p", {}, el("a", { href: "#overview" }, "← overview")),
    el("h1", {}, names.join(" against ")), el("p", { class: "count" }, board.title),
    section("Metrics", quantitiesTable(one, other, names)),
    section("Along the stream", chart({ title: "Mean AUROC of the categories seen so far", x: "experience", y: "AUROC",
      series: curves, lines: true, width: Math.min(680, page.clientWidth || 640), wholeX: true })),
    section("Matrices", matrices(one, other, names)),
    section("Kinds of defects", defectsTable([one, other], names)),
    section("The same images", samples.length ? samples : el("p", {}, "No sample images with maps of both rows: "
      + "`cadbench report --images` adds those of the best rows that kept maps.")));
}

function quantitiesTable(one, other, names) {
  const columns = [{ name: "metric" }, ...names.map((name, i) => ({ name: names[0] === names[1] ? `${name} (${i + 1})` : name, numeric: true, digits: 4 })),
    { name: "difference", numeric: true, digits: 4 }, { name: "better" }];
  const both = Object.entries(DATA.quantities).filter(([name, each]) => one.values[name] && other.values[name]
    && ((each.short && [null, state.base].includes(each.base)) || (each.base && name === DATA.bases[each.base].mean)));
  const rows = both.map(([name, each]) => {
    const values = [one, other].map((row) => row.values[name]);
    const difference = values[0][0] - values[1][0];
    const lead = !each.better || Math.abs(difference) < 1e-12 ? null : names[(difference > 0) === (each.better === "higher") ? 0 : 1];
    return { cells: [{ value: each.heading, tip: each.note }, ...values.map((value) => ({ value: value[0], text: spread(value, each.digits), tip: tellSpread(value) })),
      { value: difference, text: fixed(difference, each.digits) }, { value: lead, text: lead || "" }] };
  });
  return sortableTable("Metrics", columns, [rows], { column: null, down: false });
}

/* The matrices of two runs with one order and seed, and their difference. */
function matrices(one, other, names) {
  const pairs = one.runs.flatMap((key) => {
    const run = DATA.runs[key];
    const twin = other.runs.map((each) => DATA.runs[each]).find((each) => each.order === run.order && each.seed === run.seed
      && each.experiences.flat().join("\n") === run.experiences.flat().join("\n"));
    return twin ? [[run, twin]] : [];
  });
  if (!pairs.length) return el("p", {}, "No order and seed that both have.");
  const place = el("div", { class: "figures" });
  const bases = Object.keys(pairs[0][0].matrices).filter((base) => pairs[0][1].matrices[base]);
  const choice = { pair: 0, base: bases[0] };
  const draw = () => {
    const [mine, theirs] = pairs[choice.pair];
    const categories = mine.experiences.flat();
    const rows = mine.experiences.map((_, t) => String(t + 1));
    const [A, B] = [mine, theirs].map((run) => run.matrices[choice.base]);
    const D = A.map((row, t) => row.map((value, c) => (isNumber(value) && isNumber(B[t][c]) ? value - B[t][c] : null)));
    const heat = (title, values, scale) => heatTable(title, "t", rows, categories, values,
      (r, c) => `${categories[c]} after experience ${r + 1}\n${isNumber(values[r][c]) ? fixed(values[r][c], 4) : "not measured"}`, scale);
    const scale = metricScale(DATA.bases[choice.base]);
    refill(place, heat(names[0], A, scale), heat(names[1], B, scale), heat(`${names[0]} minus ${names[1]}`, D, DIFFERENCES));
  };
  const select = (name, label, options) => el("label", {}, `${label} `, el("select", { onchange: (event) => { choice[name] = event.target.value; draw(); } },
    options.map(([value, text]) => el("option", { value }, text))));
  draw();
  return [el("p", { class: "picks" }, select("base", "Matrix of", bases.map((base) => [base, DATA.bases[base].heading])),
    select("pair", "Run", pairs.map(([run], i) => [i, `order ${run.order}, seed ${run.seed}`]))), place];
}

/* AUROC of each kind of defect, averaged over the runs of each row, or of one run. */
function defectsTable(rows, names) {
  const found = rows.map((row) => {
    const values = new Map();
    for (const key of row.runs) {
      const run = DATA.runs[key];
      DATA.kinds[run.kinds].forEach(([category, defect, n], i) => {
        const name = JSON.stringify([category, defect]);
        if (!values.has(name)) values.set(name, { category, defect, n, sum: 0, runs: 0 });
        if (isNumber(run.defects[i])) { values.get(name).sum += run.defects[i]; values.get(name).runs += 1; }
      });
    }
    return values;
  });
  const mean = (each) => (each && each.runs ? each.sum / each.runs : null);
  const columns = [{ name: "category" }, { name: "defect" }, { name: "images", numeric: true, digits: 0 },
    ...names.map((name) => ({ name, numeric: true, digits: 3, better: "higher" })), ...(rows.length > 1 ? [{ name: "difference", numeric: true, digits: 3 }] : [])];
  const lines = [...found[0]].map(([name, each]) => {
    const values = found.map((values) => mean(values.get(name)));
    const difference = values.every(isNumber) ? values[0] - values[1] : null;
    return { cells: [{ value: each.category }, { value: each.defect }, { value: each.n }, ...values.map((value) => ({ value })), ...(rows.length > 1 ? [{ value: difference }] : [])] };
  });
  return [sortableTable("Kinds of defects", columns, [lines], { column: null, down: false }),
    notesList(["AUROC after the last experience of the images of one kind of defect against the good images of the category; means over runs"])];
}
