// 匹配: a field for each thing on the left, chosen from the options; long ones are also listed above, in full.

import { combobox } from "../combobox.js";
import { h, plain, t } from "../dom.js";

const SHORT = 22;

function render(item, app) {
  const { store } = app;
  const { position } = item;
  const listed = item.options.some((html) => plain(html).length > SHORT || /<(img|table)/i.test(html));
  const picks = item.lefts.map((_, index) => combobox({
    id: `pick-${position}-${index}`, labelledby: `left-${position}-${index}`, options: item.options,
    choose: t("matching.choose"), none: t("matching.none"), chosen: (number) => commit(index, number),
  }));

  function commit(index, number) {
    const values = item.lefts.map((_, other) => store.answers.get(position)?.[other] ?? null);
    values[index] = number;
    app.write("answer", position, values.some((value) => value !== null) ? values : null);
  }

  function update() {
    const values = store.answers.get(position) ?? [];
    picks.forEach((pick, index) => pick.show(values[index] ?? null));
  }

  const rows = item.lefts.map((left, index) => h("div", { class: "match-row" },
    h("div", { id: `left-${position}-${index}`, class: "match-left", html: left }),
    h("div", { class: "match-pick" }, picks[index].node)));
  update();
  return {
    node: h("div", {},
      listed ? h("ol", { class: "match-options" }, item.options.map((option) => h("li", { html: option }))) : null,
      h("div", { class: "match", role: "group", "aria-labelledby": `stem-${position}` }, rows)),
    update,
  };
}

export const matching = { render, asked: (item) => item.lefts.length };
