// What a blueprint may forbid (selection, copying, printing, the context menu), the watermark, and the log of
// leaving the window. Leaving is reported, never punished here.

import { call, isTransient } from "./api.js";
import { t } from "./dom.js";

const PROBE = 2500;
const EDITABLE = "input, textarea, select";
const PASTES_APART = 2000;

export function guard(app) {
  report(app);
  holdReload(app);
  if (app.attempt.watermark) watermark(app.attempt.watermark);
  if (!app.attempt.lock_down) return;
  document.body.classList.add("locked-down");
  for (const type of ["copy", "cut", "paste", "contextmenu", "dragstart", "selectstart"]) {
    document.addEventListener(type, (event) => {
      const inField = event.target.closest?.(EDITABLE);
      const ordering = type === "dragstart" && event.target.closest?.(".order");
      if (ordering || (inField && type === "selectstart")) return;
      event.preventDefault();
    });
  }
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && /^[psu]$/i.test(event.key)) event.preventDefault();
  });
}

/** F5 and Ctrl+R load the page again only where the server is there to give it: else it stays as it is, and can be answered. */
function holdReload(app) {
  document.addEventListener("keydown", async (event) => {
    const asked = event.key === "F5" || ((event.ctrlKey || event.metaKey) && /^r$/i.test(event.key));
    if (!asked || event.altKey) return;
    event.preventDefault();
    if (event.repeat || app.reloading) return;
    app.reloading = true;
    const { status } = await call(app.urls.clock, { method: "GET", headers: { "X-CBT-Lease": app.lease ?? "" }, timeout: PROBE });
    app.reloading = false;
    if (!isTransient(status)) window.location.reload();
    else app.toast(t(app.running && !app.over ? "reload.held" : "reload.held_over"), "warn");
  });
}

function report(app) {
  const tell = (type) => app.running && app.outbox.put("event", 0, { type });
  let away = false;
  const left = () => {
    if (away) return;
    away = true;
    tell("blur");
  };
  const back = () => {
    if (!away) return;
    away = false;
    tell("focus");
  };
  let pasted = -PASTES_APART;
  const paste = () => {
    if (performance.now() - pasted < PASTES_APART) return;
    pasted = performance.now();
    tell("paste");
  };
  document.addEventListener("paste", paste, true);
  window.addEventListener("blur", left);
  window.addEventListener("focus", back);
  document.addEventListener("visibilitychange", () => (document.hidden ? left() : back()));
  let full = Boolean(document.fullscreenElement);
  document.addEventListener("fullscreenchange", () => {
    const now = Boolean(document.fullscreenElement);
    if (now !== full) tell(now ? "fullscreen_enter" : "fullscreen_exit");
    full = now;
  });
}

/** Lay the text over the whole page as a faint, slanted pattern that takes no clicks. */
function watermark(text) {
  const canvas = document.createElement("canvas");
  const scale = Math.max(1, Math.min(2, window.devicePixelRatio));
  canvas.width = 340 * scale;
  canvas.height = 220 * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.translate(170, 110);
  pen.rotate(-Math.PI / 8);
  pen.textAlign = "center";
  pen.font = `14px ${getComputedStyle(document.body).fontFamily}`;
  pen.fillStyle = "#808080";
  pen.fillText(text, 0, 0);
  const layer = document.createElement("div");
  layer.className = "watermark";
  layer.setAttribute("aria-hidden", "true");
  layer.style.backgroundImage = `url(${canvas.toDataURL()})`;
  layer.style.backgroundSize = "340px 220px";
  document.body.append(layer);
}
