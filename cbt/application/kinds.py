"""What kind of request each endpoint answers: a kind has one latency that somebody can expect of it."""

from __future__ import annotations

from collections.abc import Mapping

import flask

from cbt.web.watching.counted import NO_ENDPOINT
from cbt.web.who.access import access_of

ANSWERS = "attempts.answers"
BEATS = "attempts.beat"
"""What a save without answers is counted under: it is the page's heartbeat."""
OTHER = "other"
KINDS: Mapping[str, str] = {
    ANSWERS: "save",
    BEATS: "beat",
    "attempts.clock": "beat",
    "delivery.held": "beat",
    "attempts.start": "start",
    "attempts.submit": "hand_in",
    "attempts.advance": "hand_in",
    "door.sign_in_here": "sign_in",
    "door.chosen": "sign_in",
    "accounts.sign_in_now": "sign_in",
    "accounts.sign_in_again": "sign_in",
    "accounts.factors.code_now": "sign_in",
    "proctoring.board": "board",
    "proctoring.live": "board",
    "assets.static_file": "static",
}
"""The kinds of single endpoints."""
_BY_ACCESS = {"staff": "staff", "candidate": "candidate", "lease": "candidate", "signed_in": "static"}
_BY_ROOM = {"door": "candidate", "results": "candidate", "accounts": "staff"}
"""Of the pages that everybody may open."""


def kinds_of(app: flask.Flask) -> dict[str, str]:
    """Return the kind of every endpoint of `app`, of heartbeats, and of what leads nowhere."""
    found = {endpoint: _kind(app, endpoint) for endpoint in sorted(app.view_functions)}
    return found | {BEATS: KINDS[BEATS], NO_ENDPOINT: OTHER}


def _kind(app: flask.Flask, endpoint: str) -> str:
    if endpoint in KINDS:
        return KINDS[endpoint]
    access = access_of(app, endpoint)
    if access is None or access.kind == "public":
        return _BY_ROOM.get(endpoint.partition(".")[0], OTHER)
    return _BY_ACCESS[access.kind]
