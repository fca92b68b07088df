"""The late answers of a sitting: the evidence by room, what approving it would change, what was ruled before.

Source: R-29.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.delivery.models import Attempt, LateEntry, RecoveredEntry
from cbt.delivery.save.digests import latest_answers
from cbt.exams.store import blueprint_of
from cbt.rules.canonical import digest
from cbt.rules.scoring.score import ScoreSheet
from cbt.rules.states.attempt import State
from cbt.scoring.approved import ANSWER, newest_orders
from cbt.scoring.late_answers import entries_digest, pending_entries
from cbt.scoring.models import LateRuling, RuledAttempt, Score
from cbt.scoring.sheets import Scorers
from cbt.scoring.store import latest_scores
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """One late answer beside what counts now; `typed_at` is set when it came in a recovery file."""

    entry: LateEntry
    current: str | None
    overtaken: bool
    typed_at: datetime | None


@dataclass(frozen=True, slots=True)
class LateCase:
    """One candidate's late answers and what approving them would make of the score."""

    attempt: Attempt
    name: str
    ticket_number: str
    seat_number: int
    paper: str
    answers: list[LateAnswer]
    before: Score
    after: ScoreSheet

    @property
    def changes(self) -> bool:
        """Whether the score would be another; what people mark may always be."""
        return self.after.score is None or self.before.score != self.after.score

    @property
    def gains_pass(self) -> bool:
        """Whether the verdict would turn to 合格."""
        return self.after.passed is True and self.before.passed is False


@dataclass(frozen=True, slots=True)
class RoomCases:
    """The cases of one room, ruled on in one act; `seen` is the digest of what is shown."""

    room: SittingRoom
    name: str
    cases: list[LateCase]

    @property
    def seen(self) -> str:
        """A name for exactly this evidence."""
        return _seen(self.cases)


@dataclass(frozen=True, slots=True)
class RuledCase:
    """What an act meant for one candidate."""

    name: str
    seat_number: int
    entries: int
    before: Score
    after: Score | None


@dataclass(frozen=True, slots=True)
class Ruled:
    """One act of the past."""

    ruling: LateRuling
    by: str
    second: str
    cases: list[RuledCase]


@dataclass(frozen=True, slots=True)
class LatePage:
    """The evidence of one sitting, by room, and what was ruled before."""

    sitting: Sitting
    rooms: list[RoomCases]
    past: list[Ruled]


def attempts_with_evidence(session: Session, sitting_id: int) -> Sequence[int]:
    """Return the scored attempts of a sitting for which something arrived late, ruled on or not."""
    query = (
        select(Attempt.id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(LateEntry, LateEntry.attempt_id == Attempt.id)
        .where(
            Registration.sitting_id == sitting_id,
            Attempt.state == State.SCORED,
            LateEntry.kind == ANSWER,
        )
        .distinct()
    )
    return session.scalars(query).all()


def late_rooms(session: Session, sitting: Sitting) -> list[RoomCases]:
    """Return what nobody has ruled on yet, by room and seat."""
    pending = pending_entries(session, attempts_with_evidence(session, sitting.id))
    if not pending:
        return []
    rows = session.execute(
        select(
            Attempt, Registration, Candidate.name, AdmissionTicket.number, Seat.number, SittingRoom, Room.name
        )
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .where(Attempt.id.in_(pending))
        .order_by(Room.name, Seat.number)
    ).all()
    also = [entry.id for entries in pending.values() for entry in entries]
    after = Scorers().score(session, list(pending), also=also)
    before = latest_scores(session, list(pending))
    evidence = _Evidence(session, pending)
    rooms: dict[int, RoomCases] = {}
    for attempt, registration, name, ticket, seat, room, room_name in rows:
        blueprint = blueprint_of(session, registration.blueprint_version_id)
        case = LateCase(
            attempt=attempt,
            name=name,
            ticket_number=ticket,
            seat_number=seat,
            paper=blueprint.paper_title(registration.paper),
            answers=evidence.of(attempt.id),
            before=before[attempt.id],
            after=after[attempt.id].sheet,
        )
        rooms.setdefault(room.id, RoomCases(room, room_name, [])).cases.append(case)
    return list(rooms.values())


class _Evidence:
    """Late answers beside what counts now."""

    def __init__(self, session: Session, pending: dict[int, list[LateEntry]]) -> None:
        self._pending = pending
        self._current = latest_answers(session, list(pending))
        self._orders = newest_orders(session, list(pending))
        ids = [entry.id for entries in pending.values() for entry in entries]
        rows = session.execute(
            select(RecoveredEntry.late_entry_id, RecoveredEntry.typed_at).where(
                RecoveredEntry.late_entry_id.in_(ids)
            )
        )
        self._typed: dict[int, datetime] = {row.late_entry_id: row.typed_at for row in rows}

    def of(self, attempt_id: int) -> list[LateAnswer]:
        """Return the answers of one attempt."""
        return [
            LateAnswer(
                entry=entry,
                current=self._current[attempt_id].get(entry.position),
                overtaken=self._orders.get((attempt_id, entry.position), (0, 0))
                > (entry.lease_epoch, entry.seq),
                typed_at=self._typed.get(entry.id),
            )
            for entry in self._pending[attempt_id]
        ]


def _seen(cases: Sequence[LateCase]) -> str:
    parts = [f"{case.attempt.id}:{entries_digest([one.entry for one in case.answers])}" for case in cases]
    return digest("|".join(parts))


def past_rulings(session: Session, sitting: Sitting) -> list[Ruled]:
    """Return what was ruled in a sitting, the latest first."""
    rulings = session.scalars(
        select(LateRuling).where(LateRuling.sitting_id == sitting.id).order_by(LateRuling.id.desc())
    ).all()
    if not rulings:
        return []
    rows = session.execute(
        select(RuledAttempt, Candidate.name, Seat.number)
        .join(Attempt, Attempt.id == RuledAttempt.attempt_id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(RuledAttempt.late_ruling_id.in_([one.id for one in rulings]))
        .order_by(RuledAttempt.id)
    ).all()
    ids = {one for row in rows for one in (row[0].before_score_id, row[0].after_score_id) if one is not None}
    scores = {score.id: score for score in session.scalars(select(Score).where(Score.id.in_(ids)))}
    cases: defaultdict[int, list[RuledCase]] = defaultdict(list)
    for row, name, seat in rows:
        after = None if row.after_score_id is None else scores[row.after_score_id]
        cases[row.late_ruling_id].append(
            RuledCase(name, seat, row.entries, scores[row.before_score_id], after)
        )
    names = actor_names(session, {actor for one in rulings for actor in (one.by, one.second)})
    return [
        Ruled(one, names.get(one.by, one.by), names.get(one.second, one.second), cases[one.id])
        for one in rulings
    ]
