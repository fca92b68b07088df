// 简答: one field for a text of some length, which people mark.

import { h, t } from "../dom.js";
import { saveTyping } from "../typing.js";

const LONGEST = 10_000;

function render(item, app) {
  const { store } = app;
  const { position } = item;
  const count = h("p", { class: "hint num" });
  const field = h("textarea", { class: "input essay", rows: 8, maxlength: LONGEST, "aria-labelledby": `stem-${position}` });
  const say = () => { count.textContent = t("essay.count", { n: [...field.value].length }); };
  field.addEventListener("input", say);
  saveTyping(field, () => app.write("answer", position, field.value.trim() ? field.value : null));

  function update() {
    if (field !== document.activeElement) field.value = store.answers.get(position) ?? "";
    say();
  }

  update();
  return { node: h("div", {}, field, count), update };
}

export const shortAnswer = { render };
