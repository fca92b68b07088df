// Dialogs on the native element: modal, Esc closes, focus goes back to where it was.

import { h, icon, t } from "./dom.js";

let count = 0;

/** Open a modal dialog; `foot` are its buttons. Returns `{node, close}`. */
export function openDialog({ title, body, foot = [], wide = false }) {
  const id = `dialog-${++count}`;
  const from = document.activeElement;
  const node = h("dialog", { class: `dialog${wide ? " dialog-wide" : ""}`, "aria-labelledby": id },
    h("div", { class: "dialog-head" }, h("h2", { id }, title),
      h("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-label": t("dialog.close"), onclick: () => node.close() }, icon("x"))),
    h("div", { class: "dialog-body" }, body),
    foot.length ? h("div", { class: "dialog-foot" }, foot) : null);
  node.addEventListener("close", () => {
    node.remove();
    if (from?.isConnected) from.focus({ preventScroll: true });
  });
  document.body.append(node);
  node.showModal();
  return { node, close: () => node.close() };
}

/** Ask one question: `act` runs on yes; the safe answer has the focus. */
export function confirmDialog({ title, body, no, yes, act, danger = false }) {
  const stay = h("button", { type: "button", class: "btn", onclick: () => dialog.close() }, no);
  const go = h("button", {
    type: "button", class: `btn btn-main${danger ? " btn-stop" : ""}`,
    onclick: () => {
      dialog.close();
      act();
    },
  }, yes);
  const dialog = openDialog({ title, body, foot: [stay, go] });
  stay.focus();
  return dialog;
}

export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open].dialog")) dialog.close();
}
