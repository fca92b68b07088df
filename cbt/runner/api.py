"""The JSON the answer page talks to. Saves carry a lease in a header of their own, so no CSRF token (R-41)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask

from cbt.errors import InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import machine_id
from cbt.http.forms import sent_json
from cbt.http.partials import Reply
from cbt.http.server.deferred import waits_for_a_commit
from cbt.http.server.hot_addresses import hot_reply
from cbt.runner.attempt_changes import confirm
from cbt.runner.clock_facts import windows_of
from cbt.runner.protocol import (
    TAKEN,
    Save,
    UnitEndResult,
    read_save,
    read_unit_left,
    receipts_text,
    windows_shown,
    windows_text,
)
from cbt.runner.replies import (
    asking_lease,
    clock_of,
    current_clock,
    json_reply,
    not_the_writer,
    page_locale,
    refused_reply,
    saved_reply,
)
from cbt.runner.save.attempt_row import AttemptInfo
from cbt.runner.save.journal import current_journal
from cbt.runner.start.handler import current_openings

pages = flask.Blueprint("attempts", __name__, url_prefix="/attempts")


@pages.post("/<ref>/start")
@waits_for_a_commit
@access.candidate
def start(ref: str) -> Reply:
    """Open the attempt for this browser (runner/start/handler.py)."""
    return hot_reply(ref)


@pages.post("/<ref>/answers")
@waits_for_a_commit
@access.lease
def answers(ref: str) -> Reply:
    """Append what the browser sends (runner/save/handler.py)."""
    return hot_reply(ref)


@pages.post("/<ref>/advance")
@access.lease
def advance(ref: str) -> Reply:
    """End a unit and return what is open then."""
    body, info, now = _body(), current_journal().infos.get(ref), flask.g.now
    moved = current_journal().leave_unit(read_unit_left(_sent(info, body), body))
    if moved.saved.outcome in TAKEN:
        clock = current_clock(info, moved.saved.guard, now)
        receipts, ahead = receipts_text(moved.saved), windows_text(moved.windows)
        paper = _paper_now(ref, moved)
        return json_reply(f'{{"receipts":{receipts},"clock":{clock},"windows":{ahead},"paper":{paper}}}')
    return saved_reply(info, moved.saved, now)


@pages.post("/<ref>/submit")
@waits_for_a_commit
@access.lease
def submit(ref: str) -> Reply:
    """交卷 (runner/save/handler.py)."""
    return hot_reply(ref)


@pages.get("/<ref>/clock")
@access.lease
def clock(ref: str) -> Reply:
    """Return the clock, for a page that slept; 409 when the lease is another browser's by now."""
    journal = current_journal()
    info = journal.infos.get(ref)
    guard = journal.peek(info.attempt_id)
    refused = not_the_writer(guard, asking_lease())
    if refused is not None:
        return refused_reply(refused, info, guard, flask.g.now)
    reply: dict[str, Any] = {"clock": clock_of(info, guard, flask.g.now)}
    if "windows" in flask.request.args:  # asked for when they moved: they follow from all facts of the clock
        reply["windows"] = windows_shown(windows_of(info.attempt_id, now=flask.g.now))
    return reply


@pages.post("/<ref>/messages/<int:message_id>/read")
@access.lease
def read_message(ref: str, message_id: int) -> Reply:
    """The candidate has read a reminder."""
    journal = current_journal()
    info = journal.infos.get(ref)
    guard = journal.peek(info.attempt_id)
    lease_hash = asking_lease()
    refused = not_the_writer(guard, lease_hash)
    if refused is not None:
        return refused_reply(refused, info, guard, flask.g.now)
    confirm(info, message_id, lease_hash=lease_hash, now=flask.g.now)
    return {"ok": True}


def _paper_now(ref: str, moved: UnitEndResult) -> str:
    """Return what is open now of the paper, as JSON."""
    if not moved.goes_on:
        return "null"
    info, form = current_journal().infos.read(ref)
    guard = moved.saved.guard
    return current_openings().papers.text(
        info, form, state=guard.state, open_unit=guard.open_unit, locale=page_locale()
    )


def _body() -> Mapping[str, Any]:
    body = sent_json()
    if not isinstance(body, Mapping):
        raise InvalidInput("web.bad_request")
    return body


def _sent(info: AttemptInfo, body: Mapping[str, Any]) -> Save:
    return read_save(info, body, lease_hash=asking_lease(), machine=machine_id(), now=flask.g.now)
