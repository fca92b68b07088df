// A drawn paper as the candidate meets it: the answer page's own answer sheet, units and items, all of them open.
// Nothing is sent; what is tried out here is gone with the page.

import { openDialog } from "../../runner/dialog.js";
import { h, t, useTexts } from "../../runner/dom.js";
import { listenKeys } from "../../runner/paper/keys.js";
import { Palette } from "../../runner/paper/palette.js";
import { openSettings } from "../../runner/paper/settings.js";
import { Units } from "../../runner/paper/units.js";
import { View } from "../../runner/paper/view.js";
import { Store } from "../../runner/store.js";

const byId = (id) => document.getElementById(id);
const root = byId("runner");
useTexts({ ...JSON.parse(root.dataset.texts), ...JSON.parse(root.dataset.ownTexts) });

const app = {
  root,
  store: new Store(),
  locked: false,
  outbox: { stateOf: () => null },
  clock: { facts: {}, unitLeft: () => null },
  isLate: () => false,
  submit: {
    ask: () => openDialog({ title: t("preview.no_submit"), body: h("p", {}, t("preview.no_submit_text")) }),
  },

  write(kind, position, value) {
    this.store.lay(kind, position, value);
    this.store.emit(kind, position);
  },

  writeSetting(name, value) {
    this.write("setting", 0, { [name]: value });
  },

  go(position) {
    this.store.go(position);
    this.view.reveal();
  },

  step(by) {
    const position = this.store.neighbour(by);
    if (position === null) return false;
    this.go(position);
    return true;
  },
};

app.units = new Units(app, byId("units"));
app.view = new View(app, byId("view"));
app.palette = new Palette(app, byId("side"));
app.store.on(({ type }) => {
  if (type === "paper") root.classList.toggle("has-units", Boolean(app.store.paper.units.length));
});
app.store.load({ paper: JSON.parse(root.dataset.paper), journal: {} });
byId("settings").addEventListener("click", () => openSettings(app));
listenKeys(app);
