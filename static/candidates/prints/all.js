// One document for all rooms: the server makes a room at a time, the page says how far it is and puts the PDFs into
// one zip. What stops half way leaves nothing behind.
import { zipOf } from "./zip.js";

const making = document.getElementById("making");
const said = document.getElementById("making-said");
const meter = document.getElementById("making-meter");
const stop = document.getElementById("making-stop");
const texts = making ? JSON.parse(making.dataset.texts) : {};
const AGAIN_MS = 500;
const KEPT_MS = 60_000; // a browser may still be reading what it was told to save

function told(name, values = {}) {
  return texts[`print_script.${name}`].replace(/%\((\w+)\)s/g, (_, key) => values[key]);
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

function fileName(text) {
  return text.replace(/[\\/:*?"<>|\u0000-\u001f]/g, "_");
}

async function fetched(link, signal) {
  const how = { signal, headers: { Accept: "application/json" } };
  let answer = await fetch(link.href, how);
  while (answer.status === 202) { // a job makes it: the answer says where to ask again
    const { job } = await answer.json();
    await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
    answer = await fetch(job, how);
  }
  if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  const body = await answer.json().catch(() => ({}));
  throw new Error(body.message ?? "");
}

/** Make every room's PDF, one after the other; return the files, or null where it was stopped or went wrong. */
async function made(links, signal) {
  const files = [];
  for (const link of links) {
    const room = link.dataset.room;
    said.textContent = told("making", { room, done: files.length, total: links.length });
    try {
      const bytes = await fetched(link, signal);
      files.push({ name: `${String(files.length + 1).padStart(2, "0")}-${fileName(room)}.pdf`, bytes });
    } catch (error) {
      const why = error instanceof TypeError || !error.message ? told("offline") : error.message;
      said.textContent = signal.aborted ? told("stopped") : told("failed", { room, why });
      return null;
    }
    meter.value = files.length;
  }
  return files;
}

async function run(button) {
  const links = [...document.querySelectorAll(`a[data-document="${button.dataset.zip}"]`)];
  const buttons = document.querySelectorAll("button[data-zip]");
  const aborting = new AbortController();
  const onStop = () => aborting.abort();
  meter.max = links.length;
  meter.value = 0;
  making.hidden = stop.hidden = false;
  buttons.forEach((one) => { one.disabled = true; });
  stop.addEventListener("click", onStop);
  const files = await made(links, aborting.signal);
  stop.removeEventListener("click", onStop);
  stop.hidden = true;
  buttons.forEach((one) => { one.disabled = false; });
  if (files) {
    save(zipOf(files), `${fileName(button.dataset.name)}.zip`);
    said.textContent = told("done", { total: files.length });
  }
}

for (const button of document.querySelectorAll("button[data-zip]")) {
  button.closest("tr").hidden = false;
  button.addEventListener("click", () => run(button));
}
