"""What the bench writes and reads by plain rows: full journals, due attempts, and whether anything is lost."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, update

from bench.installation import Sitter
from cbt.assembly.models import Form
from cbt.config import Settings
from cbt.http.auth.machine import token_hash
from cbt.rehearsal.installation import app_for
from cbt.rules.canonical import canonical_json
from cbt.rules.states import State
from cbt.runner.models import Attempt, AttemptLive, Gap, JournalEntry
from cbt.scoring.models import Score
from cbt.sittings.models import ServerHeartbeat, SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work

LONG_DUE = timedelta(minutes=1)
LEFT = timedelta(hours=1)
CHUNK = 200
CHANGED = 20
"""So many answers are changed once: 120 saves for 100 positions."""
FIRST = "A"


def fill_journals(sitters: Sequence[Sitter], *, now: datetime) -> None:
    """Give every opened attempt an answer at each position, some after a first one that was changed."""
    for start in range(0, len(sitters), CHUNK):
        rows = []
        chunk = sitters[start : start + CHUNK]
        for sitter in chunk:
            changed = [(position, FIRST) for position, _ in sitter.answers[:CHANGED]]
            for position, value in [*changed, *sitter.answers]:
                sitter.seq += 1
                rows.append(
                    {
                        "attempt_id": sitter.attempt_id,
                        "lease_epoch": sitter.epoch,
                        "seq": sitter.seq,
                        "position": position,
                        "kind": "answer",
                        "value": canonical_json(value),
                        "received_at": now,
                        "in_grace": False,
                    }
                )
        with unit_of_work() as session:
            session.execute(insert(JournalEntry), rows)
            session.execute(
                update(AttemptLive)
                .where(AttemptLive.attempt_id.in_([sitter.attempt_id for sitter in chunk]))
                .values(
                    answered=func.length(AttemptLive.answered_map),
                    answered_map=func.replace(AttemptLive.answered_map, "0", "1"),
                )
            )


def open_as(example: Sitter, sitters: Sequence[Sitter], *, now: datetime) -> None:
    """Open the papers of `sitters` as that of `example` was opened: the same clock, a lease of their own."""
    with unit_of_work() as session:
        opened = session.get_one(Attempt, example.attempt_id)
        live = session.get_one(AttemptLive, example.attempt_id)
        for sitter in sitters:
            sitter.lease, sitter.epoch = secrets.token_urlsafe(24), 1
        session.execute(
            update(Attempt),
            [
                {
                    "id": sitter.attempt_id,
                    "state": State.INTERACTING,
                    "started_at": now,
                    "closes_at": opened.closes_at,
                    "earliest_submit_at": opened.earliest_submit_at,
                    "lease_hash": token_hash(sitter.lease),
                    "lease_epoch": sitter.epoch,
                }
                for sitter in sitters
            ],
        )
        session.execute(
            insert(AttemptLive),
            [
                {
                    "attempt_id": sitter.attempt_id,
                    "seen_at": now,
                    "answered": 0,
                    "answered_map": "0" * len(live.answered_map),
                    "usable_at": now,
                    "blurs": 0,
                }
                for sitter in sitters
            ],
        )


def set_aside(*, now: datetime) -> None:
    """Leave no attempt that a sweep would close or score: all have time left and none has a score."""
    with unit_of_work() as session:
        session.execute(delete(Score))
        session.execute(update(Attempt).values(state=State.INTERACTING, closes_at=now + LEFT, closed_at=None))


def make_due(*, now: datetime, most: int) -> int:
    """Open the first `most` attempts again with their time up and without a score; return how many."""
    with unit_of_work() as session:
        chosen = select(Attempt.id).order_by(Attempt.id).limit(most)
        session.execute(delete(Score).where(Score.attempt_id.in_(chosen)))
        session.execute(
            update(Attempt)
            .where(Attempt.id.in_(chosen))
            .values(
                state=State.INTERACTING,
                closes_at=now - LONG_DUE,
                closed_at=None,
                closed_by=None,
                submitted_at=None,
                receipt=None,
                journal_digest=None,
            )
        )
        return session.scalar(select(func.count()).select_from(chosen.subquery())) or 0


def close_papers(attempt_ids: Sequence[int]) -> None:
    """Leave of these attempts what there is before their papers are opened for the first time."""
    with unit_of_work() as session:
        for table in (AttemptLive, JournalEntry, Gap):
            session.execute(delete(table).where(table.attempt_id.in_(attempt_ids)))
        session.execute(
            update(Attempt)
            .where(Attempt.id.in_(attempt_ids))
            .values(
                state=State.READY,
                started_at=None,
                closes_at=None,
                earliest_submit_at=None,
                lease_hash=None,
                lease_epoch=0,
                lease_login_id=None,
                lease_machine=None,
                lease_machines="",
            )
        )


def take_hand_ins_back(attempt_ids: Sequence[int], *, now: datetime) -> None:
    """Leave these attempts open and without a score, with time left."""
    with unit_of_work() as session:
        session.execute(delete(Score).where(Score.attempt_id.in_(attempt_ids)))
        session.execute(
            update(Attempt)
            .where(Attempt.id.in_(attempt_ids))
            .values(
                state=State.INTERACTING,
                closes_at=now + LEFT,
                closed_at=None,
                closed_by=None,
                submitted_at=None,
                receipt=None,
                journal_digest=None,
            )
        )


def forget_heartbeat() -> None:
    """Have the next server find no outage behind it."""
    with unit_of_work() as session:
        session.execute(delete(ServerHeartbeat))


def unsettled() -> int:
    """Return in how many rooms an outage was found whose ends are still to be worked out."""
    with reading() as session:
        query = select(func.count()).where(SittingRoom.clocks_due_at.is_not(None))
        return session.scalar(query) or 0


def last_entry() -> int:
    """Return the number of the journal's last entry."""
    with reading() as session:
        return session.scalar(select(func.max(JournalEntry.id))) or 0


def forget_journal(*, after: int) -> None:
    """Delete the journal's entries after one of them."""
    with unit_of_work() as session:
        session.execute(delete(JournalEntry).where(JournalEntry.id > after))


def count_in(state: State) -> int:
    """Return how many attempts are in `state`."""
    with reading() as session:
        return session.scalar(select(func.count()).where(Attempt.state == state)) or 0


def form_bytes() -> int:
    """Return how long a frozen form is."""
    with reading() as session:
        return round(session.scalar(select(func.avg(func.octet_length(Form.content)))) or 0)


def lost_answers(acknowledged: Mapping[int, set[tuple[int, int]]]) -> int:
    """Return how many acknowledged (epoch, seq), by attempt id, are not in the journal."""
    lost = 0
    query = select(JournalEntry.attempt_id, JournalEntry.lease_epoch, JournalEntry.seq)
    ids = list(acknowledged)
    with reading() as session:
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            stored: dict[int, set[tuple[int, int]]] = {attempt_id: set() for attempt_id in chunk}
            for attempt_id, epoch, seq in session.execute(query.where(JournalEntry.attempt_id.in_(chunk))):
                stored[attempt_id].add((epoch, seq))
            lost += sum(len(acknowledged[attempt_id] - stored[attempt_id]) for attempt_id in chunk)
    return lost


def lost_starts(sitters: Sequence[Sitter]) -> int:
    """Return how many sitters hold a lease that the attempt's row does not know."""
    with reading() as session:
        epochs = {row.id: row.lease_epoch for row in session.execute(select(Attempt.id, Attempt.lease_epoch))}
    return sum(1 for one in sitters if one.lease and epochs[one.attempt_id] != one.epoch)


def lost_receipts_of(settings: Settings, *, receipts: Mapping[int, str]) -> int:
    """Return the same of the installation of these settings; runs in a child."""
    with app_for(settings):
        return lost_receipts(receipts)


def lost_receipts(receipts: Mapping[int, str]) -> int:
    """Return how many acknowledged hand-ins the attempt's row does not know."""
    with reading() as session:
        stored = {row.id: row.receipt for row in session.execute(select(Attempt.id, Attempt.receipt))}
    return sum(1 for attempt_id, receipt in receipts.items() if stored[attempt_id] != receipt)
