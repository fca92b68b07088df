// 匹配: one select for each thing on the left. It lies unseen over a field that shows the chosen option in full, which a
// select would cut; long options are also listed above.

import { h, icon, plain, stepBack, t } from "../dom.js";

const SHORT = 22;

function render(item, app) {
  const { store } = app;
  const { position } = item;
  const names = item.options.map(plain);
  const listed = names.some((name) => name.length > SHORT) || item.options.some((html) => /<(img|table)/i.test(html));
  const selects = item.lefts.map((_, index) => h("select", {
    "aria-labelledby": `left-${position}-${index}`, onchange: commit,
  }, h("option", { value: "" }, t("matching.choose")),
  names.map((name, number) => h("option", { value: number + 1 }, `${number + 1}. ${name}`))));
  const shown = selects.map(() => h("span", { class: "input", "aria-hidden": "true" }));

  function commit({ target }) {
    if (!target.matches(":focus-visible")) stepBack(target); // chosen with the mouse: an arrow would rewrite it
    const values = selects.map((select) => (select.value ? Number(select.value) : null));
    app.write("answer", position, values.some((value) => value !== null) ? values : null);
    update();
  }

  function update() {
    const values = store.answers.get(position) ?? [];
    selects.forEach((select, index) => {
      const number = values[index];
      select.value = number ?? "";
      shown[index].classList.toggle("is-open", !number);
      shown[index].replaceChildren(number ? h("b", { class: "num" }, `${number}.`) : "",
        h("span", { html: number ? item.options[number - 1] : t("matching.choose") }), icon("down"));
    });
  }

  const rows = item.lefts.map((left, index) => h("div", { class: "match-row" },
    h("div", { id: `left-${position}-${index}`, class: "match-left", html: left }),
    h("div", { class: "match-pick" }, selects[index], shown[index])));
  update();
  return {
    node: h("div", {},
      listed ? h("ol", { class: "match-options" }, item.options.map((option) => h("li", { html: option }))) : null,
      h("div", { class: "match", role: "group", "aria-labelledby": `stem-${position}` }, rows)),
    update,
  };
}

export const matching = { render, asked: (item) => item.lefts.length };
