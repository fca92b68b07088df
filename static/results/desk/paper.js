// Somebody's paper as they had it before them, with what they answered; nothing on it can be changed.

import { alignFigures, h, t, useTexts } from "../../runner/dom.js";
import { renderCard } from "../../runner/items/card.js";
import { Store } from "../../runner/store.js";

const runner = document.getElementById("runner");
useTexts(JSON.parse(runner.dataset.texts));
const paper = JSON.parse(runner.dataset.paper);
const store = new Store();
store.load({ paper, journal: JSON.parse(runner.dataset.journal) });
store.settings.keys = false;
const app = { store, outbox: { stateOf: () => null }, write() {} };

const marks = new Map([...document.querySelectorAll("#desk-marks > li")].map((line) => [Number(line.dataset.position), line]));

/** The card of an item, closed to whoever looks, and what it earned beneath it. */
function shut(item) {
  const card = renderCard(item, app);
  card.refresh();
  for (const control of card.node.querySelectorAll("button, input, select, textarea")) control.disabled = true;
  for (const place of card.node.querySelectorAll("[contenteditable]")) place.setAttribute("contenteditable", "false");
  const line = marks.get(item.position);
  if (line) card.node.append(h("div", { class: "desk-mark" }, [...line.childNodes]));
  return card.node;
}

const nodes = [];
for (const group of store.groups) {
  const stimuli = paper.cases.filter((each) => each.unit === group.unit);
  const list = h("div", { class: "parts" }, group.positions.map((position) => shut(store.items.get(position))));
  nodes.push(h("h3", { class: "desk-group" }, group.name));
  if (!stimuli.length) nodes.push(list);
  else {
    const shown = stimuli.map((each) => [h("h4", {}, each.title), alignFigures(h("div", { class: "prose", html: each.stimulus }))]);
    const stimulus = h("section", { class: "card stimulus", tabindex: "0", "aria-label": t("case.label") }, shown);
    nodes.push(h("div", { class: "with-case" }, stimulus, list));
  }
}
runner.replaceChildren(...nodes);
