// 计算: one field for a number; what is none is said at once, and sent all the same.

import { h, t } from "../dom.js";
import { placeBlanks } from "./blanks.js";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/;

function render(item, app, stem) {
  const hint = h("p", { class: "hint", role: "status" });
  const { update } = placeBlanks(item, app, stem, {
    narrowest: 8,
    attributes: () => ({ class: "blank num", inputmode: "decimal", "aria-label": t("blank.numeric") }),
    read([field]) {
      const text = field.value.normalize("NFKC").replace(/[\s,]/g, "");
      hint.textContent = text && !NUMBER.test(text) ? t("blank.not_a_number") : "";
      field.setAttribute("aria-invalid", String(Boolean(hint.textContent)));
      return text || null;
    },
    text: (value) => value,
  });
  return { node: h("div", {}, hint), update };
}

export const numeric = { render };
