// 匹配: one select for each thing on the left; long options are also listed in full above.

import { h, plain, t } from "../dom.js";

const SHORT = 22;

function render(item, app) {
  const { store } = app;
  const { position } = item;
  const names = item.options.map(plain);
  const listed = names.some((name) => name.length > SHORT) || item.options.some((html) => /<(img|table)/i.test(html));
  const selects = item.lefts.map((_, index) => h("select", {
    class: "input", "aria-labelledby": `left-${position}-${index}`, onchange: commit,
  }, h("option", { value: "" }, t("matching.choose")),
  names.map((name, number) => h("option", { value: number + 1 },
    listed && name.length > SHORT ? `${number + 1}. ${name.slice(0, SHORT)}…` : `${number + 1}. ${name}`))));

  function commit() {
    const values = selects.map((select) => (select.value ? Number(select.value) : null));
    app.write("answer", position, values.some((value) => value !== null) ? values : null);
  }

  function update() {
    const values = store.answers.get(position) ?? [];
    selects.forEach((select, index) => { select.value = values[index] ?? ""; });
  }

  const rows = item.lefts.map((left, index) => h("div", { class: "match-row" },
    h("div", { id: `left-${position}-${index}`, class: "match-left", html: left }), selects[index]));
  update();
  return {
    node: h("div", {},
      listed ? h("ol", { class: "match-options" }, item.options.map((option) => h("li", { html: option }))) : null,
      h("div", { class: "match", role: "group", "aria-labelledby": `stem-${position}` }, rows)),
    update,
  };
}

export const matching = { render, asked: (item) => item.lefts.length };
