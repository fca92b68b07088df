// The door: after each answer the focus is where the next scan or key belongs; the lists keep themselves up to date.
const line = document.getElementById("f-q");
const asked = document.getElementById("asked");
const said = document.getElementById("said");
let tag = "";

const polls = (detail) => detail.requestConfig?.elt?.id === "door-lines" || detail.elt?.id === "door-lines";

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (polls(detail) && tag) detail.headers["If-None-Match"] = tag;
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
    detail.shouldSwap = true;
    detail.isError = false;
    detail.target = asked.open ? document.getElementById("act-problem") : document.getElementById("problem");
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
    line.value = "";
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

document.addEventListener("click", (event) => {
  const opener = event.target.closest("a[data-ask]");
  if (event.target.closest("[data-close-link]") && asked.open) {
    event.preventDefault();
    asked.close();
  } else if (opener && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    ask(opener.href);
  }
});

async function ask(href) {
  await window.htmx.ajax("GET", href, { source: "#door", target: "#act", swap: "outerHTML" });
  if (!asked.open) asked.showModal();
  asked.querySelector(":is(input, select, textarea)[required], .dialog-foot .btn-main")?.focus();
}

asked.addEventListener("close", () => asked.firstElementChild.replaceChildren());

for (const ended of ["acted", "coded"]) {
  document.addEventListener(ended, async () => {
    if (ended === "acted" && asked.open) asked.close();
    await window.htmx.ajax("GET", window.location.pathname, { source: "#door", target: "#at-door", swap: "outerHTML" });
    const told = document.querySelector(".told");
    if (ended === "acted") told.replaceChildren(...said.childNodes);
  });
}
