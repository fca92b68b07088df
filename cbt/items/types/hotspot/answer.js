// 识图: points marked on a picture. A press marks a point; the numbered spots, the same for everybody, are marked by
// their buttons, and the arrow keys move what is marked, so that nothing here needs a mouse or sight.

import { h, icon, plain, t } from "../dom.js";

const STEP = 0.02;
const FINE = 0.004;
/** So near (in CSS pixels) a press means the spot, or the mark that is there. */
const NEAR = 16;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function render(item, app) {
  const { store } = app;
  const { position, spots, marks: most, size: [width, height] } = item;
  const said = h("p", { class: "hint hot-said", role: "status" });
  const image = h("img", { src: item.picture, alt: item.alt, width, height, draggable: "false" });
  const layer = h("div", { class: "hot-layer" });
  const pins = spots.map(([x, y], index) => at(h("span", { class: "hot-pin num", "aria-hidden": "true" }, index + 1), [x, y]));
  const picture = h("div", { class: "hot-picture", onpointerdown: press }, image, pins, layer);
  const list = h("ul", { class: "hot-marks" });
  const count = h("p", { class: "hot-count num", id: `marks-${position}` });
  const add = h("button", { type: "button", class: "btn btn-s", onclick: () => place(middle()) }, icon("plus"), t("hotspot.add"));
  const choices = spots.map(([x, y, name], index) => h("button", {
    type: "button", class: "btn hot-spot", "aria-pressed": "false", onclick: () => toggle([x, y]),
  }, h("span", { class: "hot-number num", "aria-hidden": "true" }, index + 1),
  h("span", { class: "sr-only" }, t("hotspot.spot", { n: index + 1 })), h("span", { html: name })));
  let dragged = null;

  const own = () => store.answers.get(position) ?? [];
  const same = ([x, y]) => ([u, v]) => x === u && y === v;
  const within = ([x, y]) => [Math.min(width, Math.max(0, Math.round(x))), Math.min(height, Math.max(0, Math.round(y)))];

  function at(node, [x, y]) {
    node.style.left = `${(100 * x) / width}%`;
    node.style.top = `${(100 * y) / height}%`;
    return node;
  }

  /** What a mark is called: the spot it stands on, or how far it is from the left and from the top. */
  function where(mark) {
    const index = spots.findIndex(same(mark));
    if (index >= 0) return t("hotspot.at_spot", { n: index + 1, name: plain(spots[index][2]) });
    return t("hotspot.at", { x: Math.round((100 * mark[0]) / width), y: Math.round((100 * mark[1]) / height) });
  }

  function middle() {
    const point = within([width / 2, height / 2]);
    while (own().some(same(point))) point[0] += 1;
    return point;
  }

  function commit(marks) {
    app.write("answer", position, marks.length ? marks : null);
    update();
  }

  /** Mark a point, in the place of the only one there may be; say so when there are enough. */
  function place(point) {
    const marks = own();
    if (marks.some(same(point))) return;
    if (marks.length >= most && most > 1) {
      said.textContent = t("hotspot.full", { most });
      return;
    }
    commit(most === 1 ? [point] : [...marks, point]);
    said.textContent = t("hotspot.placed", { n: own().length, where: where(point) });
  }

  function remove(index) {
    const marks = own();
    const [gone] = marks.splice(index, 1);
    commit([...marks]);
    said.textContent = t("hotspot.removed", { where: where(gone) });
    (list.querySelectorAll("button")[Math.min(index, marks.length - 1)] ?? choices[0]).focus();
  }

  function toggle(point) {
    const index = own().findIndex(same(point));
    if (index < 0) return place(point);
    commit(own().filter((_, other) => other !== index));
    said.textContent = t("hotspot.removed", { where: where(point) });
  }

  function move(index, point) {
    const marks = [...own()];
    if (marks.some((mark, other) => other !== index && same(point)(mark))) return;
    marks[index] = point;
    commit(marks);
    said.textContent = t("hotspot.moved", { n: index + 1, where: where(point) });
  }

  function pointed(event) {
    const box = image.getBoundingClientRect();
    return within([((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height]);
  }

  function nearest(points, [x, y]) {
    const scale = image.getBoundingClientRect().width / width;
    const far = points.map(([u, v]) => Math.hypot(u - x, v - y) * scale);
    const index = far.indexOf(Math.min(...far));
    return far[index] <= NEAR ? index : -1;
  }

  function press(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const point = pointed(event);
    const index = nearest(own(), point);
    if (index < 0) {
      const spot = nearest(spots, point);
      place(spot < 0 ? point : spots[spot].slice(0, 2));
      return;
    }
    layer.children[index].focus();
    dragged = { index, from: point };
    picture.setPointerCapture(event.pointerId);
  }

  picture.addEventListener("pointermove", (event) => {
    if (dragged) at(layer.children[dragged.index], pointed(event));
  });
  picture.addEventListener("pointercancel", () => { dragged = null; update(); });
  picture.addEventListener("pointerup", (event) => {
    if (!dragged) return;
    const { index, from } = dragged;
    dragged = null;
    const point = pointed(event);
    if (same(point)(from)) return;
    const spot = nearest(spots, point);
    move(index, spot < 0 ? point : spots[spot].slice(0, 2));
    update();
    document.activeElement.blur(); // moved with the mouse: the next arrow changes the item
  });

  function keys(event, index) {
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      remove(index);
      return;
    }
    const way = MOVES[event.key];
    if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const step = Math.max(1, Math.round(width * (event.shiftKey ? FINE : STEP)));
    const [x, y] = own()[index];
    move(index, within([x + way[0] * step, y + way[1] * step]));
    layer.children[index].focus();
  }

  function update() {
    const marks = own();
    layer.replaceChildren(...marks.map((mark, index) => at(h("button", {
      type: "button", class: "hot-mark num", "aria-label": t("hotspot.mark", { n: index + 1, where: where(mark) }),
      onkeydown: (event) => keys(event, index),
    }, h("span", { "aria-hidden": "true" }, "✓")), mark)));
    list.replaceChildren(...marks.map((mark, index) => h("li", {},
      h("span", {}, t("hotspot.mark", { n: index + 1, where: where(mark) })),
      h("button", {
        type: "button", class: "btn btn-quiet btn-s", "aria-label": t("hotspot.remove_mark", { n: index + 1 }),
        onclick: () => remove(index),
      }, icon("x"), t("hotspot.remove")))));
    choices.forEach((button, index) => button.setAttribute("aria-pressed", String(marks.some(same(spots[index])))));
    count.textContent = t("hotspot.count", { n: marks.length, most });
  }

  update();
  return {
    node: h("div", { class: "hot" },
      h("div", { class: "hot-stage" }, picture,
        h("div", { class: "hot-own" }, h("div", { class: "hot-head" }, count, add), said, list, h("p", { class: "hint" }, t("hotspot.keys")))),
      h("fieldset", { class: "hot-spots", "aria-describedby": `marks-${position}` }, h("legend", { class: "hint" }, t("hotspot.spots")), choices)),
    update,
  };
}

export const hotspot = { render };
