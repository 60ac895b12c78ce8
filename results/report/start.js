/* Which view the address asks for, the theme, and the start. */

const boardName = (board, i) => {
  const name = board.title.split(",")[0];
  return DATA.boards.some((other, k) => k !== i && other.title.split(",")[0] === name) ? `${i + 1}: ${name}` : name;
};
const SECTIONS = [["summary", "Summary"], ...DATA.boards.map((board, i) => [`board-${i}`, DATA.boards.length > 1 ? boardName(board, i) : "Leaderboard"]),
  ["images", "Images"], ["runs", "Runs"], ["definitions", "Definitions"]];

/* The address holds what is shown, such as #board-0?words=mecad&sort=0.bwt.down, so that a view can be shared. */
function writeState() {
  const given = new URLSearchParams();
  for (const [name, usual] of [["words", ""], ["tier", ""], ["base", DATA.default_base], ["all", false]]) {
    if (state[name] !== usual) given.set(name, state[name]);
  }
  DATA.boards.forEach(({ sort }, i) => {
    if (sort.column !== headingOf(meanName()) || sort.down !== bestIsHigh()) given.append("sort", [i, sort.column, sort.down ? "down" : "up"].join("."));
  });
  const [id] = location.hash.split("?");
  history.replaceState(null, "", `${id || "#overview"}${given.size ? `?${given}` : ""}`);
}

function readState() {
  const given = new URLSearchParams(location.hash.split("?")[1] || "");
  state.words = given.get("words") || "";
  state.tier = Object.hasOwn(DATA.tiers, given.get("tier") || "") ? given.get("tier") : "";
  state.base = Object.hasOwn(DATA.bases, given.get("base") || "") ? given.get("base") : DATA.default_base;
  state.all = given.get("all") === "true";
  drawOverview();
  document.getElementById("tier").value = state.tier;
  document.getElementById("base").value = state.base;
  for (const text of given.getAll("sort")) {
    const [place, ...words] = text.split(".");
    if (DATA.boards[place]) Object.assign(DATA.boards[place].sort, { down: words.pop() === "down", column: words.join(".") });
  }
  if (given.has("sort")) drawBoards();
}

function route(event) {
  const [hash, given] = location.hash.slice(1).split("?");
  const key = hash.startsWith("run-") ? hash.slice(4) : "";
  const keys = hash.startsWith("compare-") ? hash.slice(8).split("-") : [];
  const view = Object.hasOwn(DATA.runs, key) ? "run" : keys.length === 2 && keys.every(rowOf) ? "compare" : "overview";
  const back = document.getElementById("overview").hidden && view === "overview";
  for (const id of ["overview", "run", "compare"]) document.getElementById(id).hidden = id !== view;
  if (view === "run") drawRun(key);
  if (view === "compare") drawComparison(keys);
  if (given && event) readState();
  else if (back) drawFigures();
  if (!event) return;
  const target = view !== "overview" ? document.getElementById(view) : document.getElementById(hash) || document.getElementById("overview");
  if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
  if (view !== "overview") scrollTo(0, 0);
  else target.scrollIntoView();
}

function startChoosing() {
  const bar = document.getElementById("chosen");
  bar.addEventListener("reset", () => { state.chosen = []; drawChosen(); });
  bar.querySelector("button").addEventListener("click", () => { location.hash = `compare-${state.chosen.join("-")}`; });
}

function startTheme() {
  const button = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  const kept = (value) => { try { return value ? localStorage.setItem("cadbench-theme", value) : localStorage.getItem("cadbench-theme"); } catch { return null; } };
  const set = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
    button.dataset.theme = theme;
  };
  set(themes.includes(kept()) ? kept() : "auto");
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(button.dataset.theme) + 1) % themes.length];
    set(next);
    kept(next);
  });
}

function startResizing() {
  let width = innerWidth, waiting = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (!document.getElementById("overview").hidden) drawFigures(); }, 150);
  });
}

document.getElementById("nav").replaceChildren(...SECTIONS.map(([id, title]) => el("a", { href: `#${id}` }, title)));
startTheme();
readState();
startChoosing();
route();
addEventListener("hashchange", route);
startResizing();
