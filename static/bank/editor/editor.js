// The editor of an item. While somebody types, the server is asked how the item looks and what lint says of it, and a
// moment later it keeps what is typed; when that fails, everything stays on the page and is sent again.

import { useTexts } from "../../runner/dom.js";
import { drawPaper } from "../catalogue/drawing.js";
import { livePictures } from "./hotspot.js";
import { liveMarks } from "./marks.js";
import { liveRows, settleAll } from "./rows.js";

const LOOK_AFTER = 350;
const KEEP_AFTER = 900;
const AGAIN_AFTER = 5000;
const HERE_EVERY = 8000;

const page = document.getElementById("editor");
const form = document.getElementById("edit");
const fields = document.getElementById("fields");
const runner = document.getElementById("runner");
const kept = document.getElementById("kept");
const told = document.getElementById("told");
const texts = JSON.parse(page.dataset.texts);
const timers = {};
let typed = 0;
let stored = 0;
let keeping = null;
let leaving = false;

const say = (id, params = {}) =>
  (texts[`editor.${id}`] ?? id).replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));

function later(name, wait, call) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(call, wait);
}

async function send(url) {
  const body = new FormData(form);
  return fetch(url, {
    method: "POST", body, headers: { Accept: "application/json", "X-CSRFToken": body.get("csrf_token"), "X-CBT-Input": "1" },
  });
}

// How it looks

let asked = 0;

async function look() {
  const number = (asked += 1);
  const answer = await send(page.dataset.look).catch(() => null);
  if (!answer?.ok || number !== asked) return;
  show(await answer.json());
}

/** Draw the paper, or say that too little is there. */
function drawOrWait(paper) {
  if (paper) return drawPaper(runner, paper);
  const wait = document.createElement("p");
  wait.className = "card card-body hint";
  wait.textContent = say("no_paper");
  return runner.replaceChildren(wait);
}

function show(found) {
  drawOrWait(found.paper);
  document.getElementById("key").innerHTML = found.key;
  document.getElementById("tally").innerHTML = found.tally;
  const slots = new Map([...form.querySelectorAll("[data-at]")].map((slot) => [slot.dataset.at, slot]));
  const rest = [];
  for (const [name, html] of Object.entries(found.notes)) {
    if (!slots.has(name)) rest.push(html);
  }
  for (const [name, slot] of slots) {
    const html = (found.notes[name] ?? "") + (name === "" ? rest.join("") : "");
    if (slot.innerHTML !== html) slot.innerHTML = html;
  }
}

// What is typed is kept

/** Have the server keep what is typed; true once it has. One request at a time; who comes meanwhile waits for the next. */
async function keep() {
  while (keeping) await keeping;
  if (stored === typed) return true;
  keeping = keepNow();
  const done = await keeping;
  keeping = null;
  return done;
}

async function keepNow() {
  const upTo = typed;
  kept.textContent = say("keeping");
  const answer = await send(page.dataset.keep).catch(() => null);
  if (answer?.ok) {
    const found = await answer.json();
    form.elements.seen.value = found.seen;
    stored = upTo;
    kept.textContent = say("kept", { at: new Date().toTimeString().slice(0, 8) });
    if (page.dataset.again) history.replaceState(null, "", page.dataset.again);
    tell("");
    return true;
  }
  kept.textContent = say("unkept");
  const problem = await answer?.json().catch(() => null);
  if (!answer || answer.status >= 500) tell(say("offline"));
  else if (problem?.code === "editing.other_tab") tellOtherTab(problem);
  else if (problem?.code === "web.csrf" && (await freshToken())) return keepNow();
  else if (["web.signed_out", "web.csrf"].includes(problem?.code)) tellSignedOut();
  else tell(`${problem?.message ?? ""} ${problem?.fix ?? ""}`);
  later("keep", AGAIN_AFTER, keep);
  return false;
}

/** After signing in again elsewhere the page's token is an old one: take the new one from a fresh copy of the page. */
async function freshToken() {
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok || new URL(answer.url).pathname !== location.pathname) return false;
  const copy = new DOMParser().parseFromString(await answer.text(), "text/html");
  const token = copy.querySelector("#edit [name=csrf_token]")?.value;
  if (!token || token === form.elements.csrf_token.value) return false;
  for (const field of document.querySelectorAll("[name=csrf_token]")) field.value = token;
  return true;
}

function tell(text, ...actions) {
  document.getElementById("trouble")?.remove();
  if (!text) return;
  const box = document.createElement("div");
  box.id = "trouble";
  box.className = "notice stop";
  const inner = document.createElement("div");
  const line = document.createElement("p");
  line.textContent = text;
  inner.append(line, ...actions);
  box.append(inner);
  form.querySelector(".editor-actions").prepend(box);
}

function action(text, call) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-s";
  button.textContent = text;
  button.addEventListener("click", call);
  return button;
}

function tellSignedOut() {
  const link = document.createElement("a");
  link.className = "btn btn-s";
  link.href = page.dataset.signIn;
  link.target = "_blank";
  link.textContent = say("sign_in");
  tell(say("signed_out"), link);
}

function tellOtherTab(problem) {
  clearTimeout(timers.keep);
  const theirs = action(say("take_other"), () => { leaving = true; location.reload(); });
  const mine = action(say("keep_mine"), () => {
    form.elements.seen.value = "*";
    tell("");
    keep();
  });
  tell(`${problem.message} ${problem.fix}`, theirs, " ", mine);
}

function changed() {
  typed += 1;
  kept.textContent = say("typing");
  later("look", LOOK_AFTER, look);
  later("keep", KEEP_AFTER, keep);
}

// The form

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

function growAll() {
  for (const area of form.querySelectorAll("textarea[data-grow]")) grow(area);
}

/** Draw the fields anew where the server adds, moves or takes out a part. */
async function redraw(asks) {
  const body = new FormData(form);
  body.set("do", asks);
  const answer = await fetch(location.href, { method: "POST", body, headers: { "HX-Request": "true", "X-CSRFToken": body.get("csrf_token") } })
    .catch(() => null);
  if (!answer?.ok) return tell(say("offline"));
  fields.innerHTML = await answer.text();
  settleAll(form);
  livePictures(form, say);
  growAll();
  const goal = fields.querySelector("[data-focus]");
  goal?.focus();
  goal?.scrollIntoView({ block: "start" });
  changed();
  return look();
}

async function submit(asks) {
  clearTimeout(timers.keep);
  if (!(await keep())) return;
  leaving = true;
  const field = Object.assign(document.createElement("input"), { type: "hidden", name: "do", value: asks });
  form.append(field);
  form.submit();
}

form.addEventListener("input", (event) => {
  if (event.target.matches("textarea[data-grow]")) grow(event.target);
  changed();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const asks = event.submitter?.value || "save";
  if (asks === "save" || asks === "submit") submit(asks);
  else redraw(asks);
});
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const asks = { s: "save", S: "save", Enter: "submit" }[event.key];
  if (!asks || !form.querySelector(`.actions [value="${asks}"]`)) return;
  event.preventDefault();
  submit(asks);
});
// The hint under the knowledge point says its name as soon as its code is whole.
form.addEventListener("input", ({ target }) => {
  if (target.name !== "point") return;
  const hint = document.getElementById(`${target.id}-hint`);
  const option = [...document.querySelectorAll("#points option")].find((one) => one.value === target.value.trim());
  if (hint) hint.textContent = option?.textContent ?? "";
});
window.addEventListener("beforeunload", (event) => {
  if (!leaving && stored !== typed) event.preventDefault();
});

// Who else is here

async function here() {
  const answer = await send(page.dataset.here).catch(() => null);
  if (answer?.ok) {
    const found = await answer.json();
    if (told.innerHTML !== found.told) told.innerHTML = found.told;
  }
  setTimeout(here, HERE_EVERY);
}

document.documentElement.classList.add("is-live");
useTexts(JSON.parse(runner.dataset.texts));
drawOrWait(JSON.parse(runner.dataset.paper));
liveRows(form, changed);
liveMarks(form);
livePictures(form, say);
growAll();
// Another width wraps the texts anew: a window drawn smaller, a tablet turned.
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== width) growAll();
  width = innerWidth;
});
if (page.dataset.here) here();
// What somebody typed before this script was here.
for (const field of form.elements) {
  if (field.matches("textarea, input:not([type])") && field.value !== field.defaultValue) {
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
