// The card of one item: head (number, points, flag), stem, the answer by its type, note, and the save state,
// which stands outside every option's label.

import { alignFigures, h, icon, say, t, wall } from "../dom.js";
import { saveTyping } from "../typing.js";
import { TYPES } from "./registry.js";

/** Return `{position, node, heading, update(), choose(index), strikeOut(index), toggleFlag()}` for `item`. */
export function renderCard(item, app) {
  const { store } = app;
  const { position } = item;
  const group = store.groupOf(position);
  const number = store.numberOf(position);
  const inUnit = Boolean(group.unit);
  const kind = t(`type.${item.type}`);
  const heading = h("h2", { id: `item-${position}`, tabindex: "-1" },
    inUnit ? t("item.number", { n: number }) : t("item.in_section", { section: group.name, n: number }));
  const facts = h("span", { class: "facts-line num" }, inUnit
    ? t("item.unit_facts", { type: kind, points: item.points })
    : t("item.facts", { total: group.positions.length, points: item.points }));
  const flag = h("button", {
    type: "button", class: "btn btn-quiet btn-s flag", "aria-pressed": "false", onclick: () => toggleFlag(),
  }, icon("flag"), h("span", {}, t("item.flag")), store.settings.keys ? h("kbd", { "aria-hidden": "true" }, "F") : null);
  const noteButton = h("button", {
    type: "button", class: "btn btn-quiet btn-s", "aria-expanded": "false", onclick: () => openNote(note.hidden),
  }, icon("note"), h("span", {}, t("item.note")));
  const stem = alignFigures(h("div", { class: "stem", id: `stem-${position}`, html: item.stem }));
  if (stem.querySelector("table")) stem.tabIndex = 0; // a wide one is moved sideways, by the keyboard, too
  const part = TYPES[item.type].render(item, app, stem);
  const saved = h("span", { class: "saved num" });
  const note = noteBox();
  const node = h("article", { class: "card item", "aria-labelledby": `item-${position}`, "data-position": position },
    h("header", {}, heading, facts, saved, h("span", { class: "btn-row" }, part.tools, noteButton, flag)),
    stem, part.node, note);

  function noteBox() {
    const field = h("textarea", { class: "input", rows: 2, maxlength: 1000, id: `note-${position}`, value: store.notes.get(position) ?? "" });
    saveTyping(field, () => {
      app.write("note", position, field.value);
      update();
    });
    return h("div", { class: "note", hidden: !store.notes.has(position) },
      h("label", { for: `note-${position}` }, t("item.note_label")), field);
  }

  function openNote(open) {
    note.hidden = !open;
    noteButton.setAttribute("aria-expanded", String(open));
    if (open) note.querySelector("textarea").focus();
  }

  function toggleFlag() {
    app.write("flag", position, !store.flags.has(position));
    update();
  }

  function update() {
    const flagged = store.flags.has(position);
    flag.setAttribute("aria-pressed", String(flagged));
    say(flag.querySelector("span"), t(flagged ? "item.unflag" : "item.flag"));
    noteButton.classList.toggle("has-note", store.notes.has(position));
    node.classList.toggle("is-flagged", flagged);
    showSaved();
  }

  function showSaved() {
    const state = app.outbox.stateOf(position);
    const at = store.savedAt.get(position);
    saved.className = `saved num ${state ? `is-${state}` : at ? "done" : ""}`;
    if (state) say(saved, `◌ ${t(`save.item_${state}`)}`);
    else if (at) say(saved, `✓ ${t("save.item_saved", { time: wall(at, true) })}`);
    else say(saved, store.answers.has(position) ? `✓ ${t("save.item_kept")}` : "");
  }

  update();
  return {
    position, node, heading, update, toggleFlag,
    choose: (index) => part.choose?.(index) ?? false,
    strikeOut: (index) => part.strikeOut?.(index) ?? false,
    refresh() {
      part.update();
      update();
    },
  };
}
