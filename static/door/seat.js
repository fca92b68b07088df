// The seat page: what this machine still holds of former candidates. It is counted for the board, can be saved as
// sealed files for a proctor, and is forgotten as far as the server has it. Beside it the server's time, and the
// page drawn anew when it would say something else: the door opens, the seat is bound, the start is moved. Source: R-16.

import { forgetPerson } from "../runner/waiting/kept.js";
import { tidy, undelivered } from "../runner/recovery_file/recovery.js";

const box = document.getElementById("undelivered");

async function post(url, body) {
  const reply = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": box.dataset.csrf },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(String(reply.status));
  return reply;
}

function button({ count, save }) {
  const node = document.createElement("button");
  node.type = "button";
  node.className = "btn btn-s";
  node.textContent = box.dataset.save.replace("{n}", count);
  node.addEventListener("click", save);
  return node;
}

async function report() {
  await tidy(async (asked) => (await post(box.dataset.held, asked)).json()).catch(() => {});
  const found = await undelivered();
  const count = found.reduce((sum, entry) => sum + entry.count, 0);
  if (count) box.querySelector("p").textContent = box.dataset.text.replace("{n}", count);
  box.querySelector(".btn-row").replaceChildren(...found.filter(({ save }) => save).map(button));
  box.hidden = count === 0;
  await post(box.dataset.url, { count });
}

forgetPerson(); // whoever sat here before

// Neither a locked storage nor a server out of reach keeps anybody from signing in; the next visit reports.
report().catch(() => {});

const EVERY = 12_000;
const place = document.getElementById("place");
const clock = document.getElementById("seat-clock");
// Seconds of the day where the centre is: its zone moves by no second while a page is open.
const shownAt = clock.dataset.shown.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
const firstAt = Date.parse(clock.dataset.now);
let serverAt = firstAt;
let readAt = performance.now();

function tick() {
  const since = (serverAt - firstAt + performance.now() - readAt) / 1000;
  const seconds = Math.floor(shownAt + since) % 86_400;
  const two = (n) => String(n).padStart(2, "0");
  clock.textContent = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Nothing that somebody typed, or is told of what they typed, is taken from them. */
const untouched = () => window.location.pathname === place.dataset.page
  && ![...document.querySelectorAll("input:not([type=hidden]):not([type=radio])")].some((field) => field.value);

/** What is said of the seat is changed in place; another page than this one is led to, where it takes nothing away. */
async function renew(tag) {
  const reply = await fetch(place.dataset.page, { cache: "no-store" });
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const fresh = page.getElementById("seat-now");
  const now = document.getElementById("seat-now");
  if (!fresh) return;
  if (page.getElementById("desk").dataset.shows !== document.getElementById("desk").dataset.shows) {
    if (untouched()) window.location.replace(place.dataset.page);
    return; // else at the next look
  }
  if (now.contains(document.activeElement)) return;
  now.replaceWith(document.adoptNode(fresh));
  document.title = page.title;
  place.dataset.tag = tag;
}

async function look() {
  if (document.visibilityState === "visible") {
    try {
      const reply = await fetch(place.dataset.state, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (reply.ok) {
        const { now, tag } = await reply.json();
        serverAt = Date.parse(now);
        readAt = performance.now();
        if (tag !== place.dataset.tag) await renew(tag);
      }
    } catch {
      // out of reach: the next look finds it
    }
  }
  setTimeout(look, EVERY * (0.75 + 0.5 * Math.random()));
}

tick();
setInterval(tick, 1000);
setTimeout(look, EVERY * Math.random());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && tick());
