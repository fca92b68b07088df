// The dialog of a proctor's act over the page it was asked on: opened by links, closed by its own, told what was refused.

const asked = document.getElementById("asked");

/**
 * Open acts that links of `source` (an element) name; return what opens one by its address.
 * `before` is called when a link is followed, `shown` once the form stands in the open dialog.
 */
export function openActs(source, { before = () => {}, shown = () => {} } = {}) {
  async function ask(href) {
    await window.htmx.ajax("GET", href, { source, target: "#act", swap: "outerHTML" });
    if (!asked.open) asked.showModal();
    shown();
    asked.querySelector(":is(input, select, textarea)[required], .dialog-foot .btn-main")?.focus();
  }
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("a[data-ask]");
    if (event.target.closest("[data-close-link]") && asked.open) {
      event.preventDefault();
      asked.close();
    } else if (opener && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      before();
      ask(opener.href);
    }
  });
  // One that comes back with a kept form was closed and opened by the page, which tells of the first only now.
  asked.addEventListener("close", () => { if (!asked.open) asked.firstElementChild.replaceChildren(); });
  return ask;
}

/** Have what was refused said where the person looks: in the open dialog, else above the page. */
export function sayRefused(detail) {
  detail.shouldSwap = true;
  detail.isError = false;
  detail.target = document.getElementById(asked.open ? "act-problem" : "problem");
}
