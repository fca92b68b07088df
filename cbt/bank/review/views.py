"""Pages of the review desk: one item, two of its versions, those that wait, and a change of many."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import asdict

import flask
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.bank import store
from cbt.bank.catalogue import item_of, item_sheet
from cbt.bank.jobs import CHANGE_ITEMS
from cbt.bank.review import judgement
from cbt.bank.review.bulk import (
    BY,
    WRITES,
    BulkAct,
    BulkLine,
    BulkPlan,
    BulkScope,
    items_of,
    plan_bulk,
)
from cbt.bank.review.desk import (
    AUTHORS_STEPS,
    Scope,
    WaitingLine,
    banks_waiting,
    counts,
    desk_of,
    scope_of,
    two_versions,
    waiting_from,
)
from cbt.bank.review.fields import changes, shown_fields, told
from cbt.bank.review.judgement import words
from cbt.bank.search import SEARCHED, asked_for, headlines
from cbt.bank.service import key_view
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import whole_number
from cbt.http.forms import Refusal, flash_refusal, form_on
from cbt.http.partials import Reply, local_target
from cbt.items.finding_texts import field_label
from cbt.items.preview import key_lines, preview_paper
from cbt.jobs.answers import act_reply
from cbt.rules.roles import Role
from cbt.rules.states import ItemEvent, ItemState
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("desk", __name__)

MOST_VERSION = 10**9


def _at_the_form(ref: str, item_ref: str, refused: Refusal) -> Reply:
    """Go back to where something was asked for, and tell at its head why it was refused."""
    target = flask.url_for("bank.item", ref=ref, item_ref=item_ref)
    flask.flash(f"{refused.what}{refused.fix}", "stop")
    return flask.redirect(local_target(flask.request.form.get("here"), target), 303)


told_at_the_form = form_on(_at_the_form, Conflict, InvalidInput, NotAllowed)


@pages.post("/bank/<ref>/items/<item_ref>/step")
@access.roles(Role.AUTHOR)
def step(ref: str, item_ref: str) -> Reply:
    """Do what an author does with an item: submit it, take it back, retire it, restore it."""
    event = _event(AUTHORS_STEPS)
    return _take(ref, item_ref, event)


@pages.post("/bank/<ref>/items/<item_ref>/judge")
@access.roles(Role.REVIEWER)
def judge(ref: str, item_ref: str) -> Reply:
    event = _event((ItemEvent.APPROVE, ItemEvent.SEND_BACK, ItemEvent.RETIRE))
    return _take(ref, item_ref, event)


@told_at_the_form
def _take(ref: str, item_ref: str, event: ItemEvent) -> Reply:
    judgement.take_step(
        bank_ref=ref,
        item_ref=item_ref,
        number=_number(),
        event=event,
        note=flask.request.form.get("note", ""),
        now=flask.g.now,
        actor=acting(),
    )
    return _done(ref, item_ref, _(f"bank.desk.done.{event.value}", ref=item_ref))


@pages.post("/bank/<ref>/items/<item_ref>/reviewer")
@access.roles(Role.AUTHOR, Role.REVIEWER)
@told_at_the_form
def give(ref: str, item_ref: str) -> Reply:
    """Hand an item to a reviewer, or to nobody."""
    judgement.give_to(
        bank_ref=ref,
        item_ref=item_ref,
        number=_number(),
        reviewer_ref=flask.request.form.get("reviewer", ""),
        now=flask.g.now,
        actor=acting(),
    )
    return _done(ref, item_ref, _("bank.desk.done.assign", ref=item_ref))


@pages.post("/bank/<ref>/items/<item_ref>/remarks")
@access.roles(Role.AUTHOR, Role.REVIEWER)
@told_at_the_form
def remark(ref: str, item_ref: str) -> Reply:
    """Keep a remark on a place of a version."""
    judgement.remark(
        bank_ref=ref,
        item_ref=item_ref,
        number=_number(),
        place=flask.request.form.get("place", ""),
        text=flask.request.form.get("text", ""),
        now=flask.g.now,
        actor=acting(),
    )
    return _done(ref, item_ref, _("bank.desk.done.remark"))


@pages.post("/bank/<ref>/items/<item_ref>/remarks/<remark_ref>/settle")
@access.roles(Role.AUTHOR)
@told_at_the_form
def settle(ref: str, item_ref: str, remark_ref: str) -> Reply:
    judgement.settle(bank_ref=ref, item_ref=item_ref, remark_ref=remark_ref, now=flask.g.now, actor=acting())
    return _done(ref, item_ref, _("bank.desk.done.settle"))


@pages.get("/bank/<ref>/items/<item_ref>/versions")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def versions(ref: str, item_ref: str) -> Reply:
    """Show word by word what became of an item between two of its versions."""
    args = flask.request.args
    numbers = [whole_number(args.get(name, ""), most=MOST_VERSION) for name in ("from", "to")]
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        item = item_of(session, bank.id, item_ref)
        both = two_versions(session, item, *numbers)
    key_view(act="item.view_key", subject=f"item:{item_ref}", actor=acting(), now=flask.g.now)
    return flask.render_template(
        "bank/review/versions.html",
        bank=bank,
        item=item,
        found=both,
        changes=[told(one) for one in changes(both.before, both.after)],
        field_label=field_label,
    )


def _event(allowed: tuple[ItemEvent, ...]) -> ItemEvent:
    sent = flask.request.form.get("event", "")
    for event in allowed:
        if event.value == sent:
            return event
    raise InvalidInput("web.bad_request")


def _number() -> int:
    return whole_number(flask.request.form.get("number", ""), most=MOST_VERSION) or 0


def _done(ref: str, item_ref: str, message: str) -> Reply:
    target = flask.url_for("bank.item", ref=ref, item_ref=item_ref)
    flask.flash(message, "ok")
    return flask.redirect(local_target(flask.request.form.get("next"), target), 303)


queue_pages = flask.Blueprint("queue", __name__)


@queue_pages.get("/bank/review")
@access.roles(Role.REVIEWER)
def queue() -> Reply:
    """Show the items that wait, and the one that is asked for, or the first."""
    args, me = flask.request.args, acting()
    bank_ref = args.get("bank", "")[:60]
    terms = (args.get("of", "")[:60], args.get("item", "")[:60])
    with reading() as session:
        waiting = counts(session, me, bank_ref)
        scope = scope_of(args.get("scope", ""), waiting)
        lines = waiting_from(session, me, scope, bank_ref, after=None)
        here = terms if all(terms) else next(((one.bank_ref, one.ref) for one in lines), ("", ""))
        following = waiting_from(session, me, scope, bank_ref, after=here, limit=1)
        shown: dict[str, object] = {}
        if all(here):
            bank = store.bank_by_ref(session, here[0])
            sheet = item_sheet(session, bank.id, here[1])
            desk = desk_of(session, sheet.item)
            names = actor_names(session, {one.actor for one in sheet.versions})
            new = desk.drawn != desk.number
            pair = two_versions(session, sheet.item, desk.drawn, desk.number) if desk.drawn and new else None
            shown = {"bank": bank, "sheet": sheet, "desk": desk, "names": names, "item_ref": here[1]}
            shown["changed"] = [told(one) for one in changes(pair.before, pair.after)] if pair else []
        banks = banks_waiting(session, me)
        authors = actor_names(session, {one.author for one in lines})

    def at(line: WaitingLine | None) -> str:
        of, item = (line.bank_ref, line.ref) if line else (None, None)
        return flask.url_for(".queue", scope=scope.value, bank=bank_ref or None, of=of, item=item)

    if all(here):
        key_view(act="item.view_key", subject=f"item:{here[1]}", actor=me, now=flask.g.now)
        shown["paper"] = preview_paper(sheet.content, seed=here[1])
        shown["keys"] = key_lines(sheet.content)
        shown["fields"] = {"": "", **shown_fields(sheet.text)}
        shown["waits"] = desk.state is ItemState.IN_REVIEW
    return flask.render_template(
        "bank/review/queue.html",
        **shown,
        lines=[(line, at(line)) for line in lines],
        here=here,
        here_url=flask.url_for(
            ".queue", scope=scope.value, bank=bank_ref or None, of=here[0] or None, item=here[1] or None
        ),
        next_url=at(following[0] if following else None),
        last=not following,
        scopes=[
            (
                flask.url_for(".queue", scope=one.value, bank=bank_ref or None),
                f"{_(f'bank.queue.scope.{one.value}')} {waiting[one]}",
                one is scope,
            )
            for one in Scope
        ],
        scope=scope,
        banks=[(ref, f"{name}（{count}）") for ref, name, count in banks],
        bank_ref=bank_ref,
        authors=authors,
        actor=me,
        field_label=field_label,
    )


bulk_pages = flask.Blueprint("bulk", __name__)

MOST_SHOWN = 200
SAMPLE = 10
"""Items of an import that a reviewer is shown before they approve the rest unseen."""


@bulk_pages.post("/bank/<ref>/bulk")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def preview(ref: str) -> Reply:
    """Show what the change would do to which items, and why it cannot be done to some."""
    act, scope = _act(), _scope()
    here = local_target(flask.request.form.get("here"), flask.url_for("bank.bank", ref=ref))
    try:
        note = words(flask.request.form.get("note", ""), "note")
        with reading() as session:
            bank = store.bank_by_ref(session, ref)
            items = items_of(session, bank, scope)
            plan = plan_bulk(
                session, bank, items, act, _value(act), note=note, now=flask.g.now, actor=acting()
            )
            sample = _sample(plan) if act is BulkAct.APPROVE else []
            shown = [*plan.able[:MOST_SHOWN], *[one for one in plan.lines if one.problem][:MOST_SHOWN]]
            texts = headlines(session, bank.id, [one.ref for one in (*shown, *sample)])
            kinds = Counter(item.type for item in items)
            names = actor_names(session, {one for line in shown for one in (line.before, line.after)})
    except InvalidInput as error:
        flash_refusal(error)
        return flask.redirect(here, 303)
    return flask.render_template(
        "bank/review/bulk/preview.html",
        bank=bank,
        plan=plan,
        shown=shown,
        sample=sample,
        texts=texts,
        kinds=kinds,
        names=names,
        sent=_kept(),
        here=here,
        writes=act in WRITES,
    )


@bulk_pages.post("/bank/<ref>/bulk/do")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def do(ref: str) -> Reply:
    """Make the change that was shown."""
    act, form = _act(), flask.request.form
    here = local_target(form.get("here"), flask.url_for("bank.bank", ref=ref))
    try:
        return act_reply(
            CHANGE_ITEMS,
            subject=f"item_bank:{ref}",
            page=here,
            bank=ref,
            scope=asdict(_scope()),
            act=act.value,
            value=_value(act),
            note=words(form.get("note", ""), "note"),
            sha=form.get("sha", ""),
        )
    except (Conflict, InvalidInput) as error:
        flash_refusal(error)
    return flask.redirect(here, 303)


def _act() -> BulkAct:
    sent = flask.request.form.get("act", "")
    if sent not in list(BulkAct):
        raise InvalidInput("bank.bulk_act", field="act")
    act = BulkAct(sent)
    if not signed_in().has(*BY.get(act, {Role.AUTHOR})):
        raise NotAllowed("web.not_allowed")
    return act


def _value(act: BulkAct) -> str:
    field = {BulkAct.ASSIGN: "to", BulkAct.DIFFICULTY: "new_difficulty", BulkAct.POINT: "new_point"}.get(
        act, ""
    )
    return flask.request.form.get(field, "") if field else ""


def _scope() -> BulkScope:
    form = flask.request.form
    if form.get("run"):
        return BulkScope(run_ref=form["run"])
    if form.get("scope") == "whole":
        return BulkScope(search=asked_for(form, acting()).search)
    return BulkScope(refs=tuple(dict.fromkeys(form.getlist("item"))))


def _kept() -> list[tuple[str, str]]:
    """Return the fields that say the same change again."""
    form = flask.request.form
    names = ("act", "scope", "run", "to", "new_difficulty", "new_point", "note", "item", *SEARCHED)
    return [(name, value) for name in names for value in form.getlist(name) if value]


def _sample(plan: BulkPlan) -> list[BulkLine]:
    """Return some of the items at random, the same ones for the same plan."""
    able = plan.able
    return sorted(random.Random(plan.sha).sample(able, min(SAMPLE, len(able))), key=lambda one: one.ref)
