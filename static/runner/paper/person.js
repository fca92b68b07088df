// Whose page this is. The page is the same for everybody: who it is stands at its end, or was handed over by the waiting
// room, whose page opened this one out of the browser's own store (ahead.js). Source: R-14.

import { jitter, pause, useTexts, useTurns } from "../dom.js";
import { keptPerson } from "../waiting/kept.js";
import { Screens } from "./screens.js";

const HANDED = "cbt-person";

/** Keep for the page that follows in this tab who it is of. */
export function handOver({ csrf, attempt }) {
  sessionStorage.setItem(HANDED, JSON.stringify({ csrf, attempt }));
}

/** Return `{attempt, csrf}` of this page; null where nobody has told it. */
function told() {
  const here = document.getElementById("person");
  if (here) return { csrf: here.dataset.csrf, attempt: JSON.parse(here.dataset.attempt) };
  try {
    const handed = JSON.parse(sessionStorage.getItem(HANDED));
    sessionStorage.removeItem(HANDED);
    return handed ?? keptPerson();
  } catch {
    return null;
  }
}

/** Read what the page at `root` is told: `{attempt, csrf, urls}`; it is at the paper's own address from then on. */
export async function person(root) {
  useTexts(JSON.parse(root.dataset.texts));
  useTurns(JSON.parse(root.dataset.turns));
  const known = told();
  const urls = JSON.parse(root.dataset.urls);
  if (!known) return leadOn(urls.wait);
  const own = Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, url.replace(/\/-(?=\/|$)/, `/${known.attempt.ref}`)]));
  if (!document.getElementById("person")) window.history.replaceState(null, "", own.page);
  introduce(root, known.attempt);
  return { ...known, urls: own };
}

/** Nobody's page: opened by its bare address, or in place of one that the server did not give. It says where one belongs. */
async function leadOn(wait) {
  const home = new URL(".", new URL(wait, window.location.href)).pathname;
  const target = window.location.pathname.startsWith(home) ? window.location.href : wait;
  const screens = new Screens(document.getElementById("screen"), [document.getElementById("paper")]);
  for (;;) {
    const reply = await fetch(target, { redirect: "manual", cache: "no-store" }).catch(() => null);
    if (reply && reply.status < 500) break;
    if (!screens.name) screens.show("offline");
    await pause(jitter(2000, 4000));
  }
  window.location.replace(target);
  return new Promise(() => {});
}

/** Put name, ticket, seat, photo and paper into the bar. */
function introduce(root, { paper_title: title, candidate_name: name, ticket_number: ticket, seat_number: seat, photo_url: photo }) {
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const put = (id, text) => { document.getElementById(id).textContent = text; };
  document.title = filled(root.dataset.title, { title });
  put("paper-title", title);
  put("candidate", name);
  put("ticket", filled(document.getElementById("ticket").dataset.text, { ticket, seat }));
  if (!photo) return;
  const image = document.createElement("img");
  image.src = photo;
  image.alt = "";
  document.getElementById("photo").replaceChildren(image);
}
