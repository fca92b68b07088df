"""The JSON the answer page talks to. Saves carry a lease in a header of their own, so no CSRF token (R-41)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import flask
import flask_babel

from cbt.db.unit_of_work import reading
from cbt.delivery.clock_json import clock_text, iso, receipts_text
from cbt.delivery.close import service
from cbt.delivery.messages import confirm, deliver
from cbt.delivery.save.entries import read_entries
from cbt.delivery.save.exchange import Outcome, Save, Saved
from cbt.delivery.save.guard import AttemptInfo, Guard, hash_lease
from cbt.delivery.save.journal import current_journal
from cbt.delivery.save.wire import NOT_TAKEN
from cbt.delivery.start.claims import Start
from cbt.delivery.start.reply import current_openings
from cbt.delivery.store import is_evacuated
from cbt.errors import Conflict, Gone, InvalidInput, Locked, NotAllowed, TooLarge, Unavailable
from cbt.rules.states.attempt import State
from cbt.web.problems import http_status, problem_body
from cbt.web.who import access
from cbt.web.who.login import current_principal, machine_id, token_hash
from cbt.web.who.machine import is_elsewhere

pages = flask.Blueprint("attempts", __name__, url_prefix="/attempts")
Reply = flask.typing.ResponseReturnValue

LEASE_HEADER = "X-CBT-Lease"
FARTHEST_CLOCK = timedelta(days=1)
"""How far a machine's clock may be off before what it says of a moment is worth nothing."""
REFUSALS = {
    Outcome.LEASE_LOST: Conflict("lease.lost"),
    Outcome.OTHER_MACHINE: NotAllowed("machine.other"),
    Outcome.SUSPENDED: Locked("attempt.suspended"),
    Outcome.AWAY: Locked("attempt.away"),
    Outcome.FULL: TooLarge("attempt.full"),
    Outcome.CLOSED: Gone("attempt.closed"),
    Outcome.UNIT_CLOSED: Gone("unit.closed"),
    Outcome.STALE: Unavailable("request.stale"),
}


@pages.post("/<ref>/start")
@access.candidate
def start(ref: str) -> Reply:
    """Open the attempt for this browser: lease, clock, paper and everything answered so far.

    Plain starts were answered before they came here (start_path.py).
    """
    principal = current_principal()
    if principal is None:
        raise NotAllowed("web.signed_out")
    if NOT_TAKEN in flask.request.environ:
        raise flask.request.environ[NOT_TAKEN]
    start = Start(ref, token_hash(principal.token), machine_id(), flask.g.now)
    return _json(current_openings().open(start, locale=_locale()))


@pages.post("/<ref>/answers")
@access.lease
def answers(ref: str) -> Reply:
    """Append what the browser sends; 200 means it is on disk (R-40). No entries is a heartbeat.

    Plain saves were answered before they came here (wire.py); this view takes and explains the rest.
    """
    if NOT_TAKEN in flask.request.environ:
        raise flask.request.environ[NOT_TAKEN]
    body = _body()
    journal = current_journal()
    info = journal.infos.get(ref)
    entries = read_entries(info, body.get("entries", []))
    now = flask.g.now
    saved = journal.save(Save(info.attempt_id, _lease(), _epoch(body), entries, now, machine_id()))
    return _saved_reply(info, saved, now)


@pages.post("/<ref>/advance")
@access.lease
def advance(ref: str) -> Reply:
    """End a unit and return what is open then."""
    body = _body()
    info = current_journal().infos.get(ref)
    from_unit = body.get("from_unit")
    if not isinstance(from_unit, int) or isinstance(from_unit, bool) or not 0 <= from_unit < 2**31:
        raise InvalidInput("web.bad_request")
    now = flask.g.now
    moved = service.advance_unit(
        info,
        lease_hash=_lease(),
        machine=machine_id(),
        epoch=_epoch(body),
        from_unit=from_unit,
        completed=body.get("completed") is True,
        entries=read_entries(info, body.get("entries", [])),
        now=now,
    )
    if moved.saved.outcome in (Outcome.SAVED, Outcome.UNIT_CLOSED):
        clock = _clock_text(info, moved.saved.guard, now)
        receipts = receipts_text(moved.saved)
        return _json(f'{{"receipts":{receipts},"clock":{clock},"paper":{_paper(ref, moved)}}}')
    return _saved_reply(info, moved.saved, now)


@pages.post("/<ref>/submit")
@access.lease
def submit(ref: str) -> Reply:
    """交卷 with the answers still unsent; a repeat returns the same receipt."""
    body = _body()
    info = current_journal().infos.get(ref)
    now = flask.g.now
    done = service.submit_attempt(
        info,
        lease_hash=_lease(),
        machine=machine_id(),
        epoch=_epoch(body),
        entries=read_entries(info, body.get("entries", [])),
        pressed_at=_instant(body.get("pressed_at"), now),
        now=now,
    )
    if done.saved.outcome in (Outcome.SAVED, Outcome.UNIT_CLOSED):
        return {
            "receipt": done.receipt,
            "closed_at": iso(done.closed_at),
            "receipts": _receipts(done.saved),
            "done_url": flask.url_for("delivery.done", ref=ref),
        }
    return _saved_reply(info, done.saved, now)


@pages.get("/<ref>/clock")
@access.lease
def clock(ref: str) -> Reply:
    """Return the clock, for a page that slept; 409 when the lease is another browser's by now."""
    info = current_journal().infos.get(ref)
    guard = read_guard(info)
    refused = _not_the_writer(guard)
    if refused is not None:
        return _refused(refused, info, guard, flask.g.now)
    return {"clock": _clock(info, guard, flask.g.now)}


@pages.post("/<ref>/messages/<int:message_id>/read")
@access.lease
def read_message(ref: str, message_id: int) -> Reply:
    """The candidate has read a reminder."""
    info = current_journal().infos.get(ref)
    guard = read_guard(info)
    refused = _not_the_writer(guard)
    if refused is not None:
        return _refused(refused, info, guard, flask.g.now)
    confirm(info, message_id, lease_hash=_lease(), now=flask.g.now)
    return {"ok": True}


def _not_the_writer(guard: Guard) -> Outcome | None:
    """Return why this request is not that of the writing browser, or None when it is (R-42)."""
    if guard.lease_hash != _lease():
        return Outcome.LEASE_LOST
    return Outcome.OTHER_MACHINE if is_elsewhere(guard.lease_machine, machine_id()) else None


def read_guard(info: AttemptInfo) -> Guard:
    """Return the attempt's row as it is now."""
    journal = current_journal()
    with reading() as session:
        cursor = session.connection().connection.cursor()
        guard = journal.dialect.peek_guard(cursor, info.attempt_id)
        cursor.close()
    return guard


def _body() -> Mapping[str, Any]:
    try:
        body = flask.request.get_json(silent=True)
    except RecursionError as error:  # deeper than anything a page sends
        raise InvalidInput("web.bad_request") from error
    if not isinstance(body, Mapping):
        raise InvalidInput("web.bad_request")
    return body


def _lease() -> str:
    token = flask.request.headers.get(LEASE_HEADER, "")
    if not token:
        raise NotAllowed("lease.missing")
    lease_hash = hash_lease(token)
    current_journal().rate.spend(lease_hash, flask.g.now)
    return lease_hash


def _epoch(body: Mapping[str, Any]) -> int:
    epoch = body.get("epoch")
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 0 <= epoch < 2**31:
        raise InvalidInput("web.bad_request")
    return epoch


def _instant(raw: object, now: datetime) -> datetime:
    """The moment pressed as the browser says; it is only kept on record, so a wrong one is the server's."""
    try:
        pressed_at = datetime.fromisoformat(raw) if isinstance(raw, str) else now
    except ValueError:
        return now
    if pressed_at.tzinfo is None or abs(pressed_at - now) > FARTHEST_CLOCK:
        return now
    return pressed_at


def _saved_reply(info: AttemptInfo, saved: Saved, now: datetime) -> Reply:
    if saved.outcome is Outcome.SAVED:
        return {"receipts": _receipts(saved), "clock": _clock(info, saved.guard, now)}
    return _refused(saved.outcome, info, saved.guard, now, receipts=_receipts(saved))


def _refused(
    outcome: Outcome,
    info: AttemptInfo,
    guard: Guard,
    now: datetime,
    *,
    receipts: list[dict[str, Any]] | None = None,
) -> Reply:
    clock = {} if outcome is Outcome.LEASE_LOST else _clock(info, guard, now)
    evacuated = outcome is Outcome.SUSPENDED and clock["evacuated"]
    error = Locked("attempt.evacuated") if evacuated else REFUSALS[outcome]
    body = problem_body(error)
    if outcome is Outcome.OTHER_MACHINE:
        access.tell_elsewhere(info.registration_ref)
    elif clock:
        body["clock"] = clock
        body["receipts"] = receipts or []
    return flask.jsonify(body), http_status(error)


def _receipts(saved: Saved) -> list[dict[str, Any]]:
    receipts: list[dict[str, Any]] = json.loads(receipts_text(saved))
    return receipts


def _clock(info: AttemptInfo, guard: Guard, now: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(_clock_text(info, guard, now))
    return shown


def _clock_text(info: AttemptInfo, guard: Guard, now: datetime) -> str:
    # Nobody sits there to read a reminder while the candidate is out of the room: it waits.
    waits = guard.has_message and guard.left_at is None
    messages = deliver(info, now) if waits else "[]"
    evacuated = guard.state == State.SUSPENDED and is_evacuated(info.attempt_id)
    return clock_text(info, guard, now=now, messages=messages, evacuated=evacuated)


def _paper(ref: str, moved: service.Moved) -> str:
    """What is open now of the paper, as JSON."""
    if not moved.goes_on:
        return "null"
    info, form = current_journal().infos.read(ref)
    guard = moved.saved.guard
    return current_openings().papers.text(
        info, form, state=guard.state, open_unit=guard.open_unit, locale=_locale()
    )


def _locale() -> str:
    return str(flask_babel.get_locale())


def _json(text: str) -> Reply:
    return flask.Response(text, content_type="application/json")
