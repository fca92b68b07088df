// Building the page: elements, icons, texts, numbers. Nothing here knows the exam.

const SVG = "http://www.w3.org/2000/svg";
const UNSEEN = 500; // a tab in the background draws no frame
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "indeterminate"]);
let texts = {};

export function useTexts(catalogue) {
  texts = catalogue;
}

/** Return the text `id` with every `{name}` replaced from `params`. */
export function t(id, params = {}) {
  const text = texts[id] ?? id;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

/** Build an element: `on…` are listeners, `html` is sanitised markup from the server, the rest attributes. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "html") node.innerHTML = value;
    else if (PROPERTIES.has(name)) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Have an element say a text: where it says it already, nothing is laid out anew. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Return a line icon from the sprite in the page. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Return markup as plain text, for places that hold no markup (an `<option>`). */
export function plain(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  return box.content.textContent.replace(/\s+/g, " ").trim();
}

/** Take the focus off an answer, to the heading of its item: an arrow there scrolls and rewrites nothing. */
export function stepBack(node) {
  node.closest("article")?.querySelector("h2").focus({ preventScroll: true });
}

/** Make the buttons of `list` one stop of Tab: arrows, Home and End move among them, ↑ ↓ from row to row. */
export function rove(list) {
  const buttons = () => [...list.querySelectorAll("button")];
  list.dataset.roving = "";
  list.addEventListener("focusin", ({ target }) => stopAt(list, target));
  list.addEventListener("keydown", (event) => {
    const all = buttons();
    const at = all.indexOf(event.target);
    if (at < 0 || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const row = all.filter((each) => each.offsetTop === all[0].offsetTop).length;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - row, ArrowDown: at + row, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all[to]?.focus();
  });
  return list;
}

/** Let Tab stop at `button` of a list that `rove` made; while the focus is in the list, it stays where that is. */
export function stopAt(list, button) {
  const stop = list.contains(document.activeElement) ? document.activeElement : button;
  for (const each of list.querySelectorAll("button")) {
    const index = each === stop ? "0" : "-1";
    if (each.getAttribute("tabindex") !== index) each.setAttribute("tabindex", index);
  }
}

const FIGURE = /^[¥￥$≥≤<>＜＞]?\s*[−+-]?[\d.,:/%～~–—-]+\s*\p{L}{0,2}$/u;

/** Right-align the columns of `node`'s tables that hold figures only (a missing one may be a dash); words stay left. */
export function alignFigures(node) {
  for (const table of node.querySelectorAll("table")) {
    const rows = [...table.rows];
    const body = rows.filter((row) => row.querySelector("td"));
    for (let column = 1; column < (rows[0]?.cells.length ?? 0); column += 1) {
      const texts = body.map((row) => row.cells[column]?.textContent.trim() ?? "");
      if (!texts.every((text) => FIGURE.test(text)) || !texts.some((text) => /\d/.test(text))) continue;
      for (const row of rows) row.cells[column]?.classList.add("n");
    }
  }
  return node;
}

export const letter = (index) => String.fromCharCode(65 + index);

/** Return a span in milliseconds as `mm:ss` (minutes may pass 99); never negative, a started second counts. */
export function span(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

let turns = []; // [from (ms), seconds east of Greenwich], the earliest first

/** Be told how far the centre's time is from UTC, and when that changes: to make an Intl format costs more than an item. */
export function useTurns(told) {
  turns = told;
}

/** Return an instant as wall time of the centre: `14:35`, or `14:35:07` with seconds. */
export function wall(iso, seconds = false) {
  const at = Date.parse(iso);
  const [, east] = turns.filter(([from]) => from <= at).at(-1) ?? turns[0];
  return new Date(at + east * 1000).toISOString().slice(11, seconds ? 19 : 16);
}

export const jitter = (from, to) => from + Math.random() * (to - from);
/** Do something once, when what was drawn is in sight; in a page that nobody looks at, soon. */
export function afterFrame(todo) {
  let due = () => {
    due = () => {};
    todo();
  };
  requestAnimationFrame(() => setTimeout(() => due(), 0));
  setTimeout(() => due(), UNSEEN);
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
