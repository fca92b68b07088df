// 朗读: the item that one is at, or the material, in a voice of this machine. Only such a voice is taken: one that speaks
// from elsewhere would send the paper there. What is read is what stands on the page; a covered choice stays covered.

import { h, icon, letter, plain, t } from "../dom.js";

const RATES = [0.75, 1, 1.25, 1.5];
const HAN = /\p{Script=Han}/u;
const SENTENCE = /[^。！？；.!?;]+[。！？；.!?;]*/g;
const BLANK = /<span data-blank="\d+"><\/span>/g;
const VOICES_AFTER = 3000;

export const tool = (app) => new Speech(app);

class Speech {
  constructor(app) {
    Object.assign(this, { app, isOn: false, rate: 1, engine: window.speechSynthesis });
    this.said = h("p", { class: "hint", role: "status" });
    const press = (key, mark, act) => h("button", { type: "button", class: "btn btn-s", onclick: act }, icon(mark), t(`tools.speech.${key}`));
    this.read = press("read", "play", () => this.speak(this.item()));
    this.material = press("material", "file", () => this.speak(this.stimulus()));
    this.stop = press("stop", "square", () => this.rest());
    const rate = h("select", {
      class: "input", onchange: ({ target }) => { this.rate = Number(target.value); },
    }, RATES.map((value) => h("option", { value, selected: value === 1 }, t("tools.speech.times", { rate: value }))));
    this.node = h("section", { class: "speaker card", "aria-label": t("tools.speech.name") },
      h("div", { class: "btn-row" }, this.read, this.material, this.stop, h("label", {}, t("tools.speech.rate"), " ", rate)), this.said);
    app.store.on(({ type }) => ["current", "paper"].includes(type) && this.isOn && this.rest());
  }

  on() {
    document.getElementById("paper").append(this.node);
    this.draw();
    this.voices().then((voices) => this.tell(this.voiceFor(this.item().join(""), voices) ? "" : "none"));
  }

  off() {
    this.rest();
    this.node.remove();
  }

  draw() {
    this.material.hidden = !this.app.view.root.querySelector(".stimulus");
  }

  /** Be silent. */
  rest() {
    this.run = null;
    this.engine?.cancel();
    this.tell("");
  }

  tell(what) {
    this.said.textContent = what ? t(`tools.speech.${what}`) : "";
    this.node.classList.toggle("is-mute", what === "none");
  }

  /** The voices of this machine; some browsers know them a moment later only. */
  async voices() {
    const own = () => (this.engine?.getVoices() ?? []).filter((voice) => voice.localService);
    if (own().length || !this.engine) return own();
    return new Promise((resolve) => {
      const answer = () => resolve(own());
      this.engine.addEventListener?.("voiceschanged", answer, { once: true });
      setTimeout(answer, VOICES_AFTER);
    });
  }

  voiceFor(text, voices) {
    const tongue = HAN.test(text) ? /^(zh|cmn)\b/i : /^en\b/i;
    return voices.find(({ lang }) => tongue.test(lang));
  }

  async speak(lines) {
    this.rest();
    const run = this.run = {};
    const voice = this.voiceFor(lines.join(""), await this.voices());
    if (this.run !== run) return;
    if (!voice) {
      this.tell("none");
      return;
    }
    this.tell("reading");
    const sentences = lines.flatMap((line) => line.match(SENTENCE) ?? [line]).filter((one) => one.trim());
    sentences.forEach((sentence, index) => {
      const spoken = new SpeechSynthesisUtterance(sentence);
      Object.assign(spoken, { voice, lang: voice.lang, rate: this.rate });
      if (index === sentences.length - 1) spoken.onend = () => this.run === run && this.tell("");
      this.engine.speak(spoken);
    });
  }

  /** What the current item says: its stem, then whatever it gives to choose from, in the order shown. */
  item() {
    const { store, view } = this.app;
    const item = store.items.get(store.current);
    if (!item) return [];
    const rows = [...(view.card?.node.querySelectorAll(".choice") ?? [])];
    const choices = (item.choices ?? []).map((choice, index) => (rows[index]?.classList.contains("covered")
      ? t("tools.speech.covered", { letter: letter(index) }) : `${letter(index)}：${plain(choice)}`));
    const lists = [item.lefts, item.options, item.steps, item.word_bank, item.spots?.map(([, , name]) => name)];
    return [t("tools.speech.item", { n: store.numberOf(item.position) }), plain(item.stem.replace(BLANK, t("tools.speech.blank"))),
      ...choices, ...lists.flatMap((list) => list ?? []).map(plain), item.alt].filter(Boolean);
  }

  stimulus() {
    const { store, view } = this.app;
    return (store.paper.cases ?? []).filter(({ unit }) => unit === view.group.unit)
      .flatMap(({ title, stimulus }) => [title, plain(stimulus)]).filter(Boolean);
  }
}
