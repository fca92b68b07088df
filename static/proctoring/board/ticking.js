// Ages and times left, counted on by the server's clock: the page only displays, the server decides.

let ahead = 0; // how far the server's clock is ahead of this machine's

export function setServerNow(iso) {
  ahead = Date.parse(iso) - Date.now();
}

/** Write every age and time left below `root` now and twice a second; returns what writes them at once. */
export function keepTime(root, texts) {
  const tick = () => {
    const now = Date.now() + ahead;
    for (const each of root.querySelectorAll("[data-age]")) write(each, age(each, now, texts));
    for (const each of root.querySelectorAll("[data-left]")) write(each, left(Date.parse(each.dataset.left) - now, texts));
  };
  tick();
  setInterval(tick, 500);
  return tick;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function age(element, now, texts) {
  const seconds = Math.max(0, Math.floor((now - Date.parse(element.dataset.age)) / 1000));
  const short = element.closest(".dense, .usual") !== null; // small tiles have no room for words
  if (seconds < 60) return (short ? texts["age.s_short"] : texts["age.s"]).replace("{n}", seconds);
  return short ? clock(seconds) : texts["age.m"].replace("{n}", clock(seconds));
}

function left(milliseconds, texts) {
  return milliseconds <= 0 ? texts["clock.over"] : clock(Math.ceil(milliseconds / 1000));
}

function clock(seconds) {
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}
