"""Recovery evidence: answers of a recovery file, compared and kept, and what machines still hold.

A machine that still holds answers of former candidates is told what of them the server has by now.

Source: R-16, R-29, R-41; I3.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
from cbt.runner.recovery_file import FiledAnswer, Recovery
from cbt.runner.save.guard import AttemptInfo
from cbt.storage.types import new_ref, to_micros
from cbt.storage.unit_of_work import reading

KIND = "answer"


class Known(StrEnum):
    """What the server has of an answer in a file."""

    SAVED = "saved"
    """Acknowledged: it counts already."""
    KEPT = "kept"
    """Here as evidence since it arrived late, or from another file."""
    OVERTAKEN = "overtaken"
    """New, but a newer answer of that position is in the journal; it could never count."""
    FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class Found:
    """One answer of a file beside what counts at its position now (both displayed, as canonical JSON)."""

    carried: FiledAnswer
    value: str | None
    current: str | None
    known: Known
    after_end: bool
    """Whether the page itself says that it was typed after the attempt was closed."""

    @property
    def fresh(self) -> bool:
        """Whether importing the file adds this answer to the evidence."""
        return self.known in (Known.FRESH, Known.OVERTAKEN)


def compare(session: Session, attempt: Attempt, info: AttemptInfo, recovery: Recovery) -> list[Found]:
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
) -> Found:
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
        known = Known.SAVED if order in journal else Known.KEPT
    else:
        overtaken = last is not None and (last.lease_epoch, last.seq) > order
        known = Known.OVERTAKEN if overtaken else Known.FRESH
    current = last.value if last is not None else None
    return Found(carried, value, current, known, carried.typed_at >= end_at)


def keep_recovered(
    session: Session,
    attempt: Attempt,
    recovery: Recovery,
    found: Collection[Found],
    *,
    now: datetime,
    actor: str,
) -> int:
    """Keep what is new in a file as evidence, never as an answer; return how many. One audit line says so."""
    fresh = [one for one in found if one.fresh]
    row = RecoveryImport(
        ref=new_ref("ri"),
        attempt_id=attempt.id,
        lease_epoch=recovery.epoch,
        seal=recovery.seal,
        made_at=recovery.made_at,
        entries=len(found),
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
            "entries": len(found),
            "fresh": len(fresh),
            "receipts": len(recovery.receipts),
        },
    )
    return len(fresh)


MOST = 1000
Key = tuple[int, int]
"""Lease epoch and sequence number of an entry."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Which of the asked entries the server holds, as answers or evidence, and whether the attempt is closed."""

    held: list[bool]
    over: bool


def leftovers(attempt_ref: str, keys: Sequence[Key], *, machine: str) -> Leftovers:
    """Return what is known of entries of one attempt and of the attempt; of an unknown one nothing is.

    Only a machine that had its lease is told: to others it is unknown, whoever got hold of its reference. An
    attempt from before machines were known is told to whoever has the reference.
    """
    with reading() as session:
        found = session.execute(
            select(Attempt.id, Attempt.state, Attempt.lease_machines).where(Attempt.ref == attempt_ref)
        ).one_or_none()
        if found is None or (found.lease_machines and machine not in found.lease_machines.split()):
            return Leftovers([False] * len(keys), over=False)
        known: set[Key] = set()
        for table in (JournalEntry, LateEntry):
            rows = session.execute(
                select(table.lease_epoch, table.seq).where(
                    table.attempt_id == found.id, table.seq.in_({seq for _, seq in keys})
                )
            )
            known |= {(epoch, seq) for epoch, seq in rows}
    return Leftovers([key in known for key in keys], over=found.state in OVER)


def read_leftovers(raw: object) -> tuple[str, list[Key]]:
    """Return the attempt and the entries a seat page asks about; raise InvalidInput("web.bad_request")."""
    try:
        if not isinstance(raw, dict) or len(raw["keys"]) > MOST:
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
