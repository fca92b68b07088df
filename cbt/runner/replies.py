"""Replies to the answer page: which lease a request brings, and saves, refusals, clock and paper as JSON.

Source: R-41, R-42.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import flask
import flask_babel
from sqlalchemy import select

from cbt.candidates.models import Registration
from cbt.errors import Locked
from cbt.http.auth import access
from cbt.http.auth.login import machine_id
from cbt.http.auth.machine import addresses_of, is_elsewhere
from cbt.http.partials import Reply
from cbt.http.problems import http_status, problem_body
from cbt.rules.canonical import canonical_json
from cbt.rules.states import State
from cbt.runner.attempt_changes import deliver
from cbt.runner.news.entries import STANDS, Halt, Teller, place_of
from cbt.runner.protocol import REFUSALS, Outcome, Saved, clock_text, receipts_text
from cbt.runner.save.attempt_row import AttemptInfo, Guard
from cbt.runner.save.journal import current_journal
from cbt.sittings.models import Seat
from cbt.storage.unit_of_work import reading


def asking_lease() -> str:
    """Return the hash of the lease that the present request brings; raise as Journal.spent_lease."""
    return current_journal().spent_lease(flask.request.environ, flask.g.now)


def not_the_writer(guard: Guard, lease_hash: str) -> Outcome | None:
    """Return why a request with this lease is not that of the writing browser, or None when it is (R-42)."""
    if guard.lease_hash != lease_hash:
        return Outcome.LEASE_LOST
    return Outcome.OTHER_MACHINE if is_elsewhere(guard.lease_machine, machine_id()) else None


def saved_reply(info: AttemptInfo, saved: Saved, now: datetime) -> Reply:
    """Return what became of a save: its receipts and the clock, or why it was not taken."""
    if saved.outcome is Outcome.SAVED:
        addresses_of(flask.current_app).note(info.registration_ref, flask.request.remote_addr)
        return {"receipts": receipts_of(saved), "clock": clock_of(info, saved.guard, now)}
    return refused_reply(saved.outcome, info, saved.guard, now, receipts=receipts_of(saved))


def refused_reply(
    outcome: Outcome,
    info: AttemptInfo,
    guard: Guard,
    now: datetime,
    *,
    receipts: list[dict[str, Any]] | None = None,
) -> Reply:
    """Return why a save was not taken, with the clock and what is on disk already.

    A lost lease is told nothing but, where another machine has it by 换机, at which seat the paper is now (R-42).
    """
    clock = {} if outcome is Outcome.LEASE_LOST else clock_of(info, guard, now)
    evacuated = outcome is Outcome.SUSPENDED and clock["evacuated"]
    error = Locked("attempt.evacuated") if evacuated else REFUSALS[outcome]
    body = problem_body(error)
    if outcome is Outcome.LEASE_LOST and is_elsewhere(guard.lease_machine, machine_id()):
        body["moved_to"] = seat_now(info)
    elif outcome is Outcome.OTHER_MACHINE:
        access.tell_elsewhere(info.registration_ref)
    elif clock:
        body["clock"] = clock
        body["receipts"] = receipts or []
    return flask.jsonify(body), http_status(error)


def seat_now(info: AttemptInfo) -> str:
    """Return the 机位号 at which a candidate sits now."""
    of_whom = select(Seat.number).join(Registration, Registration.seat_id == Seat.id)
    with reading() as session:
        number = session.scalars(of_whom.where(Registration.ref == info.registration_ref)).one()
    return f"{number:02d}"


def receipts_of(saved: Saved) -> list[dict[str, Any]]:
    receipts: list[dict[str, Any]] = json.loads(receipts_text(saved))
    return receipts


def clock_of(info: AttemptInfo, guard: Guard, now: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(current_clock(info, guard, now))
    return shown


def current_clock(info: AttemptInfo, guard: Guard, now: datetime) -> str:
    """Return the clock as JSON, with the reminders that wait, and why there is no paper to see."""
    # Nobody sits there to read a reminder while the candidate is out of the room: it waits.
    waits = guard.has_message and guard.left_at is None
    messages = deliver(info, now) if waits else "[]"
    standing = standing_of(info, guard)
    evacuated = standing is not None and standing.kind == STANDS["room.evacuate"]
    standing_text = "null" if standing is None else canonical_json(standing.told)
    return clock_text(info, guard, now=now, messages=messages, evacuated=evacuated, standing=standing_text)


def standing_of(info: AttemptInfo, guard: Guard) -> Halt | None:
    """Return why there is no paper to see for an attempt; None while there is, and nothing is asked then."""
    if guard.state != State.SUSPENDED and guard.left_at is None and not guard.over:
        return None
    with reading() as session:
        return Teller(session, place_of(session, info.attempt_id)).standing(info, guard)


def standing_reply(ref: str, error: Locked) -> Reply:
    """Return why a start was refused that will be taken later, with who did what and why."""
    journal = current_journal()
    info = journal.infos.get(ref)
    standing = standing_of(info, journal.peek(info.attempt_id))
    body = {**problem_body(error), "standing": None if standing is None else standing.told}
    return flask.jsonify(body), http_status(error)


def page_locale() -> str:
    return str(flask_babel.get_locale())


def json_reply(text: str) -> Reply:
    return flask.Response(text, content_type="application/json")
