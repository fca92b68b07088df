"""The JSON with which an answer page raises its candidate's hand and remarks on an item; the lease is the key."""

from __future__ import annotations

from typing import Any

import flask

from cbt.errors import InvalidInput
from cbt.http.auth import access
from cbt.http.forms import sent_json
from cbt.http.partials import Reply
from cbt.proctoring.hands import hand_of, lower_hand, raise_hand, remark
from cbt.runner.replies import asking_lease, not_the_writer, refused_reply
from cbt.runner.save.attempt_row import AttemptInfo
from cbt.runner.save.journal import current_journal

pages = flask.Blueprint("hands", __name__, url_prefix="/attempts")


@pages.get("/<ref>/hand")
@access.lease
def hand(ref: str) -> Reply:
    """Return the latest hand of this paper, and what it was answered."""
    info, _lease_hash, refused = _asking(ref)
    return refused or hand_of(info)


@pages.post("/<ref>/hand")
@access.lease
def raising(ref: str) -> Reply:
    """举手."""
    info, lease_hash, refused = _asking(ref)
    body = _body()
    return refused or raise_hand(
        info,
        lease_hash=lease_hash,
        reason=str(body.get("reason", "")),
        position=_position(body),
        now=flask.g.now,
    )


@pages.post("/<ref>/hand/lower")
@access.lease
def lowering(ref: str) -> Reply:
    """放下."""
    info, lease_hash, refused = _asking(ref)
    return refused or lower_hand(info, lease_hash=lease_hash, now=flask.g.now)


@pages.post("/<ref>/remarks")
@access.lease
def remarking(ref: str) -> Reply:
    """题目有疑问."""
    info, lease_hash, refused = _asking(ref)
    body = _body()
    text = body.get("text", "")
    if not isinstance(text, str):
        raise InvalidInput("web.bad_request")
    return refused or {
        "place": remark(info, lease_hash=lease_hash, position=_position(body), text=text, now=flask.g.now)
    }


def _asking(ref: str) -> tuple[AttemptInfo, str, Reply | None]:
    """Return whose paper it is, the lease that asks, and why not where that is not the writing browser's."""
    journal = current_journal()
    info = journal.infos.get(ref)
    guard = journal.peek(info.attempt_id)
    lease_hash = asking_lease()
    outcome = not_the_writer(guard, lease_hash)
    refused = None if outcome is None else refused_reply(outcome, info, guard, flask.g.now)
    return info, lease_hash, refused


def _body() -> dict[str, Any]:
    body = sent_json()
    if not isinstance(body, dict):
        raise InvalidInput("web.bad_request")
    return body


def _position(body: dict[str, Any]) -> int | None:
    position = body.get("position")
    return position if isinstance(position, int) and not isinstance(position, bool) else None
