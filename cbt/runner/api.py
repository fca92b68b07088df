"""The JSON the answer page talks to. Saves carry a lease in a header of their own, so no CSRF token (R-41)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask

from cbt.errors import InvalidInput, Locked
from cbt.http.auth import access
from cbt.http.auth.login import machine_id, signed_in, token_hash
from cbt.http.forms import sent_json
from cbt.http.partials import Reply
from cbt.http.server.deferred import waits_for_a_commit
from cbt.runner.attempt_changes import confirm
from cbt.runner.clock_facts import windows_of
from cbt.runner.protocol import (
    TAKEN,
    Save,
    handed_in_text,
    read_entries,
    read_epoch,
    read_hand_in,
    read_place,
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
    paper_now,
    refused_reply,
    saved_reply,
    standing_reply,
)
from cbt.runner.save.guard import AttemptInfo
from cbt.runner.save.journal import current_journal
from cbt.runner.save.wire import NOT_TAKEN
from cbt.runner.start.batch import Start
from cbt.runner.start.reply import current_openings

pages = flask.Blueprint("attempts", __name__, url_prefix="/attempts")


@pages.post("/<ref>/start")
@waits_for_a_commit
@access.candidate
def start(ref: str) -> Reply:
    """Open the attempt for this browser: lease, clock, paper and everything answered so far.

    Plain starts were answered before they came here (runner/start/path.py).
    """
    try:
        if NOT_TAKEN in flask.request.environ:
            raise flask.request.environ[NOT_TAKEN]
        start = Start(ref, token_hash(signed_in().token), machine_id(), flask.g.now)
        return json_reply(current_openings().open(start, locale=page_locale()).text())
    except Locked as error:
        return standing_reply(ref, error)


@pages.post("/<ref>/answers")
@waits_for_a_commit
@access.lease
def answers(ref: str) -> Reply:
    """Append what the browser sends; 200 means it is on disk (R-40). No entries is a heartbeat.

    Plain saves were answered before they came here (runner/save/wire.py); this view takes and explains the rest.
    """
    if NOT_TAKEN in flask.request.environ:
        raise flask.request.environ[NOT_TAKEN]
    body = _body()
    journal = current_journal()
    info = journal.infos.get(ref)
    entries = read_entries(info, body.get("entries", []))
    now = flask.g.now
    place = read_place(info, body.get("at"))
    lease_hash, epoch = asking_lease(), read_epoch(body)
    saved = journal.save(Save(info.attempt_id, lease_hash, epoch, entries, now, machine_id(), place))
    return saved_reply(info, saved, now)


@pages.post("/<ref>/advance")
@access.lease
def advance(ref: str) -> Reply:
    """End a unit and return what is open then."""
    body, info, now = _body(), current_journal().infos.get(ref), flask.g.now
    moved = current_journal().leave_unit(read_unit_left(_sent(info, body), body))
    if moved.saved.outcome in TAKEN:
        clock = current_clock(info, moved.saved.guard, now)
        receipts, ahead = receipts_text(moved.saved), windows_text(moved.windows)
        paper = paper_now(ref, moved)
        return json_reply(f'{{"receipts":{receipts},"clock":{clock},"windows":{ahead},"paper":{paper}}}')
    return saved_reply(info, moved.saved, now)


@pages.post("/<ref>/submit")
@waits_for_a_commit
@access.lease
def submit(ref: str) -> Reply:
    """交卷 with the answers still unsent; a repeat returns the same receipt.

    Plain hand-ins were answered before they came here (runner/save/wire.py).
    """
    if NOT_TAKEN in flask.request.environ:
        raise flask.request.environ[NOT_TAKEN]
    body, info = _body(), current_journal().infos.get(ref)
    done = current_journal().hand_in(read_hand_in(_sent(info, body), body))
    if done.saved.outcome in TAKEN:
        return json_reply(handed_in_text(done, flask.url_for("delivery.done", ref=ref)))
    return saved_reply(info, done.saved, flask.g.now)


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


def _body() -> Mapping[str, Any]:
    body = sent_json()
    if not isinstance(body, Mapping):
        raise InvalidInput("web.bad_request")
    return body


def _sent(info: AttemptInfo, body: Mapping[str, Any]) -> Save:
    """Return the answers that come with an end."""
    return read_save(info, body, lease_hash=asking_lease(), machine=machine_id(), now=flask.g.now)
