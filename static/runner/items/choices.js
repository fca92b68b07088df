// What 判断, 单选 and 多选 share: native radios or checkboxes, so that arrows, Tab and screen readers work as everywhere.
// A letter or the mouse leaves no radio with the focus: the next arrow would rewrite what was just chosen.

import { h, icon, letter, stepBack, t } from "../dom.js";

/** Draw the choices of `item`; `many` may be chosen at once, a `pair` stands side by side and is never struck out. */
export function renderChoices(item, app, { many = false, pair = false } = {}) {
  const { store } = app;
  const { position } = item;
  const name = `answer-${position}`;
  const inputs = [];
  const rows = item.choices.map((choice, index) => {
    const value = letter(index);
    const input = h("input", { type: many ? "checkbox" : "radio", name, value, onchange: () => commit(), onfocus: () => arrived(input), onkeydown: (event) => strikeKey(event, value) });
    inputs.push(input);
    const label = h("label", {}, input, h("span", { class: "letter" }, value),
      h("span", { class: "choice-text", html: choice }));
    return h("div", { class: "choice" }, label, pair ? null : strikeButton(value));
  });

  function arrived(input) {
    if (!many && !input.matches(":focus-visible")) stepBack(input);
  }

  /** 划去 is no stop of Tab between the choices: Delete does it from a choice, Shift and its letter from anywhere. */
  function strikeKey(event, value) {
    if (pair || event.key !== "Delete" || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    strike(value);
  }

  function strikeButton(value) {
    return h("button", {
      type: "button", class: "strike", tabindex: "-1", "aria-pressed": "false", title: t("choice.strike"),
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
    app.announce?.(t(struck.has(value) ? "choice.struck" : "choice.unstruck", { letter: value }));
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
    clear.classList.toggle("is-off", !chosen);
    clear.disabled = !chosen;
  }

  /** Choose by a key: a radio is set, a checkbox turned over. */
  function choose(index) {
    const input = inputs[index];
    if (!input || input.disabled) return false;
    input.checked = many ? !input.checked : true;
    if (!many && inputs.includes(document.activeElement)) stepBack(input);
    rows[index].scrollIntoView({ block: "nearest" });
    commit();
    app.announce?.(t(input.checked ? "choice.chosen" : "choice.unchosen", { letter: input.value }));
    return true;
  }

  /** Strike a choice out, or take that back, by Shift and its letter. */
  function strikeOut(index) {
    const value = inputs[index]?.value;
    if (pair || !value) return false;
    strike(value);
    return true;
  }

  const clear = h("button", {
    type: "button", class: "btn btn-quiet btn-s",
    onclick: () => {
      for (const input of inputs) input.checked = false;
      stepBack(clear);
      commit();
    },
  }, t("choice.clear"));
  const node = h("div", {},
    h("fieldset", { class: `choices${pair ? " pair" : ""}`, "aria-labelledby": `stem-${position}` },
      many ? h("legend", { class: "hint" }, t("choice.many")) : null, rows));
  update();
  return { node, update, choose, strikeOut, tools: many ? [] : [clear] };
}

/** Return the last letter that chooses by a key, and the hint that says so. */
export function chosenByKey(item) {
  return { last: "ABCDEFGH"[item.choices.length - 1] ?? "D", hint: "keys.hint_choose" };
}
