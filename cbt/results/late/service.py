"""迟到作答: showing the evidence of a sitting, and the ruling of two people on it.

Source: R-29, R-62.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cbt.accounts.approvals.requests import claim, countersigned, put_result
from cbt.accounts.approvals.second import Second
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput
from cbt.exams.reasons.store import table_in_force
from cbt.results import store
from cbt.results.late.sheet import LatePage, attempts_with_evidence, late_rooms, past_rulings
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import Role
from cbt.scoring.approved import APPROVED, REJECTED
from cbt.scoring.late_answers import RulingAct, ShownCase, entries_digest, pending_entries, rule_on
from cbt.web.who.login import Principal

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
    """Return both figures of a sitting."""
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
            case.attempt.id: ShownCase(
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
        told = {"verdict": wish.verdict, "count": len(ruled), "changed": len(changed)}
        put_result(session, second, told)
        return len(ruled), len(changed)
