"""Reads what a browser sends at an end, and writes what it is told; for the short way and for the view."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cbt.delivery.clock_json import quoted, receipts_text
from cbt.delivery.close.exchange import HandedIn, HandIn, UnitLeft
from cbt.delivery.save.entries import read_entries, read_epoch
from cbt.delivery.save.exchange import Save
from cbt.delivery.save.guard import AttemptInfo
from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json

FARTHEST_CLOCK = timedelta(days=1)
"""How far a machine's clock may be off before what it says of a moment is worth nothing."""


def read_save(
    info: AttemptInfo, body: Mapping[str, Any], *, lease_hash: str, machine: str, now: datetime
) -> Save:
    """Return the answers that come along; raises as `read_entries` and `read_epoch`."""
    entries = read_entries(info, body.get("entries", []))
    return Save(info.attempt_id, lease_hash, read_epoch(body), entries, now, machine)


def read_hand_in(save: Save, body: Mapping[str, Any]) -> HandIn:
    """Return a 交卷 with the answers that come along."""
    return HandIn(save, _pressed_at(body.get("pressed_at"), save.now))


def read_unit_left(save: Save, body: Mapping[str, Any]) -> UnitLeft:
    """Return the end of a unit; raise InvalidInput("web.bad_request") for what names none."""
    from_unit = body.get("from_unit")
    if not isinstance(from_unit, int) or isinstance(from_unit, bool) or not 0 <= from_unit < 2**31:
        raise InvalidInput("web.bad_request")
    return UnitLeft(save, from_unit, body.get("completed") is True)


def _pressed_at(raw: object, now: datetime) -> datetime:
    """The moment pressed as the browser says; it is only kept on record, so a wrong one is the server's."""
    try:
        pressed_at = datetime.fromisoformat(raw) if isinstance(raw, str) else now
    except ValueError:
        return now
    if pressed_at.tzinfo is None or abs(pressed_at - now) > FARTHEST_CLOCK:
        return now
    return pressed_at


def handed_in_text(done: HandedIn, done_url: str) -> str:
    """Return, as JSON, the receipt and where to go now."""
    return (
        f'{{"receipt":{canonical_json(done.receipt)},"closed_at":{quoted(done.closed_at)},'
        f'"receipts":{receipts_text(done.saved)},"done_url":{canonical_json(done_url)}}}'
    )
