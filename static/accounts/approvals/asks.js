// Keeps what is said about second persons fresh on every staff page: exchanges each [data-live] for the server's
// when its tag changed, keeps what is being typed in it, and counts the times left by the server's clock.
const EVERY = 2000;
let ahead = 0; // how far the server's clock is ahead of this machine's

async function refresh(old) {
  let answer;
  try {
    answer = await fetch(old.dataset.live, {
      headers: { "If-None-Match": `"${old.dataset.tag}"` }, cache: "no-store", redirect: "manual",
    });
  } catch {
    return; // the next round tries again
  }
  const now = answer.headers.get("X-Now");
  if (now) ahead = Date.parse(now) - Date.now();
  if (answer.status !== 200) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(old.id);
  if (fresh === null || !old.isConnected) return;
  keepTyping(old, fresh);
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  old.replaceWith(document.adoptNode(fresh));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  window.htmx?.process(fresh);
  tick();
  document.dispatchEvent(new CustomEvent("refreshed", { detail: fresh }));
}

function keepTyping(old, fresh) {
  for (const input of old.querySelectorAll("input:not([type=hidden])")) {
    const same = [...fresh.querySelectorAll("input")].find((one) => one.id === input.id);
    if (same) same.value = input.value;
  }
  for (const open of old.querySelectorAll("details[open]")) {
    const same = fresh.querySelector(`details.${open.className}`);
    if (same) same.open = true;
  }
}

function tick() {
  // What the page itself is about need not be said above it as well.
  for (const ask of document.querySelectorAll("#asks .ask")) {
    ask.hidden = window.location.pathname.startsWith(ask.querySelector("a").pathname);
  }
  const now = Date.now() + ahead;
  for (const each of document.querySelectorAll("#asks [data-left], #approval [data-left], .waiting-card [data-left]")) {
    const seconds = Math.max(0, Math.ceil((Date.parse(each.dataset.left) - now) / 1000));
    const text = `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
    if (each.textContent !== text) each.textContent = text;
  }
}

async function round() {
  await Promise.all([...document.querySelectorAll("[data-live]")].map(refresh));
  setTimeout(round, EVERY);
}

// A form in the panel answered with the panel itself: told like a change that came by asking.
document.addEventListener("htmx:afterSettle", () => {
  const panel = document.getElementById("approval");
  if (panel) document.dispatchEvent(new CustomEvent("refreshed", { detail: panel }));
  tick();
});

round();
setInterval(tick, 500);
