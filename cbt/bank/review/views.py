"""What people do with one item at its desk, and the page that holds two of its versions side by side."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.bank import store
from cbt.bank.catalogue import item_of
from cbt.bank.review import service
from cbt.bank.review.fields import changes, told
from cbt.bank.review.history import AUTHORS_STEPS, two_versions
from cbt.bank.service import key_view
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_values import whole_number
from cbt.http.forms import Refusal, form_on
from cbt.http.partials import Reply, local_target
from cbt.items.finding_texts import field_label
from cbt.rules.roles import Role
from cbt.rules.states.item import ItemEvent
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
    """Approve an item, send it back, or retire it."""
    event = _event((ItemEvent.APPROVE, ItemEvent.SEND_BACK, ItemEvent.RETIRE))
    return _take(ref, item_ref, event)


@told_at_the_form
def _take(ref: str, item_ref: str, event: ItemEvent) -> Reply:
    service.take_step(
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
    service.give_to(
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
    service.remark(
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
    """Mark a remark as settled."""
    service.settle(bank_ref=ref, item_ref=item_ref, remark_ref=remark_ref, now=flask.g.now, actor=acting())
    return _done(ref, item_ref, _("bank.desk.done.settle"))


@pages.get("/bank/<ref>/items/<item_ref>/versions")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def versions(ref: str, item_ref: str) -> Reply:
    """Show word by word what became of an item between two of its versions."""
    args = flask.request.args
    asked = [whole_number(args.get(name, ""), most=MOST_VERSION) for name in ("from", "to")]
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        item = item_of(session, bank.id, item_ref)
        found = two_versions(session, item, *asked)
    key_view(act="item.view_key", subject=f"item:{item_ref}", actor=acting(), now=flask.g.now)
    return flask.render_template(
        "bank/review/versions.html",
        bank=bank,
        item=item,
        found=found,
        changes=[told(one) for one in changes(found.before, found.after)],
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
