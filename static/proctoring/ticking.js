// Ages and times left, counted on by the server's clock: the page only displays, the server decides.

let ahead = 0; // how far the server's clock is ahead of this machine's

export function setServerNow(iso) {
  ahead = Date.parse(iso) - Date.now();
}

export function keepTime(root, texts) {
  const tick = () => {
    const now = Date.now() + ahead;
    for (const each of root.querySelectorAll("[data-age]")) write(each, age(now - Date.parse(each.dataset.age), texts));
    for (const each of root.querySelectorAll("[data-left]")) write(each, left(Date.parse(each.dataset.left) - now, texts));
  };
  tick();
  setInterval(tick, 500);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function age(milliseconds, texts) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return texts.seconds.replace("{n}", seconds);
  return texts.minutes.replace("{n}", clock(seconds));
}

function left(milliseconds, texts) {
  return milliseconds <= 0 ? texts.over : clock(Math.ceil(milliseconds / 1000));
}

function clock(seconds) {
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}
