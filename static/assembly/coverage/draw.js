// A drawn paper as the candidate meets it: the answer page's own answer sheet, units and items, all of them open.
// Nothing is sent; what is tried out here is gone with the page.

import { openDialog } from "../../delivery/dialog.js";
import { h, t, useTexts } from "../../delivery/dom.js";
import { listenKeys } from "../../delivery/paper/keys.js";
import { Palette } from "../../delivery/paper/palette.js";
import { openSettings } from "../../delivery/paper/settings.js";
import { Units } from "../../delivery/paper/units.js";
import { View } from "../../delivery/paper/view.js";
import { Store } from "../../delivery/store.js";

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
