"""The papers and the seats of a room as its board shows them, each with its end time.

A seat that is as it was is not made anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_of
from cbt.http.auth.throttle import TryCount
from cbt.proctoring.board.seat_state import (
    ALERTS,
    MARKS,
    TONES,
    UNDER_WAY,
    BoardNumbers,
    Guesses,
    Proposal,
    SeatFacts,
    SeatNumbers,
    SeatState,
    alerts_of,
    badges_of,
    guesses_of,
    seat_state,
    told_of,
)
from cbt.proctoring.store import HandUp
from cbt.rules.clock import Facts, clock_at, scaled
from cbt.rules.states import ClosedBy, State, closing
from cbt.runner.clock_facts import RoomFacts

PaperKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class PaperLine:
    """A paper of the room with the one end time the board shows for it (None: not started, or held)."""

    key: PaperKey
    label: str
    duration: timedelta
    total: int
    units: int
    closes_at: datetime | None


def papers_of(session: Session, rows: Sequence[Any]) -> dict[PaperKey, PaperLine]:
    """Return the papers of `rows` of the board, without their ends: blueprint version and paper -> its line."""
    lines: dict[PaperKey, PaperLine] = {}
    for row in rows:
        key = (row.blueprint_version_id, row.paper)
        if key in lines:
            continue
        blueprint = blueprint_of(session, row.blueprint_version_id)
        paper = blueprint.papers[row.paper]
        lines[key] = PaperLine(
            key=key,
            label=f"{blueprint.level_name} {paper.label}",
            duration=paper.duration,
            total=sum(section.count for section in paper.sections),
            units=len(paper.units),
            closes_at=None,
        )
    return lines


def with_ends(
    papers: Mapping[PaperKey, PaperLine], facts: RoomFacts, *, now: datetime
) -> dict[PaperKey, PaperLine]:
    return {
        key: replace(line, closes_at=end_of(line.duration, facts, now=now)) for key, line in papers.items()
    }


def end_of(duration: timedelta, facts: RoomFacts, *, now: datetime) -> datetime | None:
    """Return when a paper of `duration` ends for somebody with no time of their own (R-20)."""
    if facts.started_at is None:
        return None
    clock = clock_at(
        Facts(
            room_started_at=facts.started_at,
            started_at=facts.started_at,
            duration=duration,
            holds=facts.holds,
            adjustments=facts.adjustments,
        ),
        now=now,
    )
    return clock.closes_at


DIFFERS = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class SeatView:
    """One candidate's seat; `differs` is how far their end lies from their paper's."""

    seat_id: int
    number: int
    registration_id: int
    ref: str
    candidate_id: int
    name: str
    ticket: str
    paper: PaperLine
    state: SeatState
    arrived_at: datetime | None
    checked_in_at: datetime | None
    absent_at: datetime | None
    signed_in_at: datetime | None
    query_at: datetime | None
    pledged_at: datetime | None
    sign_in_allowed_at: datetime | None
    left_at: datetime | None
    violation_code: str | None
    attempt_id: int | None
    attempt_state: State | None
    started_at: datetime | None
    closes_at: datetime | None
    differs: timedelta
    allowance: timedelta
    """What their accommodation adds to the paper's time (R-30)."""
    open_unit: int | None
    total: int
    closed_at: datetime | None
    closed_by: ClosedBy | None
    heard: bool
    saved: bool
    last: SeatNumbers | None
    """These three are as of ToldNumbers."""
    blurs: int
    undelivered: int
    badges: tuple[str, ...]
    alerts: frozenset[str]
    claim_address: str | None
    """The address of the machine that waits for this seat."""
    elsewhere_address: str | None
    """From where this person's login or lease was used on another machine (R-42)."""
    guesses: Guesses | None
    proposals: tuple[Proposal, ...] = field(default=())
    hand: HandUp | None = None
    """What they have raised their hand for, and nobody has answered yet."""

    @property
    def label(self) -> str:
        return f"{self.number:02d}"

    @property
    def mark(self) -> str:
        return MARKS[self.state]

    @property
    def tone(self) -> str:
        """The colour of the tile; an alert turns a quiet one to `warn`."""
        tone = TONES[self.state]
        return "warn" if self.alerts and tone not in {"stop", "warn"} else tone

    @property
    def flagged(self) -> str:
        """The alert a small tile has room for; being offline is told by the state."""
        return next((alert for alert in ALERTS if alert in self.alerts), "")

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def doing(self) -> str:
        """The catalogue's word beside the state: what somebody at the door is at, how a paper was closed."""
        if self.state is SeatState.CLOSED:
            return f"closed_{self.closing}"
        if self.state is SeatState.ARRIVED:
            if self.signed_in_at is not None:
                return "reading"
            return "checked_in" if self.checked_in_at is not None else ""
        return ""

    @property
    def closing(self) -> str:
        """How the paper ended, as `closing` of the rules has it; "" while it is not closed."""
        return "" if self.closed_by is None else closing(self.closed_by, started=self.started_at is not None)

    @property
    def may_run_until(self) -> datetime | None:
        """When this candidate's paper ends, begun or not; None while nobody can tell or when it is over."""
        if self.state in {SeatState.CLOSED, SeatState.ABSENT}:
            return None
        if self.started_at is not None or self.paper.closes_at is None:
            return self.closes_at
        return self.paper.closes_at + self.allowance

    @property
    def present(self) -> bool:
        """Whether the person counts as 实考: once the room can be ended these are those of its balance (R-61)."""
        here = self.arrived_at is not None or self.signed_in_at is not None
        return self.state is SeatState.CLOSED or (here and self.absent_at is None)

    @property
    def never_began(self) -> bool:
        return self.started_at is None and self.absent_at is None and self.arrived_at is not None


@dataclass(frozen=True, slots=True)
class FreeSeat:
    """A seat nobody of this sitting has."""

    seat_id: int
    number: int
    spare: bool
    bound: bool

    @property
    def label(self) -> str:
        return f"{self.number:02d}"


def state_of(row: Any, seen_at: datetime | None, *, now: datetime) -> SeatState:
    """Return what the seat of one row of the board shows at `now`, whose page was heard last at `seen_at`."""
    return seat_state(
        SeatFacts(
            arrived_at=row.arrived_at,
            absent_at=row.absent_at,
            pledged_at=row.pledged_at,
            attempt_state=None if row.attempt_state is None else State(row.attempt_state),
            move_allowed_at=row.move_allowed_at,
            seen_at=seen_at,
        ),
        now=now,
    )


def seat_view(
    row: Any,
    board_numbers: BoardNumbers,
    *,
    state: SeatState,
    alerts: frozenset[str],
    paper: PaperLine,
    grants: Mapping[str, timedelta],
    proposals: tuple[Proposal, ...],
    guesses: Guesses | None,
    hand: HandUp | None,
) -> SeatView:
    """Return the view of one row of the board that has a registration: nothing but these makes it another."""
    return SeatView(
        seat_id=row.seat_id,
        number=row.number,
        registration_id=row.registration_id,
        ref=row.ref,
        candidate_id=row.candidate_id,
        name=row.name,
        ticket=row.ticket,
        paper=paper,
        state=state,
        arrived_at=row.arrived_at,
        checked_in_at=row.checked_in_at,
        absent_at=row.absent_at,
        signed_in_at=row.signed_in_at,
        query_at=row.query_at,
        pledged_at=row.pledged_at,
        sign_in_allowed_at=row.sign_in_allowed_at,
        left_at=row.left_at,
        violation_code=row.violation_code,
        attempt_id=row.attempt_id,
        attempt_state=None if row.attempt_state is None else State(row.attempt_state),
        started_at=row.started_at,
        closes_at=row.closes_at,
        differs=_differs(row.closes_at, paper.closes_at, state),
        allowance=_more(paper.duration, row.factor) + row.extra,
        open_unit=row.open_unit,
        total=row.places or paper.total,
        closed_at=row.closed_at,
        closed_by=None if row.closed_by is None else ClosedBy(row.closed_by),
        heard=board_numbers.heard,
        saved=board_numbers.saved,
        last=board_numbers.last,
        blurs=row.blurs or 0,
        undelivered=row.undelivered,
        badges=badges_of(row, grants),
        alerts=alerts,
        claim_address=row.claim_address if row.claim_hash is not None else None,
        elsewhere_address=row.elsewhere_address if row.elsewhere_at is not None else None,
        guesses=guesses,
        proposals=proposals,
        hand=hand,
    )


@lru_cache(1024)
def _more(duration: timedelta, factor: Decimal) -> timedelta:
    return scaled(duration, Fraction(factor) - 1)


def _differs(closes_at: datetime | None, paper_closes_at: datetime | None, state: SeatState) -> timedelta:
    if closes_at is None or paper_closes_at is None or state not in UNDER_WAY:
        return timedelta(0)
    apart = closes_at - paper_closes_at
    return apart if abs(apart) >= DIFFERS else timedelta(0)


class SeatCache:
    """The seats of one room, by their ids."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[tuple[object, ...], SeatView]] = {}
        """Of each seat what it was made of, and the seat."""

    def view(
        self,
        row: Any,
        numbers: SeatNumbers,
        *,
        paper: PaperLine,
        grants: Mapping[str, timedelta],
        proposals: tuple[Proposal, ...],
        guesses: TryCount | None,
        seen: Mapping[tuple[int, str], int],
        hand: HandUp | None,
        runs_since: datetime | None,
        now: datetime,
    ) -> SeatView:
        """Return the seat of a row that has a registration; `runs_since` as of `alerts_of`."""
        state = state_of(row, numbers.seen_at, now=now)
        alerts = alerts_of(
            row,
            state,
            proposals=proposals,
            guesses=guesses,
            seen=seen,
            hand_up=hand is not None,
            runs_since=runs_since,
            now=now,
        )
        guessed, told_numbers = guesses_of(guesses), told_of(numbers, state)
        of = (row, told_numbers, state, alerts, paper, grants, proposals, guessed, hand)
        kept = self._made.get(row.seat_id)
        if kept is not None and kept[0] == of:
            return kept[1]
        made = seat_view(
            row,
            told_numbers,
            state=state,
            alerts=alerts,
            paper=paper,
            grants=grants,
            proposals=proposals,
            guesses=guessed,
            hand=hand,
        )
        self._made[row.seat_id] = of, made
        return made
