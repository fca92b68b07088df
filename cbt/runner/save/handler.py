"""The address of an answer: POST /attempts/<ref>/answers, and /submit.

Nine of ten requests of an exam are saves, and towards its end everybody hands in. A save is idempotent (lease epoch
and sequence number), and a second 交卷 gets the receipt of the first.

Source: R-40, R-41.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, cast

import flask

from cbt.errors import InvalidInput
from cbt.http.app_context import path_of
from cbt.http.auth.machine import addresses_of
from cbt.http.request_log import BEAT
from cbt.http.server.hot_addresses import HandOn, HotHandler, HotRequest, OnPage, Result, json_response
from cbt.runner.protocol import (
    REFUSALS,
    TAKEN,
    HandedIn,
    HandIn,
    Outcome,
    Save,
    Saved,
    clock_text,
    handed_in_text,
    read_hand_in,
    read_place,
    read_save,
    receipts_text,
)
from cbt.runner.replies import saved_reply
from cbt.runner.save.attempt_row import AttemptInfo
from cbt.runner.save.journal import Journal
from cbt.storage.write_queue.group_commit import Told

SHORT_BODY = 16_384
"""No longer body is read by the loop itself."""


class PendingSave(NamedTuple):
    """What a request asks of the journal."""

    info: AttemptInfo
    request: Save | HandIn
    ref: str
    address: str | None
    by_view: bool

    @property
    def now(self) -> datetime:
        """When it came."""
        return (self.request.save if isinstance(self.request, HandIn) else self.request).now


class SaveHandler(HotHandler[PendingSave]):
    """Appends what the browser sends; 200 means it is on disk (R-40). No entries is a heartbeat."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._journal = cast(Journal, app.extensions["cbt_journal"])
        self._addresses = addresses_of(app)

    def read(self, request: HotRequest) -> PendingSave | Result:
        """Return the save; raise the refusals of what cannot be read, and of a lease that asks without end."""
        infos, raw = self._journal.infos, request.body()
        known = infos.known(request.ref)
        if request.at_once and (known is None or len(raw) > SHORT_BODY):
            return HandOn.TO_A_THREAD
        body = _read_object(raw)
        info = known or infos.get(request.ref)
        lease_hash = self._journal.spent_lease(request.environ, request.now)
        save = read_save(info, body, lease_hash=lease_hash, machine=request.machine, now=request.now)
        asked = self._asked(info, save, body, request)
        return PendingSave(info, asked, request.ref, request.environ.get("REMOTE_ADDR"), request.by_view)

    def _asked(
        self, info: AttemptInfo, save: Save, body: dict[str, Any], request: HotRequest
    ) -> Save | HandIn:
        save.place = read_place(info, body.get("at"))
        if not save.entries:
            request.environ[BEAT] = True
        return save

    def carry_out(self, pending: PendingSave) -> Saved | HandedIn:
        """Wait for the commit; raises as Journal.save and Journal.hand_in."""
        request = pending.request
        return self._journal.hand_in(request) if isinstance(request, HandIn) else self._journal.save(request)

    def ask(self, pending: PendingSave, on_commit: Told, kept: Any) -> None:
        """Have it written in the next group commit."""
        self._journal.ask(pending.request, on_commit, kept)

    def results(self, outcomes: Sequence[tuple[PendingSave, Any]], *, may_wait: bool) -> Sequence[Result]:
        """Return receipts and clock, the receipt of the paper, or why something was not taken."""
        return [self._result(pending, outcome, may_wait=may_wait) for pending, outcome in outcomes]

    def _result(self, pending: PendingSave, outcome: Saved | HandedIn, *, may_wait: bool) -> Result:
        saved = outcome.saved if isinstance(outcome, HandedIn) else outcome
        info, guard, now = pending.info, saved.guard, pending.now
        if saved.outcome is Outcome.STALE:
            return REFUSALS[Outcome.STALE]
        if saved.outcome is Outcome.OTHER_MACHINE and not pending.by_view:
            return HandOn.TO_THE_VIEW
        if isinstance(outcome, HandedIn) and saved.outcome in TAKEN:
            if may_wait:
                self._journal.follow(outcome)
            elif self._journal.has_to_follow(outcome):
                return HandOn.TO_A_THREAD
            text = handed_in_text(outcome, path_of(self._app, "delivery.done", ref=pending.ref))
        elif saved.outcome is Outcome.SAVED and not guard.has_message:
            text = f'{{"receipts":{receipts_text(saved)},"clock":{clock_text(info, guard, now=now)}}}'
        else:
            return OnPage(partial(saved_reply, info, saved, now))
        self._addresses.note(info.registration_ref, pending.address)
        return json_response(text)


class HandInHandler(SaveHandler):
    """交卷 with the answers still unsent; a repeat returns the same receipt."""

    def _asked(
        self, info: AttemptInfo, save: Save, body: dict[str, Any], request: HotRequest
    ) -> Save | HandIn:
        return read_hand_in(save, body)


def _read_object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise InvalidInput("web.bad_request")
    return body
