// 举手: tells the proctor's board, in one tap, and shows the answer beside the button; and 题目有疑问, a remark on the item
// one is at, for whoever reviews items later. Nothing of it is asked for until somebody raises a hand.

import { call } from "./api.js";
import { openDialog } from "./dialog.js";
import { h, say, t, wall } from "./dom.js";

const REASONS = ["network", "item", "body", "other"];
const KEPT = "cbt-hand"; // of which paper this tab has raised a hand: only then is the server asked after a reload
const LONGEST = 200;

export class Hand {
  constructor(app) {
    const byId = (id) => document.getElementById(id);
    Object.assign(this, { app, box: byId("hand-up"), button: byId("hand"), note: byId("hand-note"), hand: null });
    if (!app.urls.hand) return; // a 试答 has no proctor
    this.button.addEventListener("click", () => this.open());
    app.store.on(({ type }) => type === "paper" && this.arrived());
  }

  /** There is a lease now: what was asked under the former one is asked again. */
  arrived() {
    this.box.hidden = false;
    if (this.lease === this.app.lease || sessionStorage.getItem(KEPT) !== this.app.attempt.ref) return;
    this.lease = this.app.lease;
    this.ask();
  }

  /** A message came: while a hand is up, it may be the answer. */
  heard() {
    if (this.hand?.up) this.ask();
  }

  async ask() {
    const reply = await call(this.app.urls.hand, { method: "GET", headers: { "X-CBT-Lease": this.app.lease } });
    if (reply.status === 200) this.show(reply.body.hand);
  }

  show(hand) {
    this.hand = hand ?? null;
    const up = Boolean(this.hand?.up);
    this.button.setAttribute("aria-pressed", String(up));
    say(this.button.querySelector("span"), t(up ? "hand.up" : "hand.button"));
    const answer = this.hand?.answer ? t("hand.answered", { text: this.hand.answer }) : "";
    say(this.note, answer);
    this.note.title = answer;
    if (this.body?.isConnected) this.fill();
  }

  open() {
    this.body = h("div", { class: "hand-body stack" });
    Object.assign(this, { told: this.line(), toldOfRemark: this.line() }); // these stay when the rest is drawn anew
    this.fill();
    openDialog({ title: t("hand.title"), body: this.body });
    this.body.querySelector("button")?.focus();
    this.ask();
  }

  /** What the dialog says: the hand that is up, or the four reasons; and what can be said of the item. */
  fill() {
    const draft = this.body.querySelector("textarea")?.value ?? "";
    this.body.replaceChildren(...(this.hand?.up ? this.waiting() : this.reasons()), ...this.remarking(draft));
  }

  line() {
    return h("p", { class: "hand-told", role: "status", tabindex: "-1" });
  }

  waiting() {
    const { reason, at, place } = this.hand;
    const params = { reason: t(`hand.reason.${reason}`), time: wall(at), place };
    return [
      h("p", { class: "strong" }, t(place ? "hand.waits_at" : "hand.waits", params)),
      h("div", { class: "btn-row" }, h("button", { type: "button", class: "btn", onclick: () => this.send(this.app.urls.lower, {}) }, t("hand.lower"))),
      this.told,
    ];
  }

  reasons() {
    const { app } = this;
    const raise = (reason) => this.send(app.urls.hand, { reason, position: app.store.current || null });
    return [
      h("p", { class: "hint" }, t("hand.lead")),
      h("div", { class: "hand-reasons" }, REASONS.map((reason) => h("button", {
        type: "button", class: "btn", "data-reason": reason, onclick: () => raise(reason),
      }, t(`hand.reason.${reason}`)))),
      this.told,
      this.hand?.answer ? h("p", {}, t("hand.answered", { text: this.hand.answer })) : null,
    ].filter(Boolean);
  }

  remarking(draft) {
    const { app } = this;
    const position = app.store.current;
    if (app.locked || !position) return [];
    const place = `${app.store.groupOf(position).name} ${app.store.numberOf(position)}`;
    const field = h("textarea", { class: "input", id: "remark", rows: 2, maxlength: LONGEST, value: draft });
    const send = async () => {
      const reply = await app.post(app.urls.remark, { position, text: field.value });
      if (reply.status === 200) this.body.querySelectorAll("textarea").forEach((each) => { each.value = ""; });
      this.tell(this.toldOfRemark, reply, reply.status === 200 ? t("remark.sent", { place: reply.body.place }) : "");
    };
    return [h("section", { class: "hand-remark stack" },
      h("label", { for: "remark" }, t("remark.label", { place })), field,
      h("p", { class: "hint" }, t("remark.lead")),
      h("div", { class: "btn-row" }, h("button", { type: "button", class: "btn", onclick: send }, t("remark.send"))), this.toldOfRemark)];
  }

  async send(url, body) {
    const { app } = this;
    sessionStorage.setItem(KEPT, app.attempt.ref);
    const reply = await app.post(url, body);
    if (reply.status !== 200) {
      this.tell(this.told, reply, "");
      return;
    }
    this.told.textContent = "";
    this.show(reply.body.hand);
    app.announce(this.hand?.up ? t("hand.up") : t("hand.lowered"));
    this.body.querySelector("button")?.focus();
  }

  /** Say beside the button that was pressed what became of it. */
  tell(line, { status, body }, done) {
    line.classList.toggle("refused", !done);
    const why = status === 0 ? t("hand.away") : [body.message, body.fix].filter(Boolean).join(" ");
    line.textContent = done || why || t("hand.away");
  }
}
