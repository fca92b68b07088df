// What 判断, 单选 and 多选 share: native radios or checkboxes, so that arrows, Tab and screen readers work as everywhere.

import { h, icon, letter, t } from "../dom.js";

/** Draw the choices of `item`; `many` may be chosen at once, a `pair` stands side by side and is never struck out. */
export function renderChoices(item, app, { many = false, pair = false } = {}) {
  const { store } = app;
  const { position } = item;
  const name = `answer-${position}`;
  const inputs = [];
  const rows = item.choices.map((choice, index) => {
    const value = letter(index);
    const input = h("input", { type: many ? "checkbox" : "radio", name, value, onchange: () => commit() });
    inputs.push(input);
    const label = h("label", {}, input, h("span", { class: "letter", "aria-hidden": "true" }, value),
      h("span", { class: "choice-text", html: choice }));
    return h("div", { class: "choice" }, label, pair ? null : strikeButton(value));
  });

  function strikeButton(value) {
    return h("button", {
      type: "button", class: "strike", "aria-pressed": "false", title: t("choice.strike"),
      "aria-label": t("choice.strike_letter", { letter: value }), onclick: () => strike(value),
    }, icon("strike"));
  }

  function commit() {
    const chosen = inputs.filter((input) => input.checked).map((input) => input.value).join("");
    const struck = store.strikes.get(position) ?? "";
    const kept = [...struck].filter((value) => !chosen.includes(value)).join("");
    if (kept !== struck) app.write("strike", position, kept);
    app.write("answer", position, chosen || null);
    update();
  }

  function strike(value) {
    const struck = new Set(store.strikes.get(position) ?? "");
    if (!struck.delete(value)) struck.add(value);
    if (struck.has(value) && (store.answers.get(position) ?? "").includes(value)) {
      inputs.find((input) => input.value === value).checked = false;
      app.write("answer", position, inputs.filter((each) => each.checked).map((each) => each.value).join("") || null);
    }
    app.write("strike", position, [...struck].sort().join(""));
    update();
  }

  function update() {
    const chosen = store.answers.get(position) ?? "";
    const struck = store.strikes.get(position) ?? "";
    inputs.forEach((input, index) => {
      input.checked = chosen.includes(input.value);
      const isStruck = struck.includes(input.value);
      rows[index].classList.toggle("struck", isStruck);
      rows[index].querySelector(".strike")?.setAttribute("aria-pressed", String(isStruck));
    });
    clear.hidden = many || !chosen;
  }

  /** Choose by a key: a radio is set, a checkbox turned over. */
  function choose(index) {
    const input = inputs[index];
    if (!input || input.disabled) return false;
    input.checked = many ? !input.checked : true;
    input.focus();
    commit();
    return true;
  }

  const clear = h("button", {
    type: "button", class: "btn btn-quiet btn-s clear",
    onclick: () => {
      for (const input of inputs) input.checked = false;
      inputs[0].focus();
      commit();
    },
  }, t("choice.clear"));
  const node = h("div", {},
    h("fieldset", { class: `choices${pair ? " pair" : ""}`, "aria-labelledby": `stem-${position}` },
      many ? h("legend", { class: "hint" }, t("choice.many")) : null, rows),
    many ? null : h("div", { class: "under" }, clear));
  update();
  return { node, update, choose };
}

/** Return the last letter that chooses by a key, and the hint that says so. */
export function chosenByKey(item) {
  return { last: "ABCDEFGH"[item.choices.length - 1] ?? "D", hint: "keys.hint_choose" };
}
