// 字号与配色: four sizes, four schemes, single keys; kept with the attempt, so that they
// come along to another seat.

import { openDialog } from "../dialog.js";
import { h, t } from "../dom.js";

const GROUPS = {
  size: ["small", "medium", "large", "xlarge"],
  scheme: ["light", "dark", "contrast", "sepia"],
};

/** Put the settings on the page. */
export function applySettings({ store, root }) {
  const { size, scheme } = store.settings;
  root.dataset.size = size;
  if (scheme) document.documentElement.dataset.theme = scheme;
}

/** Load the tools that the server offers; the page of a paper without any loads none. */
export async function offerTools(app) {
  const { tools = [] } = app.store.paper;
  if (!tools.length) return;
  try {
    await (await import("../tools/menu.js")).offer(app, tools);
  } catch {
    setTimeout(() => offerTools(app), 5000); // the network was away just then
  }
}

export function openSettings(app) {
  const { store } = app;
  const change = (name, value) => {
    app.writeSetting(name, value);
    applySettings(app);
    if (name === "keys") app.view.render();
  };
  const shown = (name) => store.settings[name] ?? document.documentElement.dataset.theme;
  const group = (name) => h("fieldset", { class: `fieldset pick pick-${name}` }, h("legend", {}, t(`settings.${name}`)),
    h("div", { class: "pick-row" }, GROUPS[name].map((value) => h("label", { "data-value": value },
      h("input", { type: "radio", name: `set-${name}`, value, checked: shown(name) === value, onchange: () => change(name, value) }),
      h("span", { class: "pick-sample", "aria-hidden": "true" }, t("settings.sample")),
      h("span", {}, t(`settings.${name}_${value}`))))));
  openDialog({
    title: t("settings.title"),
    body: [group("size"), group("scheme"),
      h("label", { class: "check" },
        h("input", { type: "checkbox", checked: store.settings.keys, onchange: (event) => change("keys", event.target.checked) }),
        h("span", {}, t("settings.keys")), h("span", { class: "hint" }, t("settings.keys_hint")))],
  });
}
