"use strict";
/* Elements, numbers as cadbench prints them, and the tooltip. Text only ever enters as text. */

const DATA = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

/* Children may be nodes, texts, lists of them, or nothing. */
function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

function refill(node, ...children) {
  node.replaceChildren();
  return make(node, null, children);
}

const el = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) =>
  make(document.createElementNS(SVG, tag), attributes, children);

/* x with so many digits, ties to even and never -0: the text that `cadbench` prints. */
function fixed(x, digits) {
  const more = x.toFixed(Math.min(100, digits + 30));
  let text = x.toFixed(digits);
  const point = more.indexOf(".");
  if (/^50*$/.test(more.slice(point + 1 + digits))) {
    const cut = digits ? more.slice(0, point + 1 + digits) : more.slice(0, point);
    if (Number(cut[cut.length - 1]) % 2 === 0) text = cut;
  }
  return Number(text) === 0 ? text.replace("-", "") : text;
}

const DASH = "–";
const isNumber = (x) => typeof x === "number";

/* [mean, deviation, n] as `0.812 ± 0.004`. */
function spread(value, digits) {
  if (!value || !isNumber(value[0])) return DASH;
  const text = fixed(value[0], digits);
  return isNumber(value[1]) ? `${text} ± ${fixed(value[1], digits)}` : text;
}

function shown(value, column) {
  if (value === null || value === undefined || value === "") return DASH;
  if (!isNumber(value)) return String(value);
  return Number.isInteger(value) && !column.digits ? String(value) : fixed(value, column.digits);
}

const tip = document.getElementById("tip");

function showTip(target, x, y) {
  tip.textContent = target.dataset.tip;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.max(4, Math.min(x + 12, innerWidth - box.width - 4));
  const top = y + 16 + box.height > innerHeight ? y - box.height - 8 : y + 16;
  tip.style.left = `${left}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}

const hideTip = () => { tip.hidden = true; };

document.addEventListener("pointermove", (event) => {
  const target = event.target instanceof Element && event.target.closest("[data-tip]");
  if (target) showTip(target, event.clientX, event.clientY);
  else hideTip();
});
document.addEventListener("focusin", (event) => {
  const target = event.target instanceof Element && event.target.closest("[data-tip]");
  if (!target) return hideTip();
  const box = target.getBoundingClientRect();
  showTip(target, box.left, box.bottom);
});
document.addEventListener("focusout", hideTip);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
document.addEventListener("scroll", hideTip, true);
