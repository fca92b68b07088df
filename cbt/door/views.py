"""The candidate's pages from the seat to the waiting room."""

from __future__ import annotations

from datetime import datetime, timedelta

import flask

from cbt.config import Settings
from cbt.db.types import from_micros, to_micros
from cbt.door import service, shown, sign_in
from cbt.door.inputs import seat_number, sign_in_input
from cbt.door.seats import binding
from cbt.door.seats.undelivered import report_undelivered
from cbt.door.sign_in import Choice, SignedIn
from cbt.errors import CbtError, Gone, InvalidInput, NotAllowed
from cbt.pictures.serving import picture
from cbt.web.i18n import explain
from cbt.web.problems import http_status
from cbt.web.who import access
from cbt.web.who.login import Principal, current_principal, forget, remember
from cbt.web.who.machine import current_machine

pages = flask.Blueprint("door", __name__)
Reply = flask.typing.ResponseReturnValue

CHOICE_LIFE = timedelta(minutes=2)
_CHOICE = "door_choice"


@pages.get("/")
@access.public
def seat_page() -> Reply:
    """The seat: room and 机位号 in large, and signing in; an unbound machine asks for its seat."""
    principal = current_principal()
    if principal and principal.kind == "candidate" and shown.paper_is_closed(principal.subject_id):
        service.leave(principal.login_session_id, now=flask.g.now)
        return _emptied(flask.redirect(flask.url_for("door.seat_page"), 303))
    return _seat_page()


@pages.post("/seat/bind")
@access.public
def bind() -> Reply:
    """Bind this machine to a seat by the proctor's room code (R-16)."""
    form = flask.request.form
    try:
        number = seat_number(form)
        binding.bind(
            machine=current_machine(issue=True),
            room_code=form.get("room_code", "")[:20],
            number=number,
            now=flask.g.now,
        )
    except CbtError as error:
        return _seat_page(bind_error=error)
    return flask.redirect(flask.url_for("door.seat_page"), 303)


@pages.post("/seat/undelivered")
@access.public
def undelivered() -> Reply:
    """Take the number of answers of former candidates this machine still holds (R-16)."""
    try:
        body = flask.request.get_json(silent=True)
    except RecursionError:  # deeper than anything a page sends
        body = None
    count = body.get("count") if isinstance(body, dict) else None
    if not isinstance(count, int) or isinstance(count, bool):
        raise InvalidInput("seat.undelivered", field="count")
    report_undelivered(machine=current_machine(), count=count, now=flask.g.now)
    return flask.Response(status=204)


@pages.post("/sign-in")
@access.public
def sign_in_here() -> Reply:
    """Sign in with the ticket and the end of the document, or the ticket and a 登录码 (R-14)."""
    try:
        entry = sign_in_input(flask.request.form)
        outcome = sign_in.sign_in(
            entry,
            machine=current_machine(issue=True),
            now=flask.g.now,
            former_login_id=_former_login(),
            unbound=_unbound_may(),
        )
    except CbtError as error:
        return _seat_page(sign_in_error=error)
    if isinstance(outcome, Choice):
        until = to_micros(flask.g.now + CHOICE_LIFE)
        flask.session[_CHOICE] = {"refs": list(outcome.registration_refs), "until": until}
        return flask.redirect(flask.url_for("door.choose"), 303)
    return _welcome(outcome)


@pages.get("/sign-in/paper")
@access.public
def choose() -> Reply:
    """Ask which of two open papers to begin (R-14)."""
    options = shown.paper_options(_choice(flask.g.now))
    return flask.render_template("door/choose.html", options=options)


@pages.post("/sign-in/paper")
@access.public
def chosen() -> Reply:
    """Sign in to the paper picked."""
    allowed = _choice(flask.g.now)
    try:
        outcome = sign_in.choose(
            flask.request.form.get("paper", ""),
            allowed=allowed,
            machine=current_machine(issue=True),
            now=flask.g.now,
            former_login_id=_former_login(),
            unbound=_unbound_may(),
        )
    except CbtError as error:
        return _seat_page(sign_in_error=error)
    return _welcome(outcome)


@pages.get("/exam/confirm")
@access.candidate
def confirm() -> Reply:
    """信息确认: photo, masked number, seat and paper; held while a proctor is to compare."""
    view = shown.door_view(_candidate().subject_id)
    if view.step != "confirm":
        return _to(view.step)
    return flask.render_template("door/confirm.html", view=view)


@pages.post("/exam/confirm")
@access.candidate
def confirmed() -> Reply:
    """信息无误."""
    service.confirm(_candidate().subject_id, now=flask.g.now)
    return _to("notice")


@pages.post("/exam/query")
@access.candidate
def query() -> Reply:
    """信息有误，请监考员核对: alert the board and hold."""
    service.raise_query(_candidate().subject_id, now=flask.g.now)
    return _to("confirm")


@pages.get("/exam/query")
@access.candidate
def query_state() -> Reply:
    """The held part of the confirmation page, asked for again and again until a proctor clears it."""
    view = shown.door_view(_candidate().subject_id)
    if view.queried_at is None:
        return flask.Response(status=204, headers={"HX-Redirect": flask.url_for("door.confirm")})
    return flask.render_template("door/_held.html", view=view)


@pages.get("/exam/notice")
@access.candidate
def notice() -> Reply:
    """考场须知 and 诚信承诺."""
    view = shown.door_view(_candidate().subject_id)
    if view.step != "notice":
        return _to(view.step)
    return flask.render_template("door/notice.html", view=view, error=None)


@pages.post("/exam/notice")
@access.candidate
def pledged() -> Reply:
    """我已阅读并同意."""
    principal = _candidate()
    try:
        agreed = flask.request.form.get("agree") == "1"
        service.pledge(principal.subject_id, agreed=agreed, now=flask.g.now)
    except InvalidInput as error:
        view = shown.door_view(principal.subject_id)
        page = flask.render_template("door/notice.html", view=view, error=explain(error))
        return page, http_status(error)
    return _to("wait")


@pages.get("/exam/wait")
@access.candidate
def wait() -> Reply:
    """候考: the time to the start by the server's clock; the page goes on by itself at 统一开考."""
    view = shown.door_view(_candidate().subject_id)
    if view.step != "wait":
        return _to(view.step)
    return flask.render_template("door/wait.html", view=view, now=flask.g.now)


@pages.get("/exam/photo")
@access.candidate
def photo() -> Reply:
    """The candidate's own photo."""
    mimetype, image = shown.photo(_candidate().subject_id)
    return picture(mimetype, image)


@pages.post("/exam/leave")
@access.public
def leave() -> Reply:
    """Leave the seat: the login of this browser ends; without one there is nothing to end."""
    principal = current_principal()
    if principal and principal.kind == "candidate":
        service.leave(principal.login_session_id, now=flask.g.now)
    return _emptied(flask.redirect(flask.url_for("door.seat_page"), 303))


def _seat_page(*, sign_in_error: CbtError | None = None, bind_error: CbtError | None = None) -> Reply:
    principal = current_principal()
    error = sign_in_error or bind_error
    page = flask.render_template(
        "door/seat.html",
        seat=shown.seat_view(current_machine(), now=flask.g.now),
        unbound_may=_unbound_may(),
        signed_in=principal if principal and principal.kind == "candidate" else None,
        form=flask.request.form,
        sign_in_error=_shown(sign_in_error),
        bind_error=_shown(bind_error),
    )
    return page, 200 if error is None else http_status(error)


def _shown(error: CbtError | None) -> dict[str, object] | None:
    if error is None:
        return None
    what, fix = explain(error)
    return {"code": error.code, "what": what, "fix": fix, "params": error.params}


def _unbound_may() -> bool:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    return settings.unbound_sign_in


def _candidate() -> Principal:
    principal = current_principal()
    if principal is None:
        raise NotAllowed("web.signed_out")
    return principal


def _former_login() -> int | None:
    principal = current_principal()
    return principal.login_session_id if principal and principal.kind == "candidate" else None


def _welcome(outcome: SignedIn) -> Reply:
    remember(outcome.token)
    return _to("confirm")


def _emptied(response: Reply) -> Reply:
    forget()
    return response


def _to(step: str) -> Reply:
    return flask.redirect(flask.url_for(f"door.{step}"), 303)


def _choice(now: datetime) -> list[str]:
    kept = flask.session.get(_CHOICE)
    if not kept or now >= from_micros(kept["until"]):
        raise Gone("door.choice_over")
    return list(kept["refs"])
