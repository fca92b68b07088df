"""The 作答恢复文件 of a machine where nobody has the secret: the records as the browser kept them.

A page seals each answer that waits under a half of its lease's secret before it lies on the machine
(its script sealing.js), and the secret is kept in the page's memory only. So the seat page, or a page that was
loaded again, can hand the records out and read none of them. What holds for a file that a page sealed holds here
for each record; that none was left out, nothing shows.

Source: R-16, R-29.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cbt.delivery.recovery.file import (
    MAX_ENTRIES,
    MAX_RECEIPTS,
    FiledAnswer,
    Recovery,
    instant,
    part,
    stream,
    text,
    whole,
)
from cbt.errors import InvalidInput

FORMAT = "cbt-recovery-2"
KIND = "answer"
_MARK = "cbt-outbox-1"


@dataclass(frozen=True, slots=True)
class Record:
    """One answer as it lay in the browser: what it is about in clear, what was written in `body`."""

    key: str
    epoch: int
    seq: int
    position: int
    nonce: str
    body: str
    mac: str

    def signed(self, attempt_ref: str) -> bytes:
        """Return what the page authenticated."""
        parts = (
            _MARK,
            attempt_ref,
            self.epoch,
            self.key,
            self.seq,
            KIND,
            self.position,
            self.nonce,
            self.body,
        )
        return "|".join(map(str, parts)).encode()


@dataclass(frozen=True, slots=True)
class Shelf:
    """A file whose records are still to be opened: what it says about itself in clear."""

    attempt_ref: str
    made_at: datetime
    records: tuple[Record, ...]

    @property
    def epoch(self) -> int:
        """The latest lease that something in it was written under."""
        return max(record.epoch for record in self.records)


def read_shelf(content: str) -> Shelf | None:
    """Return the outside of such a file, None for one of another kind.

    Raise InvalidInput("recovery.unreadable") for one that no page can have written.
    """
    try:
        raw = json.loads(content)
        if not isinstance(raw, dict) or raw.get("format") != FORMAT:
            return None
        records = tuple(_record(one) for one in raw["records"])
        if not 0 < len(records) <= MAX_ENTRIES:
            raise ValueError
        return Shelf(text(raw["attempt"]), instant(raw["made_at"]), records)
    except RecursionError as error:
        raise InvalidInput("recovery.unreadable", field="file") from error
    except (ValueError, KeyError, TypeError) as error:
        if FORMAT not in content:
            return None
        raise InvalidInput("recovery.unreadable", field="file") from error


def _record(raw: dict[str, Any]) -> Record:
    if raw["kind"] != KIND:
        raise ValueError
    nonce, body, mac = raw["nonce"], raw["body"], raw["mac"]
    if not all(isinstance(value, str) for value in (nonce, body, mac)):
        raise ValueError
    return Record(
        text(raw["key"]), whole(raw["epoch"]), whole(raw["seq"]), whole(raw["position"]), nonce, body, mac
    )


def open_shelf(shelf: Shelf, secret_of: Callable[[int], str]) -> Recovery:
    """Open every record with the secret of its lease; raise InvalidInput("recovery.altered"|"recovery.unreadable").

    `secret_of` returns the secret of an epoch of this attempt. The seal of the whole, by which a file is known
    again, is a digest of the records' own, in whatever order they come.
    """
    entries, receipts = [], {}
    for record in shelf.records:
        inside = _open(record, shelf.attempt_ref, bytes.fromhex(secret_of(record.epoch)))
        try:
            entries.append(
                FiledAnswer(record.epoch, record.seq, record.position, inside["value"], instant(inside["at"]))
            )
            anchor = inside.get("anchor")
            if anchor and anchor["epoch"] == shelf.epoch:
                receipts[whole(anchor["seq"])] = instant(anchor["at"])
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput("recovery.unreadable", field="file") from error
    if len({(one.epoch, one.seq) for one in entries}) != len(entries):
        raise InvalidInput("recovery.unreadable", field="file")
    sealed = hashlib.sha256("".join(sorted(record.mac for record in shelf.records)).encode()).hexdigest()
    return Recovery(
        attempt_ref=shelf.attempt_ref,
        epoch=shelf.epoch,
        seal=sealed,
        made_at=shelf.made_at,
        entries=tuple(sorted(entries, key=lambda one: (one.position, one.epoch, one.seq))),
        receipts=tuple(sorted(receipts.items())[-MAX_RECEIPTS:]),
    )


def _open(record: Record, attempt_ref: str, secret: bytes) -> dict[str, Any]:
    key = part(secret, "outbox authenticate")
    wanted = hmac.new(key, record.signed(attempt_ref), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), record.mac.encode()):
        raise InvalidInput("recovery.altered", field="file")
    try:
        body = base64.b64decode(record.body, validate=True)
        plain = stream(part(secret, "outbox encrypt"), bytes.fromhex(record.nonce), body)
        inside = json.loads(plain.decode())
        if not isinstance(inside, dict):
            raise TypeError
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise InvalidInput("recovery.unreadable", field="file") from error
    return inside
