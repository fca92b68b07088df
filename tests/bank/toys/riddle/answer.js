// 谜语: a field for the word.

import { h, t } from "../dom.js";

function render(item, app) {
  const field = h("input", { "aria-label": t("type.riddle"), onchange: () => app.write("answer", item.position, field.value) });
  return { node: field, update: () => { field.value = app.store.answers.get(item.position) ?? ""; } };
}

export const riddle = { render };
