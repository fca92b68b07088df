"""I5: time is conserved. Adds up every end from its facts once more, and looks for what outages cost.

Source: R-20, R-25, R-27.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from cbt.blueprints.store import paper_of
from cbt.candidates.models import Registration
from cbt.rules.states import ClosedBy, State
from cbt.runner.models import Attempt, AttemptAdjustment, AttemptSuspension
from cbt.sittings.models import RoomAdjustment, RoomHold, SittingRoom
from torture.judging.verdict import Verdict

ZERO = timedelta(0)
OUTAGE = "outage"
"""The reason on what is given back without anybody's asking."""
LONG = timedelta(seconds=6)
"""An outage of at least this must have been given back, but for what passed without a beat at its ends."""
AT_THE_ENDS = timedelta(seconds=3.5)

AT_WORK = timedelta(seconds=5)
"""Ends are worked out after the heartbeat that finds an outage: who hands in meanwhile keeps the end that stood."""

Span = tuple[datetime, datetime | None]


def check_time(session: Session, outages: Sequence[tuple[datetime, datetime]]) -> Verdict:
    """Compare every attempt's end with its facts, and the time given back with the outages seen from outside."""
    verdict = Verdict("I5")
    for room in session.scalars(select(SittingRoom).where(SittingRoom.started_at.is_not(None))):
        holds = _spans(
            session, select(RoomHold.from_at, RoomHold.to_at).where(RoomHold.sitting_room_id == room.id)
        )
        grants = list(
            session.scalars(
                select(RoomAdjustment).where(
                    RoomAdjustment.sitting_room_id == room.id, RoomAdjustment.withdrawn_at.is_(None)
                )
            )
        )
        rows = session.execute(
            select(Attempt, Registration)
            .join(Registration, Registration.id == Attempt.registration_id)
            .where(Attempt.sitting_room_id == room.id, Attempt.started_at.is_not(None))
        ).all()
        for attempt, registration in rows:
            # Killed between an outage's finding and its working out, a server leaves the room marked: nobody is
            # closed by such an end before it is worked out again.
            verdict.look(
                room.clocks_due_at is not None
                or attempt.closes_at in _ends(session, room, attempt, registration, holds, grants),
                f"attempt {attempt.id} ends {attempt.closes_at}, which its facts do not say",
            )
        given = [(one.at, one.at + one.amount) for one in grants if one.kind == "site_fault"] + [
            (from_at, to_at) for from_at, to_at in holds
        ]
        for down_at, up_at in outages:
            if up_at - down_at >= LONG:
                covered = _covered(given, down_at, up_at)
                verdict.look(
                    covered >= up_at - down_at - AT_THE_ENDS,
                    f"an outage of {up_at - down_at} gave back {covered}",
                )
    return verdict


def _ends(
    session: Session,
    room: SittingRoom,
    attempt: Attempt,
    registration: Registration,
    holds: Sequence[Span],
    grants: Sequence[RoomAdjustment],
) -> set[datetime | None]:
    """Return when the attempt may end: start + duration × factor + extra + holds + adjustments."""
    pauses = [
        *holds,
        *_spans(
            session,
            select(AttemptSuspension.from_at, AttemptSuspension.to_at).where(
                AttemptSuspension.attempt_id == attempt.id
            ),
        ),
    ]
    over = attempt.state in (State.CLOSED, State.SCORED)
    if not over and any(to_at is None for _, to_at in pauses):
        return {None}
    own = session.scalars(
        select(AttemptAdjustment).where(
            AttemptAdjustment.attempt_id == attempt.id, AttemptAdjustment.withdrawn_at.is_(None)
        )
    ).all()
    # What was given after a candidate had handed in did not move that end any more; an outage is given back
    # at its end and takes effect at its beginning.
    until = attempt.closed_at if over else None
    found = [(one.at + one.amount, one.amount) for one in grants if one.reason == OUTAGE]
    facts = [(one.at, one.amount) for one in grants if one.reason != OUTAGE]
    facts += [(one.at, one.amount) for one in own]
    assert room.started_at is not None
    duration = paper_of(session, registration.blueprint_version_id, registration.paper).duration
    end = (
        room.started_at
        + duration * float(registration.factor)
        + registration.extra
        + _given(facts, until)
        + _length(pauses, until)
    )
    ends: set[datetime | None] = {end + _given(found, until)}
    if until is not None and attempt.closed_by == ClosedBy.CANDIDATE:
        ends.add(end + _given(found, until - AT_WORK))
    return ends


def _given(facts: Sequence[tuple[datetime, timedelta]], until: datetime | None) -> timedelta:
    return sum((amount for at, amount in facts if until is None or at < until), ZERO)


def _spans(session: Session, query: Select[datetime, datetime | None]) -> list[Span]:
    return [(row[0], row[1]) for row in session.execute(query)]


def _length(pauses: Sequence[Span], until: datetime | None) -> timedelta:
    """Return how long the union of pauses lasts."""
    total = ZERO
    reached: datetime | None = None
    for from_at, to_at in sorted(pauses, key=lambda span: span[0]):
        if to_at is None or (until is not None and from_at >= until):
            continue
        begin = from_at if reached is None else max(from_at, reached)
        if to_at > begin:
            total += to_at - begin
            reached = to_at
    return total


def _covered(given: Sequence[Span], down_at: datetime, up_at: datetime) -> timedelta:
    parts: list[Span] = []
    for from_at, to_at in given:
        begin, end = max(from_at, down_at), min(to_at or up_at, up_at)
        if begin < end:
            parts.append((begin, end))
    return _length(parts, None)
