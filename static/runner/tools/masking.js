// 选项遮盖: choices are covered until one wants to see them, one by one, so that each is judged for itself. A covered
// choice can be chosen all the same; a screen reader is not told what it says.

import { h, icon, letter, t } from "../dom.js";

export const tool = (app) => new Masking(app);

class Masking {
  constructor(app) {
    Object.assign(this, { app, isOn: false, seen: new Set() });
  }

  on() {
    this.draw();
  }

  off() {
    this.seen.clear();
    for (const row of this.app.view.root.querySelectorAll(".choice")) {
      row.querySelector(".cover")?.remove();
      this.cover(row, "", false);
    }
  }

  draw() {
    if (!this.isOn) return;
    for (const set of this.app.view.root.querySelectorAll(".choices:not(.pair)")) {
      const { position } = set.closest("[data-position]").dataset;
      set.querySelectorAll(".choice").forEach((row, index) => this.dress(row, letter(index), `${position}${letter(index)}`));
    }
  }

  dress(row, name, key) {
    if (row.querySelector(".cover")) return;
    const button = h("button", {
      type: "button", class: "cover", onclick: () => {
        if (!this.seen.delete(key)) this.seen.add(key);
        show();
      },
    });
    const show = () => {
      const covered = !this.seen.has(key);
      const label = t(covered ? "tools.masking.show" : "tools.masking.hide", { letter: name });
      button.replaceChildren(icon(covered ? "eye" : "eye-off"));
      button.setAttribute("aria-label", label);
      button.title = label;
      this.cover(row, name, covered);
    };
    row.append(button);
    show();
  }

  cover(row, name, covered) {
    row.classList.toggle("covered", covered);
    const input = row.querySelector("input");
    if (covered) input.setAttribute("aria-label", t("tools.masking.covered", { letter: name }));
    else input.removeAttribute("aria-label");
  }
}
