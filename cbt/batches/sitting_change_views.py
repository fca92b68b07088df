"""Pages of a sitting that changes: the form of a move, what it would do, withdrawing and cancelling."""

from __future__ import annotations

import flask
import flask_babel

from cbt.batches import sitting_change as shown
from cbt.batches.sitting_change import MovedPlan, MoveWish
from cbt.errors import CbtError
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, refusal
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.sittings.planning.inputs import parse_local
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("moving", __name__)


@pages.get("/office/sittings/<ref>/move")
@access.roles(Role.OFFICER)
def form(ref: str) -> Reply:
    """Show the form of a move."""
    return _form(ref, NOTHING_REFUSED)


@pages.post("/office/sittings/<ref>/move")
@access.roles(Role.OFFICER)
def move(ref: str) -> Reply:
    """Show what a move would do, or do it; `act` says which. Nothing is done that was not looked at."""
    act = flask.request.form.get("act", "")
    if act == "edit":
        return _form(ref, Refusal(sent=flask.request.form))
    try:
        wish = _wish()
        if act != "move":
            plan = shown.preview(sitting_ref=ref, wish=wish, now=flask.g.now)
            return _preview(ref, plan)
        plan = shown.move(sitting_ref=ref, wish=wish, now=flask.g.now, actor=acting())
    except CbtError as error:
        return _form(ref, refusal(error))
    told = plan.told
    flask.flash(
        flask_babel.gettext(
            "batches.move.done", people=told.people, phones=told.phones, staff=len(told.staff)
        ),
        "ok",
    )
    return flask.redirect(flask.url_for("candidates.sitting", ref=ref), 303)


def _wish() -> MoveWish:
    sent = flask.request.form
    rooms = {name.removeprefix("room-"): value for name, value in sent.items() if name.startswith("room-")}
    return MoveWish(
        name=sent.get("name", ""),
        start_at=parse_local(sent, "start"),
        rooms=rooms,
        reason=sent.get("reason", ""),
    )


def _form(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        page = shown.move_page(session, ref, now=flask.g.now)
    return flask.render_template("batches/sitting_change/move.html", page=page, refused=refused), refused.code


def _preview(ref: str, plan: MovedPlan) -> Reply:
    with reading() as session:
        page = shown.move_page(session, ref, now=flask.g.now)
    return flask.render_template(
        "batches/sitting_change/preview.html", page=page, plan=plan, sent=flask.request.form
    )


@pages.post("/office/sittings/<ref>/withdraw")
@access.roles(Role.OFFICER)
def withdraw(ref: str) -> Reply:
    """Withdraw the publishing of a sitting until its check-in opens (撤回发布)."""
    try:
        reason = flask.request.form.get("reason", "")
        shown.withdraw(sitting_ref=ref, reason=reason, now=flask.g.now, actor=acting())
    except CbtError as error:
        flash_refusal(error)
    else:
        flask.flash(flask_babel.gettext("batches.withdraw.done"), "ok")
    return flask.redirect(flask.url_for("candidates.sitting", ref=ref), 303)


@pages.post("/office/sittings/<ref>/cancel")
@access.roles(Role.OFFICER)
def cancel(ref: str) -> Reply:
    """Cancel a sitting that has not started."""
    try:
        reason = flask.request.form.get("reason", "")
        told = shown.cancel(sitting_ref=ref, reason=reason, now=flask.g.now, actor=acting())
    except CbtError as error:
        flash_refusal(error)
    else:
        flask.flash(
            flask_babel.gettext(
                "batches.cancel.done", people=told.people, phones=told.phones, staff=len(told.staff)
            ),
            "ok",
        )
    return flask.redirect(flask.url_for("candidates.sitting", ref=ref), 303)
