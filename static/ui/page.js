// What every staff page shares: open a dialog ([data-dialog="id"]), close it ([data-close]), send a form when
// its select changes ([data-autosubmit]), print ([data-print]), show a password ([data-reveal="id"]), send a form once
// where somebody clicks twice, say that a file is too large, tell the server that somebody is typing. Pages work without it, except for dialogs.

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog);
    if (dialog && !dialog.open) dialog.showModal();
    return;
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  if (event.target.closest("[data-print]")) window.print();
  const revealer = event.target.closest("[data-reveal]");
  if (revealer) reveal(revealer, revealer.getAttribute("aria-pressed") !== "true");
});

for (const revealer of document.querySelectorAll("[data-reveal]")) revealer.hidden = false;

function reveal(button, shown) {
  document.getElementById(button.dataset.reveal).type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
}

// A password that was shown is sent as one, so that browsers do not keep it among their suggestions.
// A form that comes back filled may lie in a dialog: it opens as such.
const again = document.getElementById("kept");
for (const dialog of document.querySelectorAll("dialog[open]")) {
  dialog.close();
  dialog.showModal();
}
again?.focus();

document.addEventListener("submit", (event) => {
  for (const button of event.target.querySelectorAll?.("[data-reveal]") ?? []) reveal(button, false);
});

// A form on its way has no button to send it again; a page that stays, because a file came, gets it back.
const FILE_COMES = 4000;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.getAttribute("method") !== "post" || event.submitter?.formTarget || form.target) return;
  if (form.dataset.sending) return event.preventDefault();
  form.dataset.sending = "1";
  const buttons = [...form.elements].filter((one) => one.type === "submit" && !one.disabled);
  // Not before the browser has taken down which one was pressed.
  setTimeout(() => { for (const button of buttons) button.disabled = true; });
  const free = () => {
    delete form.dataset.sending;
    for (const button of buttons) button.disabled = false;
  };
  setTimeout(free, FILE_COMES);
  addEventListener("pageshow", free, { once: true });
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
});

// A file over the server's limit is told before it is sent; the server says the same.
document.addEventListener("change", (event) => {
  const input = event.target;
  const told = document.querySelector("[data-most-mb]")?.dataset;
  if (input.type !== "file" || !told) return;
  const bytes = [...input.files].reduce((sum, file) => sum + file.size, 0);
  input.setCustomValidity(bytes > told.mostMb * 1024 * 1024 ? told.tooLarge : "");
  input.reportValidity();
});

// Whoever fills in a long form sends nothing for half an hour: the login must not end over what is typed. A page that
// polls takes the sign of life along with what it asks anyway; alone, it says it every few minutes.
const SIGN_OF_LIFE = 4 * 60 * 1000;
let said = Date.now();
let used = false;

for (const kind of ["input", "keydown", "pointerdown"]) {
  document.addEventListener(kind, () => {
    used = true;
    if (Date.now() - said > SIGN_OF_LIFE) sayHere();
  }, { capture: true, passive: true });
}

function sayHere() {
  said = Date.now();
  const token = document.querySelector("input[name=csrf_token]")?.value;
  const here = document.querySelector("[data-here]")?.dataset.here;
  if (!token || !here) return;
  used = false;
  fetch(here, { method: "POST", headers: { "X-CSRFToken": token, "X-Requested-With": "page" } }).catch(() => {});
}

document.addEventListener("htmx:configRequest", (event) => {
  if (!used) return;
  used = false;
  said = Date.now();
  event.detail.headers["X-CBT-Input"] = "1";
});

// What is behind one button (更多, at the head of a page and on the board): closed by Escape and by a click elsewhere.
const opened = () => [...document.querySelectorAll("details.further[open]")];
document.addEventListener("click", ({ target }) => {
  for (const further of opened()) if (!further.contains(target)) further.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const further of opened()) {
    further.open = false;
    if (further.contains(event.target)) further.querySelector("summary").focus();
  }
});
