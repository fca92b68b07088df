"""The seat page: where a machine is bound to its seat, and a candidate signs in, picks a paper and leaves.

What is typed there is typed in haste, in any width of digits.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import flask

from cbt.config import Settings
from cbt.door import kiosk_views as kiosk
from cbt.door import page_data, seats, service, sign_in
from cbt.door.page_data import SeatPage
from cbt.door.seats import report_undelivered
from cbt.door.sign_in import PaperChoice, SeatSignIn, SignInInput
from cbt.errors import CbtError, Gone, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import Principal, current_principal, forget, held_login, remember
from cbt.http.auth.machine import current_machine
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal, sent_json
from cbt.http.partials import Reply
from cbt.http.server import lanes
from cbt.storage.types import from_micros, to_micros

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
    if former and page_data.paper_is_closed(former.subject_id):
        service.leave(former.login_session_id, now=flask.g.now)
        return _seat_left()
    return _seat_page()


@pages.get("/seat/state")
@access.public
def seat_state() -> Reply:
    """Tell an open seat page the server's instant, and by a digest whether it would be another page by now."""
    seat = page_data.seat_view(current_machine(), now=flask.g.now)
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
        kiosk.insist()
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
    options = page_data.paper_options(kept_choice(now=flask.g.now))
    return flask.render_template("door/choose.html", options=options)


@pages.post("/sign-in/paper")
@lanes.takes_turns
@access.public
def chosen() -> Reply:
    """Sign in to the paper picked."""
    allowed = kept_choice(now=flask.g.now)
    try:
        kiosk.insist()
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
    seat, former = page_data.seat_view(current_machine(), now=flask.g.now), _former()
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
    told = None if seat is None else replace(seat, undelivered=0)
    return hashlib.sha256(repr((told, former and former.subject_ref)).encode()).hexdigest()[:16]


def shown_refusal(error: CbtError) -> Refusal:
    """Return what a form of the door shows of an error."""
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
    """Lead to one of the pages between the seat and the paper."""
    return flask.redirect(flask.url_for(f"door.{step}"), 303)
