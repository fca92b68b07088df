// The seats by keys: one stop of the Tab key, arrows from seat to seat as they stand in the room, Space selects, Enter opens.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Walking {
  constructor(board) {
    this.board = board;
    this.at = ""; // the seat that Tab comes back to
    board.addEventListener("focusin", (event) => {
      if (event.target.matches("#map .pick")) this.stand(event.target);
    });
    board.addEventListener("keydown", (event) => this.key(event));
    this.show();
  }

  boxes() {
    return [...this.board.querySelectorAll("#map .pick:not(:disabled)")];
  }

  stand(box) {
    this.at = box.id;
    this.show();
  }

  /** After the board was brought up to date, too: tiles come anew. */
  show() {
    const boxes = this.boxes();
    const stop = boxes.find((box) => box.id === this.at) ?? boxes[0];
    for (const box of boxes) box.tabIndex = box === stop ? 0 : -1;
    for (const more of this.board.querySelectorAll("#map .more")) more.tabIndex = boxes.length ? -1 : 0;
  }

  key(event) {
    const box = event.target;
    if (!box.matches?.("#map .pick") || event.ctrlKey || event.metaKey || event.altKey) return;
    const boxes = this.boxes();
    let next = null;
    if (event.key === "Enter") {
      event.preventDefault();
      box.closest(".seat").querySelector(".more").click();
      return;
    }
    if (event.key === "Home") next = boxes[0];
    else if (event.key === "End") next = boxes.at(-1);
    else if (event.key in ARROWS) next = this.beside(box, boxes, ...ARROWS[event.key]);
    else return;
    event.preventDefault();
    next?.focus();
    next?.closest(".seat").scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Along a row the next seat whatever lies between, at its end the next row's; up and down the nearest above or below. */
  beside(box, boxes, right, down) {
    if (right) return boxes[boxes.indexOf(box) + right];
    const here = middle(box);
    const there = boxes
      .map((each) => [each, middle(each)])
      .filter(([, at]) => (at.y - here.y) * down > 4)
      .sort(([, one], [, two]) => Math.abs(one.y - here.y) - Math.abs(two.y - here.y));
    if (there.length === 0) return undefined;
    const row = there.filter(([, at]) => Math.abs(at.y - there[0][1].y) <= 4);
    return row.sort(([, one], [, two]) => Math.abs(one.x - here.x) - Math.abs(two.x - here.x))[0][0];
  }
}

function middle(box) {
  const place = box.closest(".seat").getBoundingClientRect();
  return { x: place.left + place.width / 2, y: place.top };
}
