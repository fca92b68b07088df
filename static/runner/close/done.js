// The page after the paper: asks now and then whether a closing was undone (this address then leads back to the
// paper), and after a minute leaves for the seat page where the candidate handed in.

import { jitter, pause } from "../dom.js";

const card = document.getElementById("done");
const STAY = 60;

async function watch() {
  for (;;) {
    await pause(jitter(4000, 6000));
    const reply = await fetch(window.location.href, { redirect: "manual", cache: "no-store" }).catch(() => null);
    if (reply?.type === "opaqueredirect") window.location.reload();
  }
}

async function leave() {
  for (let seconds = STAY; seconds > 0; seconds -= 1) {
    document.getElementById("countdown").textContent = card.dataset.text.replace("{seconds}", String(seconds));
    await pause(1000);
  }
  window.location.assign(card.dataset.seat);
}

if (card.dataset.seat) leave();
watch();
