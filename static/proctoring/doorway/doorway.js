// The door: after each answer the focus is where the next scan or key belongs; the lists keep themselves up to date.
import { openActs, sayRefused } from "../desk/asking.js";

const line = document.getElementById("f-q");
const asked = document.getElementById("asked");
const said = document.getElementById("said");
let tag = "";
let sent = ""; // of the line; what was typed or scanned since then stays

const polls = (detail) => detail.requestConfig?.elt?.id === "door-lines" || detail.elt?.id === "door-lines";

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (polls(detail) && tag) detail.headers["If-None-Match"] = tag;
  if (detail.elt.id === "look") sent = line.value;
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { detail } = event;
  if (polls(detail)) {
    if (detail.xhr.status === 200) tag = detail.xhr.getResponseHeader("ETag") ?? "";
    // A list somebody is walking through by keyboard stays as it is until they leave it.
    const walked = document.getElementById("door-lines").contains(document.activeElement);
    detail.shouldSwap = detail.xhr.status === 200 && !walked;
    if (walked) tag = "";
  } else if (detail.xhr.status >= 400) {
    sayRefused(detail);
  }
});

// Not before htmx knows the new form: a key that comes earlier would leave the page.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.target.id === "at-door") settle();
});

function settle() {
  tag = "";
  document.getElementById("problem").replaceChildren();
  const next = document.querySelector('#at-door [data-focus="1"]');
  if (next) next.focus();
  else {
    if (line.value === sent) line.value = "";
    line.focus();
  }
}

document.addEventListener("change", ({ target }) => {
  if (target.name !== "document_type") return;
  for (const hint of document.querySelectorAll("#document-hints li")) {
    hint.hidden = hint.dataset.document !== target.value;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || asked.open || event.isComposing) return;
  line.value = "";
  line.focus();
});

openActs(document.getElementById("door"));

for (const ended of ["acted", "coded"]) {
  document.addEventListener(ended, async () => {
    if (ended === "acted" && asked.open) asked.close();
    await window.htmx.ajax("GET", window.location.pathname, { source: "#door", target: "#at-door", swap: "outerHTML" });
    const told = document.querySelector(".told");
    if (ended === "acted") told.replaceChildren(...said.childNodes);
  });
}
