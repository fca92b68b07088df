"""What people do with one item at its desk, and the page that holds two of its versions side by side."""

from __future__ import annotations

from collections.abc import Callable

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
from cbt.http.forms import flash_refusal
from cbt.http.partials import Reply, local_target
from cbt.items.finding_texts import field_label
from cbt.rules.roles import Role
from cbt.rules.states.item import ItemEvent
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("desk", __name__)

MOST_VERSION = 10**9


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


def _take(ref: str, item_ref: str, event: ItemEvent) -> Reply:
    def do() -> None:
        service.take_step(
            bank_ref=ref,
            item_ref=item_ref,
            number=_number(),
            event=event,
            note=flask.request.form.get("note", ""),
            now=flask.g.now,
            actor=acting(),
        )

    return _back(ref, item_ref, do, _(f"bank.desk.done.{event.value}", ref=item_ref))


@pages.post("/bank/<ref>/items/<item_ref>/reviewer")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def give(ref: str, item_ref: str) -> Reply:
    """Hand an item to a reviewer, or to nobody."""

    def do() -> None:
        service.give_to(
            bank_ref=ref,
            item_ref=item_ref,
            number=_number(),
            reviewer_ref=flask.request.form.get("reviewer", ""),
            now=flask.g.now,
            actor=acting(),
        )

    return _back(ref, item_ref, do, _("bank.desk.done.assign", ref=item_ref))


@pages.post("/bank/<ref>/items/<item_ref>/remarks")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def remark(ref: str, item_ref: str) -> Reply:
    """Keep a remark on a place of a version."""

    def do() -> None:
        service.remark(
            bank_ref=ref,
            item_ref=item_ref,
            number=_number(),
            place=flask.request.form.get("place", ""),
            text=flask.request.form.get("text", ""),
            now=flask.g.now,
            actor=acting(),
        )

    return _back(ref, item_ref, do, _("bank.desk.done.remark"))


@pages.post("/bank/<ref>/items/<item_ref>/remarks/<remark_ref>/settle")
@access.roles(Role.AUTHOR)
def settle(ref: str, item_ref: str, remark_ref: str) -> Reply:
    """Mark a remark as settled."""

    def do() -> None:
        service.settle(
            bank_ref=ref, item_ref=item_ref, remark_ref=remark_ref, now=flask.g.now, actor=acting()
        )

    return _back(ref, item_ref, do, _("bank.desk.done.settle"))


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


def _back(ref: str, item_ref: str, do: Callable[[], None], said: str) -> Reply:
    """Do one thing and go back to where it was asked for; a refusal is told there."""
    target = flask.url_for("bank.item", ref=ref, item_ref=item_ref)
    try:
        do()
    except (Conflict, InvalidInput, NotAllowed) as error:
        flash_refusal(error)
        return flask.redirect(local_target(flask.request.form.get("here"), target), 303)
    flask.flash(said, "ok")
    return flask.redirect(local_target(flask.request.form.get("next"), target), 303)
