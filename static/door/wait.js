// The waiting room: a countdown by the server's clock, and the paper opens by itself when the room starts: a request
// waits at the server until something happens, and another asks every ten seconds whether the line is there.
// Source: R-20.

import { fetchAhead, openPaper } from "../runner/paper/ahead.js";

const room = document.getElementById("wait");
const clock = document.getElementById("wait-clock");
const line = document.getElementById("wait-line");
const spoken = document.getElementById("wait-spoken");
const leave = document.getElementById("wait-evacuated");
const back = document.getElementById("wait-back");
const startsAt = Date.parse(room.dataset.starts);

const EVERY = 2000; // until the server has said how long
const SOON = 50;
const BEAT = 10_000;
const PATIENCE = 40_000;
const WAITED = 5000;
const lookAgainAt = performance.now() + 120_000 + 60_000 * Math.random(); // a moved start, seat or name shows without anybody pressing a key
const SPOKEN_AT = [600, 300, 60];

let serverAt = Date.parse(room.dataset.now);
let readAt = performance.now();
let failures = 0;
let number = null;
let waiting = null;
let pause = EVERY;
let going = false;
let said = Infinity;
let quietUntil = 0;

const jitter = (span) => span * (0.8 + 0.4 * Math.random());
const quiet = () => Math.max(0, quietUntil - performance.now());
const secondsLeft = () => Math.ceil((startsAt - serverAt - (performance.now() - readAt)) / 1000);

function show() {
  const left = Math.max(0, secondsLeft());
  const minutes = String(Math.floor(left / 60)).padStart(2, "0");
  clock.textContent = `${minutes}:${String(left % 60).padStart(2, "0")}`;
  document.getElementById("wait-counting").hidden = left === 0;
  document.getElementById("wait-due").hidden = left > 0;
  speak(left);
}

function speak(left) {
  if (!leave.hidden) return; // nothing else is worth hearing while everybody leaves
  const mark = left === 0 ? 0 : SPOKEN_AT.filter((second) => left <= second).at(-1);
  if (mark === undefined || mark >= said) return;
  if (said !== Infinity || left === mark) {
    spoken.textContent = left === 0 ? room.dataset.due : `${room.dataset.until} ${clock.textContent}`;
  }
  said = mark;
}

/** Ask how things stand; what was waited for says nothing about the time. */
async function look(query, patience, abort = new AbortController()) {
  const timer = setTimeout(() => abort.abort(), patience);
  const asked = performance.now();
  let took = 0;
  try {
    const reply = await fetch(room.dataset.url + query, {
      headers: { Accept: "application/json" }, cache: "no-store", signal: abort.signal,
    });
    if (reply.status === 401 || reply.status === 403 || reply.redirected) return location.reload();
    if (!reply.ok) {
      const after = Number(reply.headers.get("Retry-After")) || 0; // a hall keeps to it, spread over the second that follows
      if (after) quietUntil = performance.now() + 1000 * (after + Math.random());
      throw new Error(String(reply.status));
    }
    take(await reply.json(), took = performance.now() - asked);
    failures = 0;
  } catch {
    failures += 1;
  } finally {
    clearTimeout(timer);
  }
  line.textContent = room.dataset.offline;
  line.hidden = failures < 2;
  return took;
}

function take({ go, url, opens_ms: opens, next_ms: next, now, evacuated, number: upto }, took) {
  if (evacuated === leave.hidden) back.hidden = evacuated; // the way back is said once it is open
  leave.hidden = !evacuated;
  document.getElementById("wait-room").hidden = evacuated;
  if (go && url && !going) setTimeout(() => openPaper(url), opens); // a hall does not ask for its papers in one instant
  going ||= go;
  pause = next;
  number = Number.isInteger(upto) ? upto : null;
  if (took > EVERY) return;
  serverAt = Date.parse(now);
  readAt = performance.now();
  if (readAt > lookAgainAt) location.reload(); // only while the server answers
}

async function listen() {
  waiting = new AbortController();
  const took = await look(number === null ? "" : `?since=${number}`, PATIENCE, waiting);
  waiting = null;
  if (!going) setTimeout(listen, Math.max(quiet(), took > WAITED ? SOON : failures ? jitter(EVERY) : pause));
}

async function beat() {
  const dead = failures > 0;
  const took = await look("", 4000);
  if (took && dead) waiting?.abort(); // the line it waits on was cut
  setTimeout(beat, Math.max(quiet(), failures ? jitter(EVERY) : jitter(BEAT)));
}

setInterval(show, 250);
show();
listen();
setTimeout(beat, jitter(BEAT));
fetchAhead(room.dataset.paper);
