// The numbers of a seat, which change with every save: written into its tile or row, which stays the same element.

/** Write how many are answered, and when the page of a seat was heard and saved (seconds, null for never). */
export function writeNumbers(id, [answered, seen, saved]) {
  const seat = document.getElementById(id);
  if (seat === null) return;
  const progress = seat.querySelector("progress");
  if (progress !== null) {
    progress.value = answered;
    progress.setAttribute("aria-label", progress.dataset.said.replace("{n}", answered));
  }
  const of = seat.querySelector('[data-of="answered"]');
  if (of !== null) of.textContent = `${answered}/${progress.max}`;
  writeAge(seat, "seen", seen);
  writeAge(seat, "saved", saved);
}

function writeAge(seat, of, seconds) {
  const age = seat.querySelector(`[data-of="${of}"]`);
  if (age === null || seconds === null) return;
  age.dateTime = age.dataset.age = new Date(seconds * 1000).toISOString();
}
