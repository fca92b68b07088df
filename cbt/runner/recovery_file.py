"""The 作答恢复文件: answers that could not be delivered, sealed, compared with the journal, kept as evidence.

A page gets a seal secret with its lease. The file is encrypted and authenticated under it, by HMAC-SHA-256
alone, because a page on plain http has no WebCrypto: the key stream is HMAC(encryption key, nonce | counter),
the authenticator HMAC(authentication key, everything else). So a file can be read and made only by the server
and by the page of that lease. It carries receipts of that lease as its anchor: an acknowledgement's instant
is told to nobody else. What a seal cannot show is when something was typed; that is the page's word, and why
an imported answer is evidence and no answer.

Source: R-16, R-29.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.errors import Conflict, InvalidInput
from cbt.runner.attempt_states import OVER
from cbt.runner.models import Attempt, JournalEntry, LateEntry, RecoveredEntry, RecoveryImport
from cbt.runner.protocol import read_entries
from cbt.runner.save.attempt_row import AttemptInfo
from cbt.storage.types import new_ref, to_micros
from cbt.storage.unit_of_work import reading

SEALED_FORMAT = "cbt-recovery-1"
MAX_BYTES = 512 * 1024
MAX_ENTRIES = 400
MAX_RECEIPTS = 16
MOST_NUMBER = 2**31 - 1
YEARS = range(2000, 2200)
"""Years a machine's clock may stand in; the ends of the calendar cannot be computed with."""


@dataclass(frozen=True, slots=True)
class FiledAnswer:
    """One answer in a file, as the page numbered it; `value` is the displayed answer, unchecked."""

    epoch: int
    seq: int
    position: int
    value: Any
    typed_at: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file whose seal is still to be checked: what it says about itself in clear."""

    attempt_ref: str
    epoch: int
    nonce: bytes
    body: bytes
    seal: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a file holds once its seal was found whole. `receipts` are (seq, received at) of its own lease."""

    attempt_ref: str
    epoch: int
    seal: str
    made_at: datetime
    entries: tuple[FiledAnswer, ...]
    receipts: tuple[tuple[int, datetime], ...]


def seal_secret(personal_key: bytes, attempt_ref: str, epoch: int) -> str:
    """Return the secret, in hex, that the page of one lease seals its file with; it is stored nowhere."""
    label = f"cbt recovery seal\0{attempt_ref}\0{epoch}"
    return hmac.new(personal_key, label.encode(), hashlib.sha256).hexdigest()


def read_envelope(content: str) -> Sealed:
    """Return the outside of a file; raise InvalidInput("recovery.unreadable") for anything else."""
    try:
        if len(content) > MAX_BYTES:
            raise ValueError
        raw = json.loads(content)
        if raw["format"] != SEALED_FORMAT:
            raise InvalidInput("recovery.unreadable", field="file")
        return Sealed(
            attempt_ref=text(raw["attempt"]),
            epoch=whole(raw["epoch"]),
            nonce=bytes.fromhex(raw["nonce"]),
            body=base64.b64decode(raw["body"], validate=True),
            seal=text(raw["seal"]),
        )
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError) as error:
        raise InvalidInput("recovery.unreadable", field="file") from error


def open_recovery(sealed: Sealed, secret: str) -> Recovery:
    """Check the seal and return what the file holds; raise InvalidInput("recovery.altered")."""
    key = bytes.fromhex(secret)
    wanted = hmac.new(part(key, "authenticate"), _signed(sealed), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), sealed.seal.encode()):
        raise InvalidInput("recovery.altered", field="file")
    plain = stream(part(key, "encrypt"), sealed.nonce, sealed.body)
    try:
        return _read(sealed, json.loads(plain.decode()))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInput("recovery.unreadable", field="file") from error


def _read(sealed: Sealed, raw: Mapping[str, Any]) -> Recovery:
    entries = [
        FiledAnswer(
            epoch=whole(one["epoch"]),
            seq=whole(one["seq"]),
            position=whole(one["position"]),
            value=one["value"],
            typed_at=instant(one["at"]),
        )
        for one in raw["entries"]
    ]
    receipts = [(whole(one["seq"]), instant(one["at"])) for one in raw["receipts"]]
    numbers = {(one.epoch, one.seq) for one in entries}
    if len(entries) > MAX_ENTRIES or len(receipts) > MAX_RECEIPTS or len(numbers) != len(entries):
        raise ValueError
    if any(one.epoch > sealed.epoch for one in entries):
        raise ValueError
    return Recovery(
        attempt_ref=sealed.attempt_ref,
        epoch=sealed.epoch,
        seal=sealed.seal,
        made_at=instant(raw["made_at"]),
        entries=tuple(sorted(entries, key=lambda one: (one.position, one.epoch, one.seq))),
        receipts=tuple(receipts),
    )


def part(key: bytes, use: str) -> bytes:
    return hmac.new(key, use.encode(), hashlib.sha256).digest()


def _signed(sealed: Sealed) -> bytes:
    body = base64.b64encode(sealed.body).decode()
    return "|".join([SEALED_FORMAT, sealed.attempt_ref, str(sealed.epoch), sealed.nonce.hex(), body]).encode()


def stream(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Encrypt `data`, or open it: the key stream is HMAC(key, nonce | counter)."""
    blocks = -(-len(data) // 32)
    key_stream = b"".join(
        hmac.new(key, nonce + counter.to_bytes(4, "big"), hashlib.sha256).digest()
        for counter in range(blocks)
    )
    return bytes(left ^ right for left, right in zip(data, key_stream, strict=False))


def whole(value: object) -> int:
    """Return a number of a file; raise ValueError for one that no page writes."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_NUMBER:
        raise ValueError
    return value


def text(value: object) -> str:
    """Return a short text of a file; raise ValueError like `whole`."""
    if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isascii() or "\0" in value:
        raise ValueError
    return value


def instant(value: object) -> datetime:
    """Return an instant of a file; raise ValueError like `whole`."""
    parsed = datetime.fromisoformat(text(value))
    if parsed.tzinfo is None or parsed.year not in YEARS:
        raise ValueError
    return parsed


# The 作答恢复文件 of a machine where nobody has the secret: the records as the browser kept them.
#
# A page seals each answer that waits under a half of its lease's secret before it lies on the machine (its
# script sealing.js), and the secret is kept in the page's memory only. So the seat page, or a page that was
# loaded again, can hand the records out and read none of them. What holds for a file that a page sealed holds
# here for each record; that none was left out, nothing shows.
#
# Source.

SHELF_FORMAT = "cbt-recovery-2"
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
        if not isinstance(raw, dict) or raw.get("format") != SHELF_FORMAT:
            return None
        records = tuple(_record(one) for one in raw["records"])
        if not 0 < len(records) <= MAX_ENTRIES:
            raise ValueError
        return Shelf(text(raw["attempt"]), instant(raw["made_at"]), records)
    except RecursionError as error:
        raise InvalidInput("recovery.unreadable", field="file") from error
    except (ValueError, KeyError, TypeError) as error:
        if SHELF_FORMAT not in content:
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


# Recovery evidence: answers of a recovery file, compared and kept, and what machines still hold.
#
# A machine that still holds answers of former candidates is told what of them the server has by now.
#
# Source; I3.


class ServerKnowledge(StrEnum):
    """What the server has of an answer in a file."""

    SAVED = "saved"
    """Acknowledged: it counts already."""
    KEPT = "kept"
    """Here as evidence since it arrived late, or from another file."""
    OVERTAKEN = "overtaken"
    """New, but a newer answer of that position is in the journal; it could never count."""
    FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class ComparedAnswer:
    """One answer of a file beside what counts at its position now (both displayed, as canonical JSON)."""

    carried: FiledAnswer
    value: str | None
    current: str | None
    known: ServerKnowledge
    after_end: bool
    """Whether the page itself says that it was typed after the attempt was closed."""

    @property
    def fresh(self) -> bool:
        """Whether importing the file adds this answer to the evidence."""
        return self.known in (ServerKnowledge.FRESH, ServerKnowledge.OVERTAKEN)


def compare(
    session: Session, attempt: Attempt, info: AttemptInfo, recovery: Recovery
) -> list[ComparedAnswer]:
    """Return what a file holds beside what the server has.

    Raise Conflict("recovery.still_open") while the page itself can deliver, ("recovery.duplicate") for a file
    imported before, ("recovery.contradicts") where its receipts or numbers are not those of the journal,
    InvalidInput("recovery.unreadable") for an answer that no page can have written.
    """
    if attempt.state not in OVER:
        raise Conflict("recovery.still_open")
    imported = session.scalar(
        select(RecoveryImport.imported_at).where(
            RecoveryImport.attempt_id == attempt.id, RecoveryImport.seal == recovery.seal
        )
    )
    if imported is not None:
        raise Conflict("recovery.duplicate", at=imported)
    journal = _journal(session, attempt.id)
    _check_anchor(journal, recovery)
    kept = {
        (row.lease_epoch, row.seq): row
        for row in session.scalars(select(LateEntry).where(LateEntry.attempt_id == attempt.id))
    }
    newest: dict[int, JournalEntry] = {}
    for order in sorted(journal):
        if journal[order].kind == KIND:
            newest[journal[order].position] = journal[order]
    end_at = attempt.closed_at or recovery.made_at
    return [_found(one, info, journal, kept, newest, end_at) for one in recovery.entries]


def _journal(session: Session, attempt_id: int) -> dict[tuple[int, int], JournalEntry]:
    rows = session.scalars(select(JournalEntry).where(JournalEntry.attempt_id == attempt_id))
    return {(row.lease_epoch, row.seq): row for row in rows}


def _check_anchor(journal: dict[tuple[int, int], JournalEntry], recovery: Recovery) -> None:
    for seq, at in recovery.receipts:
        row = journal.get((recovery.epoch, seq))
        if row is None or to_micros(row.received_at) != to_micros(at):
            raise Conflict("recovery.contradicts")


def _found(
    carried: FiledAnswer,
    info: AttemptInfo,
    journal: dict[tuple[int, int], JournalEntry],
    kept: dict[tuple[int, int], LateEntry],
    newest: dict[int, JournalEntry],
    end_at: datetime,
) -> ComparedAnswer:
    raw = {"seq": carried.seq, "kind": KIND, "position": carried.position, "value": carried.value}
    try:
        value = read_entries(info, [raw])[0].value
    except InvalidInput as error:
        raise InvalidInput("recovery.unreadable", field="file") from error
    order = (carried.epoch, carried.seq)
    last = newest.get(carried.position)
    there = journal.get(order) or kept.get(order)
    if there is not None:
        if (there.kind, there.position, there.value) != (KIND, carried.position, value):
            raise Conflict("recovery.contradicts")
        SAVED = ServerKnowledge.SAVED if order in journal else ServerKnowledge.KEPT
    else:
        overtaken = last is not None and (last.lease_epoch, last.seq) > order
        SAVED = ServerKnowledge.OVERTAKEN if overtaken else ServerKnowledge.FRESH
    current = last.value if last is not None else None
    return ComparedAnswer(carried, value, current, SAVED, carried.typed_at >= end_at)


def keep_recovered(
    session: Session,
    attempt: Attempt,
    recovery: Recovery,
    answers: Collection[ComparedAnswer],
    *,
    now: datetime,
    actor: str,
) -> int:
    """Keep what is new in a file as evidence, never as an answer; return how many. One audit line says so."""
    fresh = [one for one in answers if one.fresh]
    row = RecoveryImport(
        ref=new_ref("ri"),
        attempt_id=attempt.id,
        lease_epoch=recovery.epoch,
        seal=recovery.seal,
        made_at=recovery.made_at,
        entries=len(answers),
        fresh=len(fresh),
        imported_at=now,
        by=actor,
    )
    entries = [
        LateEntry(
            attempt_id=attempt.id,
            lease_epoch=one.carried.epoch,
            seq=one.carried.seq,
            position=one.carried.position,
            kind=KIND,
            value=one.value,
            received_at=now,
        )
        for one in fresh
    ]
    session.add_all([row, *entries])
    session.flush()
    session.add_all(
        RecoveredEntry(late_entry_id=entry.id, recovery_import_id=row.id, typed_at=one.carried.typed_at)
        for entry, one in zip(entries, fresh, strict=True)
    )
    chain.record(
        session,
        at=now,
        actor=actor,
        act="attempt.recover",
        subject=f"attempt:{attempt.ref}",
        after={
            "file": row.ref,
            "seal": recovery.seal,
            "epoch": recovery.epoch,
            "entries": len(answers),
            "fresh": len(fresh),
            "receipts": len(recovery.receipts),
        },
    )
    return len(fresh)


MOST_KEYS = 1000
Key = tuple[int, int]
"""Lease epoch and sequence number of an entry."""


@dataclass(frozen=True, slots=True)
class ServerHoldings:
    """Which of the asked entries the server holds, as answers or evidence, and whether the attempt is closed."""

    held: list[bool]
    over: bool


def leftovers(attempt_ref: str, keys: Sequence[Key], *, machine: str) -> ServerHoldings:
    """Return what is known of entries of one attempt and of the attempt; of an unknown one nothing is.

    Only a machine that had its lease is told: to others it is unknown, whoever got hold of its reference. An
    attempt from before machines were known is told to whoever has the reference.
    """
    with reading() as session:
        row = session.execute(
            select(Attempt.id, Attempt.state, Attempt.lease_machines).where(Attempt.ref == attempt_ref)
        ).one_or_none()
        if row is None or (row.lease_machines and machine not in row.lease_machines.split()):
            return ServerHoldings([False] * len(keys), over=False)
        stored_keys: set[Key] = set()
        for table in (JournalEntry, LateEntry):
            rows = session.execute(
                select(table.lease_epoch, table.seq).where(
                    table.attempt_id == row.id, table.seq.in_({seq for _, seq in keys})
                )
            )
            stored_keys |= {(epoch, seq) for epoch, seq in rows}
    return ServerHoldings([key in stored_keys for key in keys], over=row.state in OVER)


def read_leftovers(raw: object) -> tuple[str, list[Key]]:
    """Return the attempt and the entries a seat page asks about; raise InvalidInput("web.bad_request")."""
    try:
        if not isinstance(raw, dict) or len(raw["keys"]) > MOST_KEYS:
            raise InvalidInput("web.bad_request")
        keys = [(_number(one["epoch"]), _number(one["seq"])) for one in raw["keys"]]
        return _ref(raw["attempt"]), keys
    except (KeyError, TypeError) as error:
        raise InvalidInput("web.bad_request") from error


def _ref(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 40 or not value.isascii() or "\0" in value:
        raise InvalidInput("web.bad_request")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise InvalidInput("web.bad_request")
    return value
