// 填空 and 计算: the stem holds the places, the fields stand in them. A word bank is buttons that fill the field.

import { h, t } from "../dom.js";
import { saveTyping } from "../typing.js";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/;

export function renderBlank(item, app, stem) {
  const { store } = app;
  const { position } = item;
  const numeric = item.type === "numeric";
  const fields = [];
  for (const place of stem.querySelectorAll("[data-blank]")) {
    const number = Number(place.dataset.blank);
    const field = h("input", {
      class: `blank${numeric ? " num" : ""}`, type: "text", autocomplete: "off", autocapitalize: "off",
      spellcheck: "false", maxlength: 200, inputmode: numeric ? "decimal" : null,
      "aria-label": numeric ? t("blank.numeric") : t("blank.label", { n: number }),
      onfocus: () => { last = field; },
    });
    fields[number - 1] = field;
    place.replaceChildren(field);
    saveTyping(field, commit);
  }
  let last = fields[0];
  const hint = h("p", { class: "hint", role: "status" });

  function commit() {
    if (numeric) {
      const text = fields[0].value.normalize("NFKC").replace(/[\s,]/g, "");
      hint.textContent = text && !NUMBER.test(text) ? t("blank.not_a_number") : "";
      fields[0].setAttribute("aria-invalid", String(Boolean(hint.textContent)));
      app.write("answer", position, text || null);
    } else {
      const values = fields.map((field) => field.value.trim());
      app.write("answer", position, values.some(Boolean) ? values : null);
    }
    size();
  }

  function size() {
    for (const field of fields) {
      const width = [...field.value].reduce((sum, sign) => sum + (sign.charCodeAt(0) > 255 ? 2 : 1), 0);
      field.style.width = `${Math.min(28, Math.max(numeric ? 8 : 10, width + 3))}ch`;
    }
  }

  function update() {
    const value = store.answers.get(position);
    fields.forEach((field, index) => {
      if (field === document.activeElement) return;
      field.value = (numeric ? value : value?.[index]) ?? "";
    });
    size();
  }

  const bank = item.word_bank?.length ? h("div", { class: "word-bank", role: "group", "aria-label": t("blank.word_bank") },
    item.word_bank.map((word) => h("button", {
      type: "button", class: "btn btn-s",
      onclick: () => {
        const field = last.value ? fields.find((each) => !each.value) ?? last : last;
        field.value = word;
        commit();
      },
    }, word))) : null;
  update();
  return { node: h("div", {}, bank, hint), update };
}
