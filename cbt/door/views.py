"""The candidate's pages from the seat to the waiting room."""

from __future__ import annotations

import flask

from cbt.config import Settings
from cbt.door import service, shown, sign_in
from cbt.door.choosing import keep_choice, kept_choice
from cbt.door.inputs import seat_number, sign_in_input, undelivered_count
from cbt.door.seats import binding
from cbt.door.seats.undelivered import report_undelivered
from cbt.door.shown import DoorView
from cbt.door.sign_in import PaperChoice, SeatSignIn
from cbt.errors import CbtError, InvalidInput
from cbt.web.downloads import picture
from cbt.web.forms import NOTHING_REFUSED, Refusal, refusal, sent_json
from cbt.web.partials import Reply
from cbt.web.who import access
from cbt.web.who.login import Principal, current_principal, forget, remember, signed_in
from cbt.web.who.machine import current_machine

pages = flask.Blueprint("door", __name__)


@pages.get("/")
@access.public
def seat_page() -> Reply:
    """The seat: room and 机位号 in large, and signing in; an unbound machine asks for its seat."""
    former = _former()
    if former and shown.paper_is_closed(former.subject_id):
        service.leave(former.login_session_id, now=flask.g.now)
        return _seat_left()
    return _seat_page()


@pages.post("/seat/bind")
@access.public
def bind() -> Reply:
    """Bind this machine to a seat by the proctor's room code (R-16)."""
    form = flask.request.form
    try:
        binding.bind(
            number=seat_number(form),  # read first: an unreadable number issues no token to the machine
            machine=current_machine(issue=True),
            room_code=form.get("room_code", "")[:20],
            now=flask.g.now,
        )
    except CbtError as error:
        return _seat_page(bind_refused=_refusal(error))
    return flask.redirect(flask.url_for("door.seat_page"), 303)


@pages.post("/seat/undelivered")
@access.public
def undelivered() -> Reply:
    """Take the number of answers of former candidates this machine still holds (R-16)."""
    report_undelivered(machine=current_machine(), count=undelivered_count(sent_json()), now=flask.g.now)
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
        return _seat_page(sign_in_refused=_refusal(error))
    if isinstance(outcome, PaperChoice):
        keep_choice(outcome.registration_refs, now=flask.g.now)
        return flask.redirect(flask.url_for("door.choose"), 303)
    return _welcome(outcome)


@pages.get("/sign-in/paper")
@access.public
def choose() -> Reply:
    """Ask which of two open papers to begin (R-14)."""
    options = shown.paper_options(kept_choice(now=flask.g.now))
    return flask.render_template("door/choose.html", options=options)


@pages.post("/sign-in/paper")
@access.public
def chosen() -> Reply:
    """Sign in to the paper picked."""
    allowed = kept_choice(now=flask.g.now)
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
        return _seat_page(sign_in_refused=_refusal(error))
    return _welcome(outcome)


@pages.get("/exam/confirm")
@access.candidate
def confirm() -> Reply:
    """信息确认: photo, masked number, seat and paper; held while a proctor is to compare."""
    view = shown.door_view(signed_in().subject_id)
    if view.step != "confirm":
        return _to(view.step)
    return flask.render_template("door/confirm.html", view=view)


@pages.post("/exam/confirm")
@access.candidate
def confirmed() -> Reply:
    """信息无误."""
    service.confirm(signed_in().subject_id, now=flask.g.now)
    return _to("notice")


@pages.post("/exam/query")
@access.candidate
def query() -> Reply:
    """信息有误，请监考员核对: alert the board and hold."""
    service.raise_query(signed_in().subject_id, now=flask.g.now)
    return _to("confirm")


@pages.get("/exam/query")
@access.candidate
def query_state() -> Reply:
    """The held part of the confirmation page, asked for again and again until a proctor clears it."""
    view = shown.door_view(signed_in().subject_id)
    if view.queried_at is None:
        return flask.Response(status=204, headers={"HX-Redirect": flask.url_for("door.confirm")})
    return flask.render_template("door/_held.html", view=view)


@pages.get("/exam/notice")
@access.candidate
def notice() -> Reply:
    """考场须知 and 诚信承诺."""
    view = shown.door_view(signed_in().subject_id)
    if view.step != "notice":
        return _to(view.step)
    return _notice_page(view, NOTHING_REFUSED)


def _notice_page(view: DoorView, refused: Refusal) -> Reply:
    return flask.render_template("door/notice.html", view=view, refused=refused), refused.code


@pages.post("/exam/notice")
@access.candidate
def pledged() -> Reply:
    """我已阅读并同意."""
    principal = signed_in()
    try:
        agreed = flask.request.form.get("agree") == "1"
        service.pledge(principal.subject_id, agreed=agreed, now=flask.g.now)
    except InvalidInput as error:
        return _notice_page(shown.door_view(principal.subject_id), _refusal(error))
    return _to("wait")


@pages.get("/exam/wait")
@access.candidate
def wait() -> Reply:
    """候考: the time to the start by the server's clock; the page goes on by itself at 统一开考."""
    view = shown.door_view(signed_in().subject_id)
    if view.step != "wait":
        return _to(view.step)
    return flask.render_template("door/wait.html", view=view, now=flask.g.now)


@pages.get("/exam/photo")
@access.candidate
def photo() -> Reply:
    """The candidate's own photo."""
    mimetype, image = shown.photo(signed_in().subject_id)
    return picture(mimetype, image)


@pages.post("/exam/leave")
@access.public
def leave() -> Reply:
    """Leave the seat: the login of this browser ends; without one there is nothing to end."""
    if former := _former():
        service.leave(former.login_session_id, now=flask.g.now)
    return _seat_left()


def _seat_page(
    *, sign_in_refused: Refusal = NOTHING_REFUSED, bind_refused: Refusal = NOTHING_REFUSED
) -> Reply:
    page = flask.render_template(
        "door/seat.html",
        seat=shown.seat_view(current_machine(), now=flask.g.now),
        unbound_may=_unbound_may(),
        signed_in=_former(),
        sign_in_refused=sign_in_refused,
        bind_refused=bind_refused,
    )
    return page, max(sign_in_refused.code, bind_refused.code)


def _refusal(error: CbtError) -> Refusal:
    # Tries at a seat are counted where they are guesses; whoever is signed in at this browser made none.
    return refusal(error, on_record=False)


def _unbound_may() -> bool:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    return settings.unbound_sign_in


def _former() -> Principal | None:
    """Return the candidate whose login this browser still holds."""
    principal = current_principal()
    return principal if principal and principal.kind == "candidate" else None


def _former_login() -> int | None:
    former = _former()
    return former.login_session_id if former else None


def _welcome(outcome: SeatSignIn) -> Reply:
    remember(outcome.token)
    return _to("confirm")


def _seat_left() -> Reply:
    forget()
    return flask.redirect(flask.url_for("door.seat_page"), 303)


def _to(step: str) -> Reply:
    return flask.redirect(flask.url_for(f"door.{step}"), 303)
