"""The late answers of a sitting (迟到作答): the evidence by room, and the ruling of two people on it.

The evidence shows what approving it would change, and what was ruled before.

Source: R-29, R-62.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import flask
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import (
    ApprovalKind,
    ApprovalWish,
    Line,
    Result,
    Second,
    claim,
    countersigned,
    put_result,
    terms_by_roles,
)
from cbt.accounts.models import Approval
from cbt.accounts.store import actor_names
from cbt.blueprints.reasons import REASON, table_in_force
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth.login import Principal
from cbt.results import store
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.form_score import ScoreSheet
from cbt.rules.roles import Role
from cbt.rules.states import State
from cbt.runner.models import Attempt, LateEntry, RecoveredEntry
from cbt.runner.save.digest import latest_answers
from cbt.scoring.late_answers import (
    ANSWER,
    APPROVED,
    REJECTED,
    LateAnswerView,
    RulingAct,
    entries_digest,
    newest_orders,
    pending_entries,
    rule_on,
)
from cbt.scoring.models import LateRuling, RuledAttempt, Score
from cbt.scoring.score_sheets import Scorers
from cbt.scoring.store import latest_scores
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work


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


DECIDERS = (Role.CHIEF_PROCTOR, Role.OFFICER)


def late_page(sitting_ref: str) -> LatePage:
    """Return the late answers of a sitting that is over; raise like `store.finished_sitting`."""
    with reading() as session:
        sitting = store.finished_sitting(session, sitting_ref)
        return LatePage(sitting, late_rooms(session, sitting), past_rulings(session, sitting))


@dataclass(frozen=True, slots=True)
class LateCounts:
    """Of how many candidates of a sitting something arrived late, and of how many it waits for a ruling."""

    candidates: int
    pending: int


def late_counts(sitting_id: int) -> LateCounts:
    with reading() as session:
        attempt_ids = attempts_with_evidence(session, sitting_id)
        pending = pending_entries(session, attempt_ids) if attempt_ids else {}
        return LateCounts(len(attempt_ids), len(pending))


def second_roles(first: Principal) -> frozenset[Role]:
    """Return whose credential completes the pair: a chief proctor and an officer decide together.

    Source: R-29, R-62.
    """
    other = {Role.OFFICER: Role.CHIEF_PROCTOR, Role.CHIEF_PROCTOR: Role.OFFICER}
    return frozenset(other[role] for role in DECIDERS if first.has(role))


@dataclass(frozen=True, slots=True)
class RulingWish:
    """What the form asks for: a room's cases by attempt ref, as they were shown."""

    room_ref: str
    attempt_refs: frozenset[str]
    seen: str
    verdict: str
    fault: str
    reason: str


def rule_late(
    sitting_ref: str, wish: RulingWish, *, first: Principal, second: Second | None, now: datetime
) -> tuple[int, int]:
    """Approve or reject late answers of one room in one act; return (candidates, scores that changed).

    Raise InvalidInput("late.pick"|"late.reason"), SecondNeeded without a second person,
    Conflict("late.changed"|"late.not_scored").

    Source: R-29, R-62.
    """
    if not wish.reason.strip():
        raise InvalidInput("late.reason", field="reason")
    if wish.verdict not in (APPROVED, REJECTED):
        raise InvalidInput("web.bad_request")
    if not wish.attempt_refs:
        raise InvalidInput("late.pick", field="attempt")
    with reading() as session:
        if wish.fault not in {one.code for one in table_in_force(session).offered_reasons}:
            raise InvalidInput("web.bad_request")
        sitting = store.finished_sitting(session, sitting_ref)
        shown = {
            case.attempt.id: LateAnswerView(
                entries_digest([answer.entry for answer in case.answers]), case.before.id, case.after
            )
            for room in late_rooms(session, sitting)
            if room.room.ref == wish.room_ref and room.seen == wish.seen
            for case in room.cases
            if case.attempt.ref in wish.attempt_refs
        }
        sitting_id = sitting.id
    if len(shown) != len(wish.attempt_refs):
        raise Conflict("late.changed")
    seen = digest(canonical_json({attempt_id: case.digest for attempt_id, case in shown.items()}))
    with unit_of_work() as session:
        claim(session, second, now=now)
        signed = "" if second is None else f"staff:{second.ref}"
        act = RulingAct(wish.verdict, wish.fault, wish.reason.strip(), first.logged_as, signed)
        ruled = rule_on(session, sitting_id, shown, act, now=now)
        changed = [row for row in ruled if row.after_score_id not in (None, row.before_score_id)]
        countersigned(second, roles=second_roles(first), seen=seen)
        facts = {"verdict": wish.verdict, "count": len(ruled), "changed": len(changed)}
        put_result(session, second, facts)
        return len(ruled), len(changed)


# Rulings on late answers as requests to a second person.
#
# Source.

MOST_NAMED = 12


def late_request(late: LatePage, wish: RulingWish) -> ApprovalWish:
    """Return the request for a ruling on the late answers of one room."""
    room = next((one for one in late.rooms if one.room.ref == wish.room_ref), None)
    cases = [one for one in room.cases if one.attempt.ref in wish.attempt_refs] if room else []
    names = "、".join(f"{one.seat_number:02d} {one.name}" for one in cases[:MOST_NAMED])
    fields = {
        "room": wish.room_ref,
        "attempts": sorted(wish.attempt_refs),
        "seen": wish.seen,
        "verdict": wish.verdict,
        "fault": wish.fault,
        "reason": wish.reason,
    }
    scores = "、".join(f"{one.name} {one.before.score} → {one.after.score}" for one in cases[:MOST_NAMED])
    lines: list[Line] = [("approval.line.verdict", "word", f"late.past.{wish.verdict}")]
    lines += [("approval.line.people", "count", str(len(cases))), ("approval.line.whom", "text", names)]
    lines += [("approval.line.score", "text", scores)] if wish.verdict == APPROVED else []
    lines += [
        ("approval.line.cause", "word", REASON + wish.fault),
        ("approval.line.reason", "text", wish.reason.strip()),
    ]
    return ApprovalWish(
        kind="late",
        act="late",
        subject=f"sitting:{late.sitting.ref}",
        place=f"{late.sitting.name} · {room.name}" if room else late.sitting.name,
        params=canonical_json(fields),
        preview=tuple(lines),
    )


def _ref(approval: Approval) -> str:
    return approval.subject.removeprefix("sitting:")


def _rule(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    fields = json.loads(approval.params)
    wish = RulingWish(
        room_ref=fields["room"],
        attempt_refs=frozenset(fields["attempts"]),
        seen=fields["seen"],
        verdict=fields["verdict"],
        fault=fields["fault"],
        reason=fields["reason"],
    )
    rule_late(_ref(approval), wish, first=first, second=second, now=now)


def _said_late(_approval: Approval, result: Result) -> str:
    if result["verdict"] == APPROVED:
        return str(_("late.approved", count=result["count"], changed=result["changed"]))
    return str(_("late.rejected", count=result["count"]))


LATE_RULINGS = ApprovalKind(
    "late",
    terms_by_roles,
    _rule,
    _said_late,
    lambda approval: flask.url_for("late.page", sitting_ref=_ref(approval)),
)
