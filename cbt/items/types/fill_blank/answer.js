// 填空: a field for each blank. A word bank is buttons that fill the field.

import { h, t } from "../dom.js";
import { placeBlanks } from "./blanks.js";

const LONGEST = 200;

function render(item, app, stem) {
  const full = h("p", { class: "hint essay-full", role: "status" });
  const { fields, lastUsed, commit, update } = placeBlanks(item, app, stem, {
    narrowest: 10,
    longest: LONGEST,
    attributes: (number) => ({ "aria-label": t("blank.label", { n: number }) }),
    read(all) {
      const values = all.map((field) => field.value.trim());
      full.textContent = all.some(({ value }) => value.length >= LONGEST) ? t("essay.full", { limit: LONGEST }) : "";
      return values.some(Boolean) ? values : null;
    },
    text: (value, index) => value?.[index],
  });
  const bank = item.word_bank?.length ? h("div", { class: "word-bank", role: "group", "aria-label": t("blank.word_bank") },
    item.word_bank.map((word) => h("button", {
      type: "button", class: "btn btn-s",
      onclick: () => {
        const last = lastUsed();
        const field = last.value ? fields.find((each) => !each.value) ?? last : last;
        field.value = word;
        commit();
      },
    }, word))) : null;
  return { node: h("div", {}, bank, full), update };
}

export const fillBlank = { render, asked: (item) => item.blanks };
