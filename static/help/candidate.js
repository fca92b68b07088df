// The candidates' handbook is read while something is waited for. Whoever sits in the waiting room is led to the paper when
// the room starts, as from there; and a machine that nobody reads at goes back to its seat page for the next.

import { awaitStart } from "../runner/practice/start.js";

const { home, state } = document.getElementById("help").dataset;
const going = document.getElementById("help-going");
const STAYS = 180_000;
const TOLD = 30_000; // so long before

function goBack() {
  let touchedAt = performance.now();
  const touched = () => { touchedAt = performance.now(); };
  for (const kind of ["pointermove", "pointerdown", "keydown", "wheel", "touchstart", "scroll"]) {
    window.addEventListener(kind, touched, { passive: true });
  }
  setInterval(() => {
    const left = STAYS - (performance.now() - touchedAt);
    going.hidden = left > TOLD;
    if (left <= 0) window.location.replace(home);
  }, 1000);
}

if (state) awaitStart({ state, home }, {});
else goBack();
