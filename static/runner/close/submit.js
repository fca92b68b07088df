// 交卷 in two steps, and what follows: it is confirmed only when every answer has arrived. Source.

import { OTHER_MACHINE, isTransient } from "../api.js";
import { confirmDialog, openDialog } from "../dialog.js";
import { h, jitter, pause, span, t } from "../dom.js";
import { unfinished } from "../paper/palette.js";
import { flushTyping } from "../typing.js";

const LINKS = 24;

export class Submit {
  constructor(app) {
    Object.assign(this, { app, pressedAt: null });
  }

  /** Why 交卷 is closed now: "blocked", "deadline_first", "wait", or null when it is open. */
  reason() {
    const { clock } = this.app;
    if (clock.submitBlocked()) return "blocked";
    const wait = clock.untilSubmit();
    if (!wait) return null;
    const left = clock.left();
    return left !== null && left < wait ? "deadline_first" : "wait";
  }

  ask() {
    flushTyping();
    const reason = this.reason();
    if (!reason) this.review();
    else this.app.notices.refuse(t(reason === "wait" ? "submit.not_yet" : `submit.${reason}`));
  }

  /** Step 1: what is open and what is marked, each a link. */
  review() {
    const { store, clock } = this.app;
    const count = store.count();
    const { open, part, wrong, flagged, answered, total } = count;
    const still = unfinished(count);
    const close = () => dialog.close();
    const left = h("b", { class: "num" });
    const fresh = () => { left.textContent = span(clock.left() ?? 0); };
    fresh();
    const timer = setInterval(fresh, 500);
    const dialog = openDialog({
      title: t("submit.review_title"),
      body: [
        total ? h("div", { class: "submit-sum num" },
          h("div", {}, h("b", {}, `${answered} / ${total}`), h("span", {}, t("palette.answered"))),
          h("div", { class: open.length ? "warn" : "" }, h("b", {}, open.length), h("span", {}, t("palette.open"))),
          h("div", {}, h("b", {}, flagged.length), h("span", {}, t("palette.flagged"))),
          h("div", {}, left, h("span", {}, t("clock.left")))) : h("p", {}, t("clock.left"), " ", left),
        this.links(t("submit.wrong"), wrong, close),
        this.links(t("submit.part"), part, close),
        this.links(t("submit.open"), open, close),
        this.links(t("submit.flagged"), flagged, close),
        still ? null : h("p", {}, t(total ? "submit.all_answered" : "submit.units_done")),
      ],
      foot: [
        h("button", { type: "button", class: "btn", onclick: close }, t("submit.back")),
        h("button", { type: "button", class: "btn btn-main", onclick: () => { close(); this.confirm(still); } }, t("submit.go_on")),
      ],
    });
    dialog.node.addEventListener("close", () => clearInterval(timer));
  }

  links(title, positions, close) {
    if (!positions.length) return null;
    const { store } = this.app;
    const grouped = store.groups.map((group) => [group, positions.filter((position) => group.positions.includes(position))]);
    return h("section", { class: "submit-links" }, h("h3", {}, title), grouped.filter(([, some]) => some.length).map(([group, some]) =>
      h("p", {}, h("span", { class: "hint" }, group.name), h("span", { class: "btn-row" },
        some.slice(0, LINKS).map((position) => h("button", {
          type: "button", class: "btn btn-s num", onclick: () => { close(); this.app.go(position); },
        }, store.numberOf(position))),
        some.length > LINKS ? h("span", { class: "hint" }, t("submit.more", { n: some.length - LINKS })) : null))));
  }

  /** Step 2: no way back. */
  confirm(still) {
    confirmDialog({
      title: t("submit.confirm_title"),
      body: [h("p", { class: "strong" }, t("submit.confirm_text")),
        still ? h("p", {}, t("submit.confirm_still", { still })) : null],
      no: t("submit.back"), yes: t("submit.confirm_yes"), danger: true, act: () => this.send(),
    });
  }

  async send() {
    const { app } = this;
    flushTyping();
    this.pressedAt ??= new Date(app.clock.now()).toISOString();
    app.lock("submitting");
    for (let tries = 0; ; tries += 1) {
      const reply = await app.outbox.carry((entries) => app.post(app.urls.submit, {
        epoch: app.epoch, entries, pressed_at: this.pressedAt,
      }));
      if (!isTransient(reply.status)) return this.answered(reply, tries > 0);
      const waiting = app.outbox.waiting({ answers: true }).length;
      app.lock("undelivered", { n: waiting }, waiting ? {} : { title: t("screen.undelivered.title_none") });
      await pause(Math.max(reply.after ?? 0, jitter(500, 3000)));
    }
  }

  async answered({ status, body, ...times }, retried) {
    const { app } = this;
    if (status === 200) {
      app.finish(body);
      return;
    }
    if (body.clock) app.takeClock({ body, ...times });
    if (status === 410 && retried && app.clock.left() > 0) {
      window.location.assign(app.urls.done); // an earlier request arrived and only its reply was lost
    } else if (status === 425) {
      this.pressedAt = null;
      app.unlock();
      app.notices.refuse(body.message ?? t("submit.wait_patiently", { time: span(app.clock.untilSubmit()) }));
    } else if ((status === 409 && body.code === "lease.lost") || body.code === OTHER_MACHINE) {
      app.lost(body);
    } else if (status === 410) {
      app.closed();
    } else if (status === 423) {
      this.pressedAt = null;
      app.stand(body);
    } else {
      this.pressedAt = null;
      app.unlock();
      app.notices.refuse([body.message, body.fix].filter(Boolean).join(" ") || t("submit.refused"));
    }
  }
}
