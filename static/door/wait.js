// The waiting room: a countdown by the server's clock, and the paper opens by itself when the room starts.
// Source: R-20.

const room = document.getElementById("wait");
const clock = document.getElementById("wait-clock");
const line = document.getElementById("wait-line");
const spoken = document.getElementById("wait-spoken");
const leave = document.getElementById("wait-evacuated");
const startsAt = Date.parse(room.dataset.starts);

const EVERY = 2000;
const lookAgainAt = performance.now() + 120_000 + 60_000 * Math.random(); // a moved start, seat or name shows without anybody pressing a key
const SPOKEN_AT = [600, 300, 60];

let serverAt = Date.parse(room.dataset.now);
let readAt = performance.now();
let failures = 0;
let said = Infinity;

const jitter = (span) => span * (0.8 + 0.4 * Math.random());
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

async function ask() {
  try {
    const reply = await fetch(room.dataset.url, {
      headers: { Accept: "application/json" },
      cache: "no-store",
      signal: AbortSignal.timeout(4000),
    });
    if (reply.status === 401 || reply.status === 403 || reply.redirected) return location.reload();
    if (!reply.ok) throw new Error(String(reply.status));
    const { go, url, now, evacuated } = await reply.json();
    leave.hidden = !evacuated;
    document.getElementById("wait-room").hidden = evacuated;
    if (go && url) return location.replace(url);
    serverAt = Date.parse(now);
    readAt = performance.now();
    failures = 0;
    if (readAt > lookAgainAt) return location.reload(); // only while the server answers
  } catch {
    failures += 1;
  }
  line.textContent = room.dataset.offline;
  line.hidden = failures < 2;
  setTimeout(ask, jitter(EVERY));
}

setInterval(show, 250);
show();
ask();
