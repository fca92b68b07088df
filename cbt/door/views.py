"""The candidate's pages before the paper: the seat with its machine, sign-in, confirmation, the waiting room."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import flask
import flask_babel

from cbt.config import Settings
from cbt.door import seats, service, sign_in
from cbt.door.arrival import read_said
from cbt.door.seats import report_undelivered
from cbt.door.service import DoorView, SeatPage
from cbt.door.sign_in import PaperChoice, SeatSignIn, SignInInput
from cbt.errors import CbtError, Gone, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import Principal, acting, current_principal, forget, held_login, remember, signed_in
from cbt.http.auth.machine import current_machine
from cbt.http.downloads import attachment, picture
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_page, refusal, see_other, sent_json
from cbt.http.partials import Reply
from cbt.http.server import lanes
from cbt.rules.door import HEADER, LONGEST_QUERY, QUERY_ABOUT, file_of, settings_for
from cbt.rules.roles import Role
from cbt.sittings.store import centre_by_ref
from cbt.storage.types import from_micros, to_micros
from cbt.storage.unit_of_work import reading

kiosk_pages = flask.Blueprint("kiosk", __name__)
MIME = "application/seb"


@kiosk_pages.get("/office/centres/<ref>/kiosk.seb")
@access.roles(Role.OFFICER, Role.ADMIN)
def file(ref: str) -> Reply:
    """Send the file a kiosk browser opens: it leads to where the centre insists, or to where this page is."""
    with reading() as session:
        origin = centre_by_ref(session, ref).kiosk_origin
    return attachment(file_of(settings_for(origin or _origin())), MIME, "exam.seb")


@kiosk_pages.post("/office/centres/<ref>/kiosk")
@access.roles(Role.OFFICER, Role.ADMIN)
def insist_on(ref: str) -> Reply:
    """Insist on the file that leads to where this page was asked for, or no longer."""
    origin = _origin() if flask.request.form.get("kiosk") == "1" else ""
    service.ask_for_kiosk(ref, origin=origin, now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("sittings.kiosk.saved"), "sittings.centres.centre", ref=ref)


def insist() -> None:
    """Raise NotAllowed("door.kiosk") where the centre insists and this request comes from another browser."""
    request = flask.request
    path = request.full_path if request.query_string else request.path
    service.insist(current_machine(), header=request.headers.get(HEADER, ""), path=path)


def _origin() -> str:
    return flask.request.host_url.rstrip("/")


# The seat page: where a machine is bound to its seat, and a candidate signs in, picks a paper and leaves.
#
# What is typed there is typed in haste, in any width of digits.

_MOST_TICKET = 20


def sign_in_input(form: Mapping[str, str]) -> SignInInput:
    """Return what was typed to sign in.

    Raise InvalidInput("door.ticket"), ("door.document_length") or ("door.code_length").
    """
    ticket = _plain(form.get("ticket", ""))
    if not (ticket.isascii() and ticket.isalnum() and len(ticket) <= _MOST_TICKET):
        raise InvalidInput("door.ticket", field="ticket")
    by: Literal["document", "code"] = "code" if form.get("by") == "code" else "document"
    secret = _plain(form.get(by, ""))
    if len(secret) != 6:
        raise InvalidInput(f"door.{by}_length", field=by)
    return SignInInput(ticket, by, secret)


def seat_number(form: Mapping[str, str]) -> int:
    """Return the 机位号 that was typed; raise InvalidInput("seat.number_text")."""
    text = _plain(form.get("number", ""))
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise InvalidInput("seat.number_text", field="number")
    return int(text)


def undelivered_count(body: object) -> int:
    """Return how many answers a machine says it still holds; raise InvalidInput("seat.undelivered")."""
    count = body.get("count") if isinstance(body, dict) else None
    if not isinstance(count, int) or isinstance(count, bool):
        raise InvalidInput("seat.undelivered", field="count")
    return count


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text[:80]).split())


CHOICE_LIFE = timedelta(minutes=2)
_CHOICE = "door_choice"


def keep_choice(registration_refs: Sequence[str], *, now: datetime) -> None:
    """Keep the registrations a sign-in has just proved, for `CHOICE_LIFE`. Source: R-14."""
    flask.session[_CHOICE] = {"refs": list(registration_refs), "until": to_micros(now + CHOICE_LIFE)}


def kept_choice(*, now: datetime) -> list[str]:
    """Return the registrations to choose from; raise Gone("door.choice_over") when there is no choice now."""
    kept = flask.session.get(_CHOICE)
    if not kept or now >= from_micros(kept["until"]):
        raise Gone("door.choice_over")
    return list(kept["refs"])


pages = flask.Blueprint("door", __name__)


@pages.get("/")
@access.public
def seat_page() -> Reply:
    """The seat: room and 机位号 in large, and signing in; an unbound machine asks for its seat."""
    former = _former()
    if former and service.paper_is_closed(former.subject_id):
        service.leave(former.login_session_id, now=flask.g.now)
        return _seat_left()
    return _seat_page()


@pages.get("/seat/state")
@access.public
def seat_state() -> Reply:
    """Tell an open seat page the server's instant, and by a digest whether it would be another page by now."""
    seat = service.seat_view(current_machine(), now=flask.g.now)
    return {"now": flask.g.now.isoformat(), "tag": _tag(seat, _former())}


@pages.post("/seat/bind")
@lanes.takes_turns
@access.public
def bind() -> Reply:
    """Bind this machine to a seat by the proctor's room code (R-16)."""
    form = flask.request.form
    try:
        seats.bind(
            number=seat_number(form),  # read first: an unreadable number issues no token to the machine
            machine=current_machine(issue=True),
            room_code=form.get("room_code", "")[:20],
            now=flask.g.now,
        )
    except CbtError as error:
        return _seat_page(bind_refused=shown_refusal(error))
    return flask.redirect(flask.url_for("door.seat_page"), 303)


@pages.post("/seat/undelivered")
@lanes.takes_turns
@access.public
def undelivered() -> Reply:
    """Take the number of answers of former candidates this machine still holds (R-16)."""
    report_undelivered(machine=current_machine(), count=undelivered_count(sent_json()), now=flask.g.now)
    return flask.Response(status=204)


@pages.post("/sign-in")
@lanes.takes_turns
@access.public
def sign_in_here() -> Reply:
    """Sign in with the ticket and the end of the document, or the ticket and a 登录码 (R-14)."""
    try:
        entry = sign_in_input(flask.request.form)
        insist()
        outcome = sign_in.sign_in(
            entry,
            machine=current_machine(issue=True),
            now=flask.g.now,
            former_login_id=held_login(),
            unbound=_unbound_may(),
        )
    except CbtError as error:
        return _seat_page(sign_in_refused=shown_refusal(error))
    if isinstance(outcome, PaperChoice):
        keep_choice(outcome.registration_refs, now=flask.g.now)
        return flask.redirect(flask.url_for("door.choose"), 303)
    return _welcome(outcome)


@pages.get("/sign-in/paper")
@access.public
def choose() -> Reply:
    """Ask which of two open papers to begin (R-14)."""
    options = service.paper_options(kept_choice(now=flask.g.now))
    return flask.render_template("door/choose.html", options=options)


@pages.post("/sign-in/paper")
@lanes.takes_turns
@access.public
def chosen() -> Reply:
    """Sign in to the paper picked."""
    allowed = kept_choice(now=flask.g.now)
    try:
        insist()
        outcome = sign_in.choose(
            flask.request.form.get("paper", ""),
            allowed=allowed,
            machine=current_machine(issue=True),
            now=flask.g.now,
            former_login_id=held_login(),
            unbound=_unbound_may(),
        )
    except CbtError as error:
        return _seat_page(sign_in_refused=shown_refusal(error))
    return _welcome(outcome)


@pages.post("/exam/leave")
@lanes.takes_turns
@access.public
def leave() -> Reply:
    """Leave the seat: the login of this browser ends; without one there is nothing to end."""
    if former := _former():
        service.leave(former.login_session_id, now=flask.g.now)
    return _seat_left()


def _seat_page(
    *, sign_in_refused: Refusal = NOTHING_REFUSED, bind_refused: Refusal = NOTHING_REFUSED
) -> Reply:
    seat, former = service.seat_view(current_machine(), now=flask.g.now), _former()
    page = flask.render_template(
        "door/seat.html",
        seat=seat,
        unbound_may=_unbound_may(),
        signed_in=former,
        now=flask.g.now,
        tag=_tag(seat, former),
        over=former is None and bool(flask.request.args.get("over")) and not sign_in_refused.what,
        sign_in_refused=sign_in_refused,
        bind_refused=bind_refused,
    )
    return page, max(sign_in_refused.code, bind_refused.code)


def _tag(seat: SeatPage | None, former: Principal | None) -> str:
    """Return a digest of what a seat page says, but for what it reported itself."""
    shown_seat = None if seat is None else replace(seat, undelivered=0)
    return hashlib.sha256(repr((shown_seat, former and former.subject_ref)).encode()).hexdigest()[:16]


def shown_refusal(error: CbtError) -> Refusal:
    # Tries at a seat are counted where they are guesses; whoever is signed in at this browser made none.
    return refusal(error, on_record=False)


def _unbound_may() -> bool:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    return settings.unbound_sign_in


def _former() -> Principal | None:
    """Return the candidate whose login this browser still holds."""
    principal = current_principal()
    return principal if principal and principal.kind == "candidate" else None


def _welcome(outcome: SeatSignIn) -> Reply:
    remember(outcome.token)
    return to_page("confirm")


def _seat_left() -> Reply:
    forget()
    return flask.redirect(flask.url_for("door.seat_page"), 303)


def to_page(step: str) -> Reply:
    return flask.redirect(flask.url_for(f"door.{step}"), 303)


@pages.get("/exam/confirm")
@access.candidate
def confirm() -> Reply:
    """信息确认: photo, masked number, seat and paper; held while a proctor is to compare."""
    return _at_step("confirm", lambda view: _confirm_page(view, NOTHING_REFUSED))


def _at_step(step: str, page: Callable[[DoorView], Reply]) -> Reply:
    """Show the page of a step to whoever is at it; lead anybody else to theirs."""
    view = service.door_view(signed_in().subject_id)
    return page(view) if view.step == step else to_page(view.step)


def _confirm_page(view: DoorView, refused: Refusal) -> Reply:
    sent = flask.request.form.getlist("about")
    return form_page(
        "door/confirm.html", refused, view=view, about=QUERY_ABOUT, sent=sent, longest=LONGEST_QUERY
    )


@pages.post("/exam/confirm")
@lanes.takes_turns
@access.candidate
def confirmed() -> Reply:
    """信息无误."""
    service.confirm(signed_in().subject_id, now=flask.g.now)
    return to_page("notice")


@pages.post("/exam/query")
@lanes.takes_turns
@access.candidate
def query() -> Reply:
    """信息有误，请监考员核对: say what is wrong, alert the board and hold."""
    form, mine = flask.request.form, signed_in().subject_id
    try:
        questioned = read_said(form.getlist("about"), form.get("words", ""))
    except InvalidInput as error:
        return _confirm_page(service.door_view(mine), shown_refusal(error))
    service.raise_query(mine, questioned, now=flask.g.now)
    return to_page("confirm")


@pages.post("/exam/query/withdraw")
@lanes.takes_turns
@access.candidate
def withdraw_query() -> Reply:
    """Take 信息有误 back; the page asks again whether all is right."""
    service.withdraw_query(signed_in().subject_id, now=flask.g.now)
    return to_page("confirm")


@pages.get("/exam/query")
@access.candidate
def query_state() -> Reply:
    """The held part of the confirmation page, asked for again and again until a proctor clears it."""
    view = service.door_view(signed_in().subject_id)
    if view.queried_at is None:
        return flask.Response(status=204, headers={"HX-Redirect": flask.url_for("door.confirm")})
    return flask.render_template("door/_held.html", view=view)


@pages.get("/exam/notice")
@access.candidate
def notice() -> Reply:
    """考场须知 and 诚信承诺."""
    return _at_step("notice", lambda view: _notice_page(view, NOTHING_REFUSED))


def _notice_page(view: DoorView, refused: Refusal) -> Reply:
    return form_page("door/notice.html", refused, view=view)


@pages.post("/exam/notice")
@lanes.takes_turns
@access.candidate
def pledged() -> Reply:
    """我已阅读并同意."""
    principal = signed_in()
    try:
        agreed = flask.request.form.get("agree") == "1"
        service.pledge(principal.subject_id, agreed=agreed, now=flask.g.now)
    except InvalidInput as error:
        return _notice_page(service.door_view(principal.subject_id), shown_refusal(error))
    return to_page("wait")


@pages.get("/exam/wait")
@access.candidate
def wait() -> Reply:
    """候考: the time to the start by the server's clock; the page goes on by itself at 统一开考."""
    return _at_step("wait", lambda view: flask.render_template("door/wait.html", view=view, now=flask.g.now))


@pages.get("/exam/photo")
@access.candidate
def photo() -> Reply:
    mimetype, image = service.photo(signed_in().subject_id)
    return picture(mimetype, image)
