// 排序: 上移, 下移 and a number field for each step; dragging is an extra. Until something is moved (or the
// shown order is confirmed) there is no answer.

import { h, icon, t } from "../dom.js";

function render(item, app) {
  const { store } = app;
  const { position } = item;
  const list = h("ol", { class: "order", "aria-labelledby": `stem-${position}` });
  const said = h("p", { class: "sr-only", role: "status" });
  const confirm = h("button", {
    type: "button", class: "btn btn-s", onclick: () => commit(order()),
  }, t("ordering.confirm"));
  const note = h("p", { class: "hint" });
  let dragged = null;

  const order = () => store.answers.get(position) ?? item.steps.map((_, index) => index + 1);

  function commit(next) {
    app.write("answer", position, next);
    update();
  }

  /** Move `step` to `place` (from 0) and keep the focus on what the person used. */
  function move(step, place, focus) {
    const next = order().filter((each) => each !== step);
    const target = Math.max(0, Math.min(next.length, place));
    next.splice(target, 0, step);
    commit(next);
    said.textContent = t("ordering.moved", { n: target + 1 });
    const row = list.children[target];
    const wanted = row?.querySelector(focus);
    (wanted && wanted.getAttribute("aria-disabled") !== "true" ? wanted : row?.querySelector(".place"))?.focus();
  }

  function row(step, place, last) {
    const [own, text] = [`place-${position}-${step}`, `step-${position}-${step}`];
    const edge = (name, blocked, to) => h("button", {
      type: "button", class: `btn btn-s btn-icon ${name}`, "aria-label": t(`ordering.${name}`, { n: place + 1 }), "aria-describedby": text,
      title: t(`ordering.${name}_short`), "aria-disabled": blocked ? "true" : null,
      onclick: () => !blocked && move(step, to, `.${name}`),
    }, icon(name));
    const field = h("input", {
      class: "place num", type: "text", inputmode: "numeric", autocomplete: "off", value: place + 1, id: own,
      "aria-label": t("ordering.place", { n: place + 1 }), "aria-labelledby": `${own} ${text}`,
      onchange: (event) => {
        const wanted = Number(event.target.value.normalize("NFKC"));
        if (Number.isInteger(wanted) && wanted >= 1) move(step, wanted - 1, ".place");
        else event.target.value = place + 1;
      },
    });
    return h("li", {
      draggable: "true",
      ondragstart: (event) => {
        dragged = step;
        event.dataTransfer.effectAllowed = "move";
        event.dataTransfer.setData("text/plain", "");
        event.currentTarget.classList.add("dragged");
      },
      ondragend: update,
      ondragover: (event) => dragged !== null && event.preventDefault(),
      ondrop: (event) => {
        event.preventDefault();
        if (dragged !== null) move(dragged, place, ".place");
        dragged = null;
      },
    }, h("span", { class: "grip", "aria-hidden": "true" }, "⋮⋮"), field, h("div", { class: "step", id: text, html: item.steps[step - 1] }),
    edge("up", place === 0, place - 1), edge("down", place === last, place + 1));
  }

  function update() {
    const steps = order();
    const open = !store.answers.has(position);
    list.replaceChildren(...steps.map((step, place) => row(step, place, steps.length - 1)));
    list.classList.toggle("untouched", open);
    note.textContent = t(open ? "ordering.untouched" : "ordering.done");
    confirm.classList.toggle("is-off", !open);
    confirm.disabled = !open;
  }

  update();
  return { node: h("div", {}, list, h("div", { class: "order-foot" }, note, confirm), said), update };
}

export const ordering = { render };
