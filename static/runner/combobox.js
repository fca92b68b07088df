// A field that is chosen from a list, as a button: closed, no key, wheel or typed letter changes what it holds, which a
// browser's own list does; the keys of the paper work from there. Open, keys move in the list and choose nothing but by
// Enter, Space or a press.

import { h, icon } from "./dom.js";

const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 5, PageUp: -5, Home: -Infinity, End: Infinity };

/**
 * Return `{node, show(index)}`: a field `id` named by the element `labelledby`, over `options` (markup from the server),
 * with the texts `choose`, while nothing is chosen, and `none`, to choose nothing any more. `chosen(index)` is called
 * for each choice; its index is null for none.
 */
export function combobox({ id, labelledby, options, choose, none, chosen }) {
  const rows = [null, ...options].map((html, index) => h("li", { id: `${id}-${index}`, role: "option", "data-index": index },
    index ? [h("b", { class: "num" }, `${index}.`), h("span", { html })] : h("span", {}, none)));
  const list = h("ul", { id: `${id}-list`, class: "combo-list", role: "listbox", "aria-labelledby": labelledby, hidden: true }, rows);
  const value = h("span", { class: "combo-value", id: `${id}-value` });
  const field = h("button", {
    id, type: "button", class: "input combo", role: "combobox", "aria-haspopup": "listbox", "aria-expanded": "false",
    "aria-controls": list.id, "aria-labelledby": `${labelledby} ${value.id}`, onclick: () => (list.hidden ? open() : close()), onkeydown: key,
  }, value, icon("down"));
  const node = h("div", { class: "combo-box", onfocusout: ({ relatedTarget }) => !node.contains(relatedTarget) && close() }, field, list);
  let held = 0;
  let at = 0;
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays on the field
  list.addEventListener("click", ({ target }) => take(rows.indexOf(target.closest("li"))));

  function open() {
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    const { top, bottom } = field.getBoundingClientRect();
    node.classList.toggle("upwards", bottom + list.offsetHeight > window.innerHeight && top > window.innerHeight - bottom);
    go(held);
  }

  function close() {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function go(index) {
    at = Math.max(0, Math.min(rows.length - 1, index));
    rows.forEach((row, number) => row.classList.toggle("at", number === at));
    field.setAttribute("aria-activedescendant", rows[at].id);
    rows[at].scrollIntoView({ block: "nearest" });
  }

  function take(index) {
    close();
    if (index < 0 || index === held) return;
    show(index || null);
    chosen(index || null);
  }

  function key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (list.hidden) {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      open();
      return;
    }
    if (event.key === "Tab") { // it goes on, and has chosen nothing
      close();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (event.key in MOVES) go(at + MOVES[event.key]);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" || event.key === " ") take(at);
    else if (/^\d$/.test(event.key) && Number(event.key) < rows.length) go(Number(event.key));
  }

  function show(index) {
    held = index ?? 0;
    rows.forEach((row, number) => row.setAttribute("aria-selected", String(number === held)));
    field.classList.toggle("is-open", !held);
    value.replaceChildren(...(held ? [h("b", { class: "num" }, `${held}.`), " ", h("span", { html: options[held - 1] })] : [choose]));
  }

  show(null);
  return { node, show };
}
