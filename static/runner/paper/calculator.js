// A four-function calculator in a panel that stays out of the way: no eval, twelve digits, keys work in it.

import { h, icon, t } from "../dom.js";

const KEYS = ["C", "±", "%", "÷", "7", "8", "9", "×", "4", "5", "6", "−", "1", "2", "3", "+", "0", ".", "⌫", "="];
const TYPED = { "/": "÷", "*": "×", "-": "−", Enter: "=", Backspace: "⌫", Delete: "C", c: "C", C: "C" };
const WORK = { "+": (a, b) => a + b, "−": (a, b) => a - b, "×": (a, b) => a * b, "÷": (a, b) => a / b };

/** The state after `key`: `{text, left, sign, fresh}`; an impossible result shows "—". */
export function press({ text, left, sign, fresh }, key) {
  if (/^\d$/.test(key)) {
    if (fresh || text === "0" || text === "—") return { text: key, left, sign, fresh: false };
    return { text: text.replace(/\D/g, "").length < 12 ? text + key : text, left, sign, fresh: false };
  }
  if (key === ".") return { text: fresh || text === "—" ? "0." : text.includes(".") ? text : `${text}.`, left, sign, fresh: false };
  if (key === "C") return { text: "0", left: null, sign: null, fresh: true };
  if (text === "—") return { text, left, sign, fresh };
  if (key === "⌫") return { text: fresh ? text : text.slice(0, -1).replace(/^-?$/, "0"), left, sign, fresh };
  if (key === "±") return { text: text.startsWith("-") ? text.slice(1) : text === "0" ? text : `-${text}`, left, sign, fresh };
  if (key === "%") return { text: show(Number(text) / 100), left, sign, fresh: true };
  const value = sign && !(fresh && key !== "=") ? WORK[sign](left, Number(text)) : Number(text);
  return { text: show(value), left: key === "=" ? null : value, sign: key === "=" ? null : key, fresh: true };
}

function show(value) {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e12) return "—";
  return String(Number(value.toPrecision(12)));
}

export function openCalculator(opener) {
  const old = document.querySelector(".calculator");
  if (old) return close(old, opener);
  let state = { text: "0", left: null, sign: null, fresh: true };
  const output = h("output", { class: "num", "aria-live": "polite" }, "0");
  const use = (key) => {
    state = press(state, key);
    output.textContent = state.text.replace("-", "−");
  };
  const panel = h("section", {
    class: "calculator card", tabindex: "-1", "aria-label": t("calculator.title"),
    onkeydown: (event) => {
      if (event.key === "Escape") return close(panel, opener);
      const key = TYPED[event.key] ?? event.key;
      if (event.ctrlKey || event.altKey || !KEYS.includes(key) || (event.key === "Enter" && event.target.matches("button"))) return undefined;
      event.preventDefault();
      return use(key);
    },
  }, h("header", {}, h("b", {}, t("calculator.title")),
    h("button", { type: "button", class: "btn btn-quiet btn-icon btn-s", "aria-label": t("dialog.close"), onclick: () => close(panel, opener) }, icon("x"))),
  output, h("div", { class: "calculator-keys" }, KEYS.map((key) => h("button", {
    type: "button", class: `btn${key === "=" ? " btn-main" : ""}`, "aria-label": NAMES[key] ? t(NAMES[key]) : null, onclick: () => use(key),
  }, key))));
  document.querySelector("#main").append(panel);
  opener.setAttribute("aria-expanded", "true");
  drag(panel);
  panel.focus();
  return undefined;
}

const NAMES = { C: "calculator.clear", "±": "calculator.sign", "⌫": "calculator.back" };

function close(panel, opener) {
  panel.remove();
  opener.setAttribute("aria-expanded", "false");
  opener.focus();
}

function drag(panel) {
  panel.querySelector("header").addEventListener("pointerdown", (start) => {
    if (start.target.closest("button")) return;
    const box = panel.getBoundingClientRect();
    const move = (event) => {
      panel.style.right = panel.style.bottom = "auto";
      panel.style.left = `${Math.max(0, Math.min(innerWidth - box.width, box.left + event.clientX - start.clientX))}px`;
      panel.style.top = `${Math.max(0, Math.min(innerHeight - box.height, box.top + event.clientY - start.clientY))}px`;
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", () => document.removeEventListener("pointermove", move), { once: true });
  });
}
