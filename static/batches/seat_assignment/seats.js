// Seats exchanged by hand: dragged with a pointer, or picked up with Enter, carried with the arrow keys and put down
// with Enter. The page only asks: the server decides and sends the room as it is then. Without this script the form does.

const texts = JSON.parse(document.getElementById("seating-texts").dataset.texts);
const problem = document.getElementById("problem");
const FAR = 6; // pixels a pointer moves before it drags
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
let picked = null; // the seat that was picked up by keys
let drag = null; // {seat, x, y, ghost} while a pointer is down
let last = null; // the seat to stand on once the room was exchanged

const room = () => document.getElementById("seating");
const form = () => document.getElementById("exchange");
const seats = () => [...room().querySelectorAll(".sit")];
const at = (number) => document.getElementById(`sit-${number}`);

function say(name, values = {}) {
  room().querySelector(".said-line").textContent = texts[`seating_script.${name}`].replace(
    /%\((\w+)\)s/g,
    (_, key) => values[key],
  );
}

/** Make the seats of the room things to be picked up, where they may be exchanged. */
function equip() {
  if (form() === null) return;
  document.getElementById("hands-hint").hidden = false;
  for (const seat of seats()) {
    seat.setAttribute("role", "button");
    seat.setAttribute("aria-pressed", "false");
    seat.setAttribute("aria-describedby", "hands-hint");
    seat.tabIndex = -1;
  }
  const first = (last && at(last)) || seats()[0];
  first.tabIndex = 0;
  if (last) first.focus({ preventScroll: true });
  last = null;
}

function stand(seat) {
  for (const one of seats()) one.tabIndex = one === seat ? 0 : -1;
  seat.focus();
}

function pick(seat) {
  picked = seat;
  seat.setAttribute("aria-pressed", "true");
  say("picked", { seat: seat.dataset.said });
}

function drop() {
  picked?.setAttribute("aria-pressed", "false");
  picked = null;
}

function exchange(one, other) {
  drop();
  if (one === other) return;
  if (one.matches(".free") && other.matches(".free")) return say("both_free");
  last = other.dataset.seat;
  form().elements.one.value = one.dataset.seat;
  form().elements.other.value = other.dataset.seat;
  problem.replaceChildren();
  form().requestSubmit();
}

/** Return the next seat that way, past places without one. */
function next(seat, [down, right]) {
  const [row, column] = [Number(seat.dataset.row), Number(seat.dataset.column)];
  const ahead = seats().filter((one) => {
    const [rows, columns] = [Number(one.dataset.row) - row, Number(one.dataset.column) - column];
    return down ? columns === 0 && rows * down > 0 : rows === 0 && columns * right > 0;
  });
  const far = (one) => Math.abs(one.dataset.row - row) + Math.abs(one.dataset.column - column);
  return ahead.sort((a, b) => far(a) - far(b))[0];
}

document.addEventListener("keydown", (event) => {
  const seat = event.target.closest?.(".sit[role]");
  if (!seat) return;
  if (STEPS[event.key]) {
    event.preventDefault();
    const there = next(seat, STEPS[event.key]);
    if (there) stand(there);
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (picked === null) pick(seat);
    else exchange(picked, seat);
  } else if (event.key === "Escape" && picked) {
    drop();
    say("put_back");
  }
});

document.addEventListener("pointerdown", (event) => {
  const seat = event.target.closest(".sit[role]");
  if (seat && event.button === 0) drag = { seat, x: event.clientX, y: event.clientY, ghost: null };
});

document.addEventListener("pointermove", (event) => {
  if (drag === null) return;
  if (drag.ghost === null) {
    if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < FAR) return;
    drag.ghost = document.createElement("div");
    drag.ghost.className = "ghost";
    drag.ghost.textContent = drag.seat.dataset.said;
    document.body.append(drag.ghost);
    drag.seat.classList.add("carried");
  }
  drag.ghost.style.left = `${event.clientX + 10}px`;
  drag.ghost.style.top = `${event.clientY + 10}px`;
  const below = under(event);
  for (const one of seats()) one.classList.toggle("over", one === below && one !== drag.seat);
});

document.addEventListener("pointerup", (event) => {
  if (drag === null) return;
  const { seat, ghost } = drag;
  const below = under(event);
  endDrag();
  if (ghost !== null && below) exchange(seat, below);
  else if (ghost === null && below === seat) {
    stand(seat);
    if (picked === null) pick(seat);
    else exchange(picked, seat);
  }
});
document.addEventListener("pointercancel", endDrag);

function endDrag() {
  if (drag === null) return;
  drag.ghost?.remove();
  drag.seat.classList.remove("carried");
  for (const one of seats()) one.classList.remove("over");
  drag = null;
}

function under(event) {
  return document.elementFromPoint(event.clientX, event.clientY)?.closest(".sit[role]") ?? null;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status < 400) return;
  // What was refused is said above the room, which stays as it is.
  event.detail.shouldSwap = true;
  event.detail.isError = false;
  event.detail.target = problem;
  last = null;
});
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target === problem) return;
  problem.replaceChildren();
  picked = null;
  equip();
});
equip();
