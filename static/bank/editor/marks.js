// What is written by signs in a text: the buttons above a field and their keys put it in at the caret.

import { askMedia } from "./media.js";
import { addRow } from "./rows.js";

const TABLE = "\n\n|  |  |\n|---|---|\n|  |  |\n";

/** Put a text in the place of what is selected, as typing would, so that the browser can take it back. */
export function insert(field, text) {
  field.focus();
  if (!document.execCommand("insertText", false, text)) {
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** Put signs around what is selected, and leave the caret between them when nothing was. */
export function around(field, before, after = before) {
  const { selectionStart: start, selectionEnd: end, value } = field;
  insert(field, before + value.slice(start, end) + after);
  if (start === end) field.setSelectionRange(start + before.length, start + before.length);
}

/** The next blank, and with it a row for what belongs there. */
function blank(field) {
  const numbers = [...field.value.matchAll(/\{\{(\d{1,3})\}\}/g)].map((found) => Number(found[1]));
  const next = Math.max(0, ...numbers) + 1;
  insert(field, `{{${next}}}`);
  const list = field.form.querySelector(`[data-rows="${CSS.escape(field.name.replace(/stem$/, "answer"))}"]`);
  while (list && list.querySelectorAll("ol > .row").length < next && addRow(list, null, { go: false }));
}

const SIGNS = {
  blank,
  formula: (field) => around(field, "$"),
  media: (field) => askMedia(field),
  bold: (field) => around(field, "**"),
  table: (field) => insert(field, TABLE),
};

export function liveMarks(form) {
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    if (button && SIGNS[button.dataset.insert]) SIGNS[button.dataset.insert](document.getElementById(button.dataset.into));
  });
  form.addEventListener("keydown", (event) => {
    const name = { KeyB: "bold", KeyM: "formula", KeyP: "media" }[event.code];
    if (!event.altKey || event.ctrlKey || !name || !event.target.matches("textarea")) return;
    event.preventDefault();
    SIGNS[name](event.target);
  });
  for (const [kind, data] of [["paste", "clipboardData"], ["drop", "dataTransfer"]]) {
    form.addEventListener(kind, (event) => {
      const file = event[data]?.files?.[0];
      if (!file || !event.target.matches("textarea")) return;
      event.preventDefault();
      askMedia(event.target, file);
    });
  }
}
