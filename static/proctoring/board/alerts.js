// Says what newly waits for somebody: once in words for screen readers, and, where it was switched on, with a short tone.

const KEPT = "board-sound";
const SPOKEN_AT_MOST = 6;
const LENGTH = 0.16; // of a beep, in seconds
const TONES = { stop: [880, 660, 880], warn: [660] };

export class Alerts {
  constructor(board, texts) {
    this.board = board;
    this.texts = texts;
    this.spoken = board.querySelector("#spoken");
    this.known = new Set(this.waiting().keys()); // what was there when the page was opened is read with the page
    this.audio = null;
    board.addEventListener("click", (event) => {
      if (event.target.closest("#todo-sound")) this.turn(!this.on());
    });
    // A browser gives sound only to a page that somebody has touched.
    for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => this.on() && this.wake(), { once: true });
    this.show();
  }

  on() {
    return localStorage.getItem(KEPT) === "on";
  }

  turn(on) {
    localStorage.setItem(KEPT, on ? "on" : "off");
    this.show();
    if (!on) return;
    this.wake();
    this.beep(TONES.warn);
  }

  wake() {
    this.audio ??= new AudioContext();
    this.audio.resume();
  }

  waiting() {
    return new Map([...this.board.querySelectorAll("[data-todo]")].map((each) => [each.dataset.todo, each]));
  }

  /** After the board was brought up to date: say what was not there before. */
  notice() {
    this.show();
    const now = this.waiting();
    const fresh = [...now].filter(([key]) => !this.known.has(key)).map(([, each]) => each);
    this.known = new Set(now.keys());
    if (fresh.length === 0) return;
    for (const each of fresh) this.say(words(each.querySelector("p")));
    if (this.on()) this.beep(fresh.some((each) => each.classList.contains("stop")) ? TONES.stop : TONES.warn);
  }

  say(text) {
    const line = document.createElement("p");
    line.textContent = text;
    this.spoken.append(line);
    while (this.spoken.children.length > SPOKEN_AT_MOST) this.spoken.firstElementChild.remove();
  }

  beep(notes) {
    this.wake();
    notes.forEach((pitch, at) => {
      const from = this.audio.currentTime + at * LENGTH * 1.25;
      const tone = new OscillatorNode(this.audio, { frequency: pitch });
      const volume = new GainNode(this.audio, { gain: 0.12 });
      tone.connect(volume).connect(this.audio.destination);
      tone.start(from);
      tone.stop(from + LENGTH);
    });
  }

  /** The switch comes anew with each change of what waits. */
  show() {
    const button = this.board.querySelector("#todo-sound");
    if (button === null) return;
    button.hidden = false;
    button.setAttribute("aria-pressed", String(this.on()));
    button.querySelector("span").textContent = this.texts[this.on() ? "sound.on" : "sound.off"];
  }
}

/** What an entry says, without the age that runs on. */
function words(line) {
  const copy = line.cloneNode(true);
  for (const age of copy.querySelectorAll(".age")) age.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
}
