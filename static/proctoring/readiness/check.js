// The check of a seat's machine: how long a save takes to be on disk, how far its clock is off, what it can keep.
// It reports when the seat page opens and every half minute after, and nobody at the seat has to do anything.

const place = document.getElementById("seat-check");
const PROBES = 5;
const EVERY = 30_000;
const BUDGET_MS = 10_000;
const LEAVING_MS = 15_000;

let asked = null; // one request at a time
let quietUntil = 0;

// A form is on its way: a sign-in gives this browser another token, under which this page has nothing to say any more.
document.addEventListener("submit", () => {
  quietUntil = performance.now() + LEAVING_MS;
  asked?.abort();
}, true);

async function post(url, body) {
  if (performance.now() < quietUntil) throw new Error("leaving");
  const line = new AbortController();
  asked = line;
  const timer = setTimeout(() => line.abort(), BUDGET_MS);
  try {
    const reply = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": place.dataset.csrf },
      body: JSON.stringify(body),
      signal: line.signal,
    });
    if (!reply.ok) throw new Error(String(reply.status));
    return reply;
  } finally {
    clearTimeout(timer);
  }
}

async function probe() {
  const began = performance.now();
  const sentAt = Date.now();
  const { now } = await (await post(place.dataset.probe, {})).json();
  const took = performance.now() - began;
  return { took: Math.round(took), off: Math.round(sentAt + took / 2 - Date.parse(now)) };
}

function writes(store) {
  return new Promise((resolve) => {
    const opened = store.open("cbt-check", 1);
    opened.onupgradeneeded = () => opened.result.createObjectStore("check");
    opened.onerror = () => resolve(false);
    opened.onsuccess = () => {
      const work = opened.result.transaction("check", "readwrite");
      work.objectStore("check").put(Date.now(), "at");
      const end = (well) => { opened.result.close(); resolve(well); };
      work.oncomplete = () => end(true);
      work.onerror = work.onabort = () => end(false);
    };
  });
}

async function keeping() {
  try {
    if (window.indexedDB && (await writes(window.indexedDB))) return "disk";
  } catch { /* it is locked: the next best is tried */ }
  try {
    localStorage.setItem("cbt-check", "1");
    localStorage.removeItem("cbt-check");
    return "local";
  } catch {
    return "none";
  }
}

async function check(probes) {
  const found = [];
  for (let one = 0; one < probes; one += 1) {
    try {
      found.push(await probe());
    } catch {
      break; // what got through is reported; a line that is away reports nothing, and the page of the room says so
    }
  }
  const quickest = found.reduce((best, one) => (best && best.took <= one.took ? best : one), null);
  await post(place.dataset.report, {
    clock_ms: quickest ? quickest.off : 0,
    width: Math.max(1, Math.round(screen.width)),
    height: Math.max(1, Math.round(screen.height)),
    keeping: await keeping(),
    trips: found.map(({ took }) => took),
  });
}

const again = () => setTimeout(() => check(2).catch(() => {}).finally(again), EVERY + Math.random() * 5000);
check(PROBES).catch(() => {}).finally(again);
