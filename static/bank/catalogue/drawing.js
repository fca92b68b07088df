// Draws a paper of one item or case with the answer page's own renderers. Nothing is sent.

import { alignFigures, h, t } from "../../runner/dom.js";
import { renderCard } from "../../runner/items/card.js";
import { Store } from "../../runner/store.js";

/** Put `paper` into `runner`, as a candidate meets it; what is tried out there is gone with the next drawing. */
export function drawPaper(runner, paper) {
  const store = new Store();
  store.load({ paper, journal: {} });
  store.settings.keys = false;
  const cards = new Map();
  const app = {
    store,
    outbox: { stateOf: () => null },
    write(kind, position, value) {
      store.lay(kind, position, value);
      cards.get(position)?.refresh();
    },
  };
  for (const item of paper.items) cards.set(item.position, renderCard(item, app));
  const list = h("div", { class: "parts" }, [...cards.values()].map((card) => card.node));
  if (!paper.cases.length) return runner.replaceChildren(list);
  const shown = paper.cases.map((each) => [
    h("h2", {}, each.title), alignFigures(h("div", { class: "prose", html: each.stimulus })),
  ]);
  const stimulus = h("section", { class: "card stimulus", tabindex: "0", "aria-label": t("case.label") }, shown);
  return runner.replaceChildren(h("div", { class: "with-case" }, stimulus, list));
}
