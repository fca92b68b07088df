// The answer page, fetched while the candidate waits: its shell, scripts and styles lie in the browser's store before the
// room starts, so that at 统一开考 nothing but the start travels. Source: R-20.

import { keepForAway } from "../waiting/away.js";
import { handOver } from "./person.js";

let ready = null;

async function kept(url) {
  const reply = await fetch(url, { signal: AbortSignal.timeout(20_000) });
  if (!reply.ok) throw new Error(String(reply.status));
  return reply.text();
}

/** Fetch what `url` says the page needs; a second call takes what has changed since. Nothing depends on it. */
export async function fetchAhead(url) {
  try {
    const told = JSON.parse(await kept(url));
    ready = null;
    keepForAway(told, url);
    if (!told.shell) return;
    await Promise.all([told.shell, ...told.files].map(kept));
    ready = told;
  } catch {
    // the page is fetched when it is opened
  }
}

/** Have the page that is open be kept for a reload while the server is away. */
export async function fetchForAway({ ahead, wait }) {
  if (!window.isSecureContext || !ahead) return;
  try {
    keepForAway(JSON.parse(await kept(ahead)), wait);
  } catch {
    // the network is away just now: what the waiting room has kept is still there
  }
}

/** Open the answer page at `url`: out of the browser's store where it is the one that was fetched. */
export function openPaper(url) {
  if (ready?.page !== url) {
    window.location.replace(url);
    return;
  }
  try {
    handOver(ready);
    window.location.replace(ready.shell);
  } catch { // there is no store for what is handed over
    window.location.replace(url);
  }
}
