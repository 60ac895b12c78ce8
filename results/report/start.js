/* Which view the address asks for, the theme, and the start. */

const SECTIONS = [["summary", "Summary"], ...DATA.boards.map((board, i) => [`board-${i}`, DATA.boards.length > 1 ? board.title : "Leaderboard"]),
  ["images", "Images"], ["runs", "Runs"], ["definitions", "Definitions"]];

function route(event) {
  const hash = location.hash.slice(1);
  const key = hash.startsWith("run-") ? hash.slice(4) : "";
  const isRun = Object.hasOwn(DATA.runs, key);
  const overview = document.getElementById("overview"), run = document.getElementById("run");
  const back = overview.hidden && !isRun;
  if (isRun) drawRun(key);
  overview.hidden = isRun;
  run.hidden = !isRun;
  if (back) drawFigures();
  if (!event) return;
  const target = isRun ? run : document.getElementById(hash) || overview;
  if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
  if (isRun) scrollTo(0, 0);
  else target.scrollIntoView();
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
drawOverview();
route();
addEventListener("hashchange", route);
startResizing();
