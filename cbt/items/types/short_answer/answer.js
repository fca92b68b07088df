// 简答: one field for a text of some length, which people mark. Characters are Unicode code points and a line break
// is one, here as on the server; `maxlength` would count otherwise, so what goes over is cut here, and said.

import { h, t } from "../dom.js";
import { saveTyping } from "../typing.js";

function render(item, app) {
  const { store } = app;
  const { position, limit } = item;
  const count = h("p", { class: "hint num essay-count", id: `count-${position}` });
  const full = h("p", { class: "hint essay-full", role: "status" });
  const field = h("textarea", {
    class: "input essay", rows: Math.min(12, 4 + Math.ceil(limit / 100)), spellcheck: "false",
    "aria-labelledby": `stem-${position}`, "aria-describedby": `count-${position}`,
  });

  /** Take back what was just written before the caret beyond the limit: what stood behind it stays. */
  function fit() {
    const over = [...field.value].length - limit;
    if (over <= 0) return;
    const { value, selectionStart: caret } = field;
    const before = [...value.slice(0, caret)].slice(0, -over).join("");
    field.value = [...before + value.slice(caret)].slice(0, limit).join("");
    field.setSelectionRange(before.length, before.length);
  }

  function say() {
    const length = [...field.value].length;
    count.textContent = t("essay.count", { n: length, limit });
    count.classList.toggle("is-full", length >= limit);
    full.textContent = length >= limit ? t("essay.full", { limit }) : "";
  }

  // While an input method composes, the field is not ours to change; its end is no input event everywhere.
  for (const event of ["input", "compositionend"]) {
    field.addEventListener(event, ({ isComposing }) => {
      if (!isComposing) fit();
      say();
    });
  }
  saveTyping(field, () => {
    fit();
    app.write("answer", position, field.value.trim() ? field.value : null);
  });

  function update() {
    if (field !== document.activeElement) field.value = store.answers.get(position) ?? "";
    say();
  }

  update();
  return { node: h("div", { class: "essay-box" }, field, h("div", { class: "essay-foot" }, count, full)), update };
}

export const shortAnswer = { render };
