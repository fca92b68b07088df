// Keeps the board live: polls, exchanges only what changed, keeps the selection, opens the dialogs of actions.
import { openActs, sayRefused } from "../desk/asking.js";
import { exchange, patch, remember } from "./patch.js";
import { writeNumbers } from "./numbers.js";
import { keepTime, setServerNow } from "./ticking.js";
import { Picks } from "./picks.js";
import { Alerts } from "./alerts.js";
import { Walking } from "./walking.js";

const board = document.getElementById("board");
const live = document.getElementById("live");
const poller = document.getElementById("poller");
const asked = document.getElementById("asked");
const cut = document.getElementById("cut");
const said = document.getElementById("said");
const texts = JSON.parse(board.dataset.texts);
const SAID_FOR = 15000;

remember(live);
const picks = new Picks(board, texts);
const alerts = new Alerts(board, texts);
const walking = new Walking(board);
setServerNow(live.dataset.now);
const tick = keepTime(board, texts);

let etag = live.dataset.tag;
let fading = 0;

document.addEventListener("htmx:configRequest", ({ target, detail }) => {
  if (target !== poller) return;
  detail.headers["If-None-Match"] = etag;
  detail.headers.Accept = "application/json, text/html;q=0.9"; // what changed, or everything
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (event.target === poller || event.detail.requestConfig?.elt === poller) {
    event.detail.shouldSwap = false;
    refresh(xhr);
  } else if (xhr.status >= 400) {
    sayRefused(event.detail);
  }
});

// What is exchanged under a finger that is down takes the click with it: it waits until the finger is up, and no
// longer than a click takes, for not every release is told to the page (a menu, another window).
const CLICK_MS = 1000;
let pressedAt = -Infinity;
let waiting = null;
document.addEventListener("pointerdown", () => (pressedAt = performance.now()), true);
for (const over of ["pointerup", "pointercancel"]) {
  document.addEventListener(over, () => {
    pressedAt = -Infinity;
    setTimeout(() => waiting && refresh(waiting));
  }, true);
}

function refresh(xhr) {
  waiting = performance.now() - pressedAt < CLICK_MS ? xhr : null;
  if (waiting) return;
  cut.hidden = xhr.status === 200 || xhr.status === 304;
  const now = xhr.getResponseHeader("X-Now");
  if (now) setServerNow(now);
  if (xhr.status !== 200) return;
  etag = xhr.getResponseHeader("ETag") ?? "";
  const brought = isChanges(xhr) ? bring(JSON.parse(xhr.responseText)) : bringAll(xhr.responseText);
  if (!brought) return window.location.reload();
  picks.show();
  walking.show();
  alerts.notice();
  tick();
}

const isChanges = (xhr) => (xhr.getResponseHeader("Content-Type") ?? "").startsWith("application/json");

/** What changed since the version this page named: parts and numbers by their ids; return whether the page has them. */
function bring({ parts, numbers }) {
  for (const [id, source] of Object.entries(parts)) {
    // In a template a row of a table stands by itself.
    const mould = new DOMParser().parseFromString(`<template>${source}</template>`, "text/html").querySelector("template");
    if (!exchange(id, document.adoptNode(mould.content.firstElementChild))) return false;
  }
  for (const [id, values] of Object.entries(numbers)) writeNumbers(id, values);
  return true;
}

function bringAll(source) {
  const fresh = new DOMParser().parseFromString(source, "text/html").getElementById("live");
  if (fresh !== null) patch(live, document.adoptNode(fresh));
  return fresh !== null;
}

for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    if (event.target === poller) cut.hidden = false;
  });
}

const closeFurther = () => document.querySelector(".further[open]")?.removeAttribute("open");
const ask = openActs(board, {
  before: closeFurther,
  shown() {
    said.replaceChildren();
    tick();
  },
});

document.addEventListener("click", (event) => {
  const doer = event.target.closest("a[data-post]");
  if (!doer) return;
  event.preventDefault();
  const url = new URL(doer.href);
  const values = Object.fromEntries([...url.searchParams.keys()].map((name) => [name, url.searchParams.getAll(name)])); // many seats, one name
  window.htmx.ajax("POST", url.pathname, { source: board, target: said, values });
});

document.addEventListener("submit", (event) => {
  if (event.target.id !== "picked") return; // the bar is exchanged when the room starts
  event.preventDefault();
  const url = new URL(event.submitter?.formAction ?? event.target.action, window.location.href);
  if (!event.submitter) return;
  for (const ref of picks.refs()) url.searchParams.append("seat", ref);
  closeFurther();
  ask(url.href);
});

document.addEventListener("acted", () => {
  if (asked.open) asked.close();
  document.getElementById("problem").replaceChildren();
  picks.clear();
  window.htmx.trigger(poller, "poll");
  clearTimeout(fading);
  fading = setTimeout(() => said.replaceChildren(), SAID_FOR);
});
// A second person approved what this dialog waits for: it is done, and the board says what, as for every other act.
document.addEventListener("refreshed", ({ detail }) => {
  if (detail.id !== "approval" || detail.dataset.state !== "done" || !asked.contains(detail)) return;
  const line = document.createElement("div");
  line.className = "said";
  line.textContent = detail.dataset.said;
  said.replaceChildren(line);
  document.dispatchEvent(new Event("acted"));
});
document.addEventListener("coded", () => {
  picks.clear();
  window.htmx.trigger(poller, "poll");
});
