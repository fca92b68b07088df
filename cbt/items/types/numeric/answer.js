// 计算: one field for a number. What is none is sent all the same, said at once and counted as 待更正.

import { h, t } from "../dom.js";
import { placeBlanks } from "./blanks.js";

const LONGEST = 40;
const SPACE = /[^\S\ufeff]|[\x1c-\x1f\x85]/g;
const NUMBER = /^[+-]?(\d+(\.\d*)?|\d{1,3}(,\d{3})+(\.\d*)?|\.\d+)$/;
const BEGUN = /^[+-]?\d*(,\d{0,3})*\.?\d*$/;
const plain = (text) => text.normalize("NFKC").replace(SPACE, "").replace("−", "-");

/** Whether the server reads a number in `text`: the rule is `Numeric.is_answered` of cbt/rules/items/numeric.py. */
export const isNumber = (text) => NUMBER.test(plain(text));

function render(item, app, stem) {
  const hint = h("p", { class: "hint blank-hint", id: `hint-${item.position}` });
  const { fields: [field], update } = placeBlanks(item, app, stem, {
    narrowest: 8,
    longest: LONGEST,
    attributes: () => ({
      class: "blank num", inputmode: "decimal", "aria-label": t("blank.numeric"), "aria-describedby": hint.id,
      oninput: ({ isComposing, target }) => !isComposing && say(BEGUN.test(plain(target.value)) || isNumber(target.value)),
    }),
    read([{ value }]) {
      const text = value.trim();
      say(!text || isNumber(text));
      return text || null;
    },
    text: (value) => value,
  });

  /** What is expected stands there from the first; when it is not met, a sign and the words say so. */
  function say(fine) {
    field.setAttribute("aria-invalid", String(!fine));
    hint.classList.toggle("wrong", !fine);
    const text = t(fine ? "blank.expected" : "blank.not_a_number");
    if (hint.textContent !== text) hint.textContent = text;
    if (!fine && field.matches(":focus")) app.announce?.(text);
  }

  function show() {
    update();
    if (!field.matches(":focus")) say(!field.value || isNumber(field.value));
  }

  show();
  return { node: h("div", {}, hint), update: show };
}

export const numeric = { render, readable: isNumber };
