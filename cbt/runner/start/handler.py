"""The address of a start: POST /attempts/<ref>/start.

When the proctor starts a room everybody sends this request in the same second: the attempts of a batch are opened
and their papers read together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import flask

from cbt.errors import CbtError, Locked
from cbt.http.responses import unpacks
from cbt.http.server.hot_addresses import (
    HandOn,
    HotHandler,
    HotRequest,
    HotResponse,
    OnPage,
    Result,
    json_response,
)
from cbt.runner.replies import standing_reply
from cbt.runner.start.batch import Opened, Start
from cbt.runner.start.reply import OpenedReply, Openings, StartRequest
from cbt.storage.write_queue.group_commit import Told

_PACKED = [
    ("Content-Type", "application/json"),
    ("Vary", "Cookie, Accept-Encoding"),
    ("Content-Encoding", "gzip"),
]


class StartHandler(HotHandler[StartRequest]):
    """Opens the attempt for this browser: lease, clock, paper and everything answered so far."""

    def __init__(self, app: flask.Flask) -> None:
        self._openings = cast(Openings, app.extensions["cbt_openings"])

    def read(self, request: HotRequest) -> StartRequest | Result:
        """Return the start; the loop leaves it to a thread where the end of the log would have to be read."""
        login = request.login
        start = Start(request.ref, login.token_hash, request.machine, request.now)
        packs = unpacks(request.environ.get("HTTP_ACCEPT_ENCODING"))
        if request.at_once:
            return self._openings.promised(start, login.locale, packs=packs) or HandOn.TO_A_THREAD
        return self._openings.asked(start, login.locale, packs=packs)

    def carry_out(self, pending: StartRequest) -> Opened | CbtError:
        """Wait for the commit; return why the paper is not opened, or raise Unavailable."""
        return self._openings.open(pending.start)

    def ask(self, pending: StartRequest, on_commit: Told, kept: Any) -> None:
        """Have it carried out in the next group commit."""
        self._openings.ask(pending.start, on_commit, kept)

    def results(self, outcomes: Sequence[tuple[StartRequest, Any]], *, may_wait: bool) -> Sequence[Result]:
        """Return the papers that lie there packed; to join one takes a thread longer."""
        if may_wait:
            return [_response(asked, self._openings.reply(asked, opened)) for asked, opened in outcomes]
        replies = self._openings.replies(outcomes)
        return [
            HandOn.TO_A_THREAD if reply is None else _response(asked, reply)
            for (asked, _), reply in zip(outcomes, replies, strict=True)
        ]

    def refused(self, ref: str, error: CbtError) -> Result:
        """Return why a paper is not opened; who is told to wait hears who did what."""
        return OnPage(partial(standing_reply, ref, error)) if isinstance(error, Locked) else error


def _response(request: StartRequest, reply: OpenedReply) -> HotResponse:
    if request.packs:
        return HotResponse(_PACKED, reply.packed())
    return json_response(reply.text(), ("Vary", "Cookie"))
