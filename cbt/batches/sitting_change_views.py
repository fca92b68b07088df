"""Pages of a sitting that changes: the form of a move, what it would do, withdrawing and cancelling."""

from __future__ import annotations

import flask
import flask_babel

from cbt.batches import sitting_change as shown
from cbt.batches.sitting_change import MovedPlan, MoveWish
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, head_of_page, see_other
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.sittings.planning.inputs import parse_local
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("moving", __name__)


@pages.get("/office/sittings/<ref>/move")
@access.roles(Role.OFFICER)
def form(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form of a move."""
    with reading() as session:
        page = shown.move_page(session, ref, now=flask.g.now)
    return form_page("batches/sitting_change/move.html", refused, page=page)


@pages.post("/office/sittings/<ref>/move")
@access.roles(Role.OFFICER)
@form_on(form)
def move(ref: str) -> Reply:
    """Show what a move would do, or do it; `act` says which. Nothing is done that was not looked at."""
    act = flask.request.form.get("act", "")
    if act == "edit":
        return form(ref, Refusal(sent=flask.request.form))
    wish = _wish()
    if act != "move":
        plan = shown.preview(sitting_ref=ref, wish=wish, now=flask.g.now)
        return _preview(ref, plan)
    plan = shown.move(sitting_ref=ref, wish=wish, now=flask.g.now, actor=acting())
    told = plan.told
    return see_other(
        flask_babel.gettext(
            "batches.move.done", people=told.people, phones=told.phones, staff=len(told.staff)
        ),
        "candidates.sitting",
        ref=ref,
    )


def _wish() -> MoveWish:
    sent = flask.request.form
    rooms = {name.removeprefix("room-"): value for name, value in sent.items() if name.startswith("room-")}
    return MoveWish(
        name=sent.get("name", ""),
        start_at=parse_local(sent, "start"),
        rooms=rooms,
        reason=sent.get("reason", ""),
    )


def _preview(ref: str, plan: MovedPlan) -> Reply:
    with reading() as session:
        page = shown.move_page(session, ref, now=flask.g.now)
    return flask.render_template(
        "batches/sitting_change/preview.html", page=page, plan=plan, sent=flask.request.form
    )


@pages.post("/office/sittings/<ref>/withdraw")
@access.roles(Role.OFFICER)
@form_on(head_of_page("candidates.sitting"))
def withdraw(ref: str) -> Reply:
    """Withdraw the publishing of a sitting until its check-in opens (撤回发布)."""
    reason = flask.request.form.get("reason", "")
    shown.withdraw(sitting_ref=ref, reason=reason, now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("batches.withdraw.done"), "candidates.sitting", ref=ref)


@pages.post("/office/sittings/<ref>/cancel")
@access.roles(Role.OFFICER)
@form_on(head_of_page("candidates.sitting"))
def cancel(ref: str) -> Reply:
    """Cancel a sitting that has not started."""
    reason = flask.request.form.get("reason", "")
    told = shown.cancel(sitting_ref=ref, reason=reason, now=flask.g.now, actor=acting())
    done = flask_babel.gettext(
        "batches.cancel.done", people=told.people, phones=told.phones, staff=len(told.staff)
    )
    return see_other(done, "candidates.sitting", ref=ref)
