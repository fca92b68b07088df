// The item as the candidate meets it: the answer page's own renderers on a paper of one item or case.
// Nothing is sent; what is tried out here is gone with the page.

import { h, t, useTexts } from "../../delivery/dom.js";
import { renderCard } from "../../delivery/items/card.js";
import { Store } from "../../delivery/store.js";

const runner = document.getElementById("runner");
const paper = JSON.parse(runner.dataset.paper);
useTexts(JSON.parse(runner.dataset.texts));

const store = new Store();
store.load({ paper, journal: {} });
store.settings.keys = false;

const app = {
  store,
  outbox: { stateOf: () => null },
  write(kind, position, value) {
    store.lay(kind, position, value);
    cards.get(position)?.refresh();
  },
};

const cards = new Map();
for (const item of paper.items) cards.set(item.position, renderCard(item, app));

const list = h("div", { class: "parts" }, [...cards.values()].map((card) => card.node));
if (paper.cases.length) {
  const shown = paper.cases.map((each) => [h("h2", {}, each.title), h("div", { class: "prose", html: each.stimulus })]);
  const stimulus = h("section", { class: "card stimulus", tabindex: "0", "aria-label": t("case.label") }, shown);
  runner.replaceChildren(h("div", { class: "with-case" }, stimulus, list));
} else {
  runner.replaceChildren(list);
}
