"""A change of many items: what it would do, then doing it."""

from __future__ import annotations

import random
from collections import Counter

import flask
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.bank import store
from cbt.bank.review.bulk import (
    BY,
    CHANGED,
    WRITES,
    BulkAct,
    BulkLine,
    BulkPlan,
    BulkScope,
    change_many,
    items_of,
    plan_bulk,
)
from cbt.bank.review.service import words
from cbt.bank.search import SEARCHED, asked_for, headlines
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.forms import flash_refusal
from cbt.http.partials import Reply, local_target
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("bulk", __name__)

MOST_SHOWN = 200
SAMPLE = 10
"""Items of an import that a reviewer is shown before they approve the rest unseen."""


@pages.post("/bank/<ref>/bulk")
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


@pages.post("/bank/<ref>/bulk/do")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def do(ref: str) -> Reply:
    """Make the change that was shown."""
    act, form = _act(), flask.request.form
    here = local_target(form.get("here"), flask.url_for("bank.bank", ref=ref))
    try:
        plan = change_many(
            bank_ref=ref,
            scope=_scope(),
            act=act,
            value=_value(act),
            note=words(form.get("note", ""), "note"),
            sha=form.get("sha", ""),
            now=flask.g.now,
            actor=acting(),
        )
    except (Conflict, InvalidInput) as error:
        flash_refusal(error)
    else:
        left = len(plan.lines) - len(plan.able)
        flask.flash(_("bank.bulk.done", count=len(plan.able), left=left), "ok")
        if changed := plan.problems[CHANGED]:
            why = _(f"bank.bulk.problem.{CHANGED}")
            flask.flash(_("bank.bulk.problem_count", count=changed, why=why), "warn")
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
