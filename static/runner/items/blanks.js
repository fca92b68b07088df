// What 填空 and 计算 share: the stem holds the places, the fields stand in them.

import { h } from "../dom.js";
import { saveTyping } from "../typing.js";

/**
 * Put a field at each place of `stem`. Of its own a type has `attributes(number)` of a field, its `narrowest` width
 * in characters, `longest` text, as the server takes it, `read(fields)`, the answer that is written, and
 * `text(value, index)`, what of it a field shows.
 * Return `{fields, lastUsed(), commit, update}`.
 */
export function placeBlanks({ position }, app, stem, own) {
  const fields = [];
  let last = null;
  for (const place of stem.querySelectorAll("[data-blank]")) {
    const number = Number(place.dataset.blank);
    const field = h("input", {
      class: "blank", type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: own.longest,
      onfocus: () => { last = field; }, ...own.attributes(number),
    });
    fields[number - 1] = field;
    place.replaceChildren(field);
    saveTyping(field, commit);
  }

  function commit() {
    for (const field of fields) { // an input method may go past `maxlength`
      if (field.value.length > own.longest) field.value = [...field.value].slice(0, own.longest).join("");
    }
    app.write("answer", position, own.read(fields));
    size();
  }

  function size() {
    for (const field of fields) {
      const width = [...field.value].reduce((sum, sign) => sum + (sign.charCodeAt(0) > 255 ? 2 : 1), 0);
      field.style.width = `${Math.min(28, Math.max(own.narrowest, width + 3))}ch`;
    }
  }

  function update() {
    const value = app.store.answers.get(position);
    fields.forEach((field, index) => {
      if (field === document.activeElement) return;
      field.value = own.text(value, index) ?? "";
    });
    size();
  }

  update();
  return { fields, lastUsed: () => last ?? fields[0], commit, update };
}
