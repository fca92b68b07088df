// Lists of a form whose rows are added, moved and taken out, by mouse or keyboard. A row is copied from the list's
// template; what names its place (letter, number, label, the value of its key mark) is put right after each change.

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

const rowsOf = (list) => [...list.querySelector("ol").children];

/** Put the places of a list's rows right, and say how many there may be. */
function settle(list) {
  const rows = rowsOf(list);
  rows.forEach((row, place) => {
    for (const node of row.querySelectorAll("[data-letter]")) node.textContent = LETTERS[place];
    for (const node of row.querySelectorAll("[data-number]")) node.textContent = place + 1;
    for (const node of row.querySelectorAll("[data-place]")) node.value = place;
    for (const node of row.querySelectorAll("[data-label]")) {
      node.setAttribute("aria-label", node.dataset.label.replace("{letter}", LETTERS[place]).replace("{n}", place + 1));
    }
    row.querySelector('[data-row-act="up"]').disabled = place === 0;
    row.querySelector('[data-row-act="down"]').disabled = place === rows.length - 1;
    row.querySelector('[data-row-act="remove"]').disabled = rows.length <= Number(list.dataset.least);
  });
  list.querySelector("[data-row-add]").disabled = rows.length >= Number(list.dataset.most);
}

const fieldOf = (row) => row?.querySelector("textarea, input:not([type=radio], [type=checkbox])");

/** Add a row after `after`, or at the end, and go there. */
export function addRow(list, after = null, { go = true } = {}) {
  if (rowsOf(list).length >= Number(list.dataset.most)) return null;
  const row = list.querySelector("template").content.firstElementChild.cloneNode(true);
  if (after) after.after(row);
  else list.querySelector("ol").append(row);
  settle(list);
  if (go) fieldOf(row).focus();
  return row;
}

function removeRow(list, row) {
  const rows = rowsOf(list);
  if (rows.length <= Number(list.dataset.least)) return;
  const place = rows.indexOf(row);
  row.remove();
  settle(list);
  (fieldOf(rowsOf(list)[Math.min(place, rows.length - 2)]) ?? list.querySelector("[data-row-add]")).focus();
}

function moveRow(list, row, way) {
  const other = way === "up" ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (way === "up") other.before(row);
  else other.after(row);
  settle(list);
}

/** Act on the lists of `form`; `changed` is told after each change. */
export function liveRows(form, changed) {
  const act = (list, row, name) => {
    if (name === "remove") removeRow(list, row);
    else moveRow(list, row, name);
    changed();
  };
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-row-add], [data-row-act]");
    if (!button) return;
    const list = button.closest("[data-rows]");
    if (button.dataset.rowAct) {
      act(list, button.closest(".row"), button.dataset.rowAct);
      if (button.isConnected && !button.disabled) button.focus();
    } else {
      addRow(list);
      changed();
    }
  });
  form.addEventListener("keydown", (event) => {
    const row = event.target.closest(".row");
    const list = row?.closest("[data-rows]");
    if (!list || event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      const fields = [...row.querySelectorAll("textarea, input.input")];
      const next = fields[fields.indexOf(event.target) + 1] ?? fieldOf(row.nextElementSibling);
      if (next) next.focus();
      else if (addRow(list)) changed();
    } else if (event.altKey && event.key === "Delete") {
      event.preventDefault();
      act(list, row, "remove");
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      act(list, row, event.key === "ArrowUp" ? "up" : "down");
      event.target.focus();
    } else if (event.altKey && event.code === "KeyK") {
      const mark = row.querySelector("[data-place]");
      if (!mark) return;
      event.preventDefault();
      mark.checked = mark.type === "radio" || !mark.checked;
      changed();
    }
  });
  settleAll(form);
}

/** Put all lists of a form right that was drawn anew. */
export function settleAll(form) {
  for (const list of form.querySelectorAll("[data-rows]")) settle(list);
}
