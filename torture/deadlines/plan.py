"""Plans around every edge of a life what is tried a millisecond before, at and after it.

A plan is a list of acts in the order of their instants, each with what must come of it. What must come of it
is taken from the oracle alone.

Source: R-21, R-23, R-24, R-25.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from cbt.demo.world import Entrant
from cbt.rules.exam import Paper
from torture.arena import BEGIN
from torture.deadlines.draw import MINUTE, MS, SECOND, ZERO, Act, RoomFate, room_acts, span_of, terms_of
from torture.deadlines.oracle import Grant, Life, Span, Stop

MARGIN = 2 * SECOND
"""The sweep waits so long after the grace (R-21)."""
QUIET = SECOND
"""An edge is tried only where nothing else happens so close before it."""


class Plan:
    """The acts around one sitter's life."""

    def __init__(self, who: int, wanted: Entrant, paper: Paper, fate: RoomFate, rng: random.Random) -> None:
        self.who = who
        self.rng = rng
        self.acts: list[Act] = []
        self.life = Life(
            terms=terms_of(paper),
            room_started_at=BEGIN,
            started_at=BEGIN + rng.choice((ZERO, span_of(rng, MS, 5 * MINUTE))),
            factor=Fraction(wanted.factor),
            extra=wanted.extra,
            stops=list(fate.stops),
            grants=list(fate.grants),
        )
        self._busy = [(stop.from_at, known) for stop, known in zip(fate.stops, fate.known_at, strict=True)]
        self._busy += [(stop.to_at, stop.to_at) for stop in fate.stops]
        self._busy += [(grant.at, grant.at) for grant in fate.grants]
        self.acts.append(Act(self.life.started_at, "open", who))
        self._own_facts()
        self._confirmations()
        self.spans = self.life.units()
        self.closes_at = self.life.closes_at()
        self.over_at: datetime | None = None
        self._last_moments()
        for span in self.spans[:-1]:
            self._unit_edge(span)
        if self._edges_of_last():
            self._unit_edge(self.spans[-1])
        self._earliest_edge()
        self._closing()
        self.acts.sort(key=lambda act: act.at)

    def _own_facts(self) -> None:
        """Draw a pause and a grant of this candidate's own."""
        at = max([self.life.started_at + 6 * MINUTE, *(until for _, until in self._busy)]) + SECOND
        if self.rng.random() < 0.4:
            at += span_of(self.rng, SECOND, 4 * MINUTE)
            until = at + span_of(self.rng, MS, 10 * MINUTE)
            self.life.stops.append(Stop(at, until, room=False))
            self._busy += [(at, at), (until, until)]
            self.acts += [Act(at, "suspend", self.who), Act(until, "resume", self.who)]
            at = until + SECOND
        if self.rng.random() < 0.4:
            at += span_of(self.rng, SECOND, 2 * MINUTE)
            if at >= self.life.closes_at() - MINUTE:
                return
            amount = span_of(self.rng, SECOND, 6 * MINUTE)
            spread = self.rng.random() < 0.5
            self.life.grants.append(Grant(at, amount, in_proportion=spread))
            self._busy.append((at, at))
            self.acts.append(Act(at, "adjust", self.who, amount=amount, flag=spread))

    def _confirmations(self) -> None:
        """Let the candidate end some units early."""
        for unit in range(1, len(self.life.terms.windows) + 1):
            span = next((one for one in self.life.units() if one.unit == unit), None)
            if span is None or self.rng.random() > 0.3:
                continue
            first_at, last_at = span.opened_at + 10 * SECOND, span.ended_at - SECOND
            if first_at >= last_at:
                continue
            at = first_at + span_of(self.rng, ZERO, last_at - first_at)
            if self._quiet(at) and not self.life.paused(at):
                self.life.confirmed.append((unit, at))
                self._busy.append((at, at))

    def _last_moments(self) -> None:
        """Stop some clocks one millisecond before their end: that millisecond is given back."""
        at = self.closes_at - MS
        if self.rng.random() > 0.15 or not self._quiet(at - 3 * SECOND) or self.life.paused(at):
            return
        if any(at - 10 * SECOND < span.ended_at < at for span in self.spans):
            return
        until = at + span_of(self.rng, SECOND, MINUTE)
        self.life.stops.append(Stop(at, until, room=False))
        self.acts += [Act(at, "suspend", self.who), Act(until, "resume", self.who)]
        self.spans, self.closes_at = self.life.units(), self.life.closes_at()
        unit = self.spans[-1].unit if self.spans else 0
        for moment in (at, until - MS):
            self._save(moment, unit)
            self._submit(moment)

    def _edges_of_last(self) -> bool:
        return bool(self.spans) and self.spans[-1].ended_at < self.closes_at

    def _unit_edge(self, span: Span) -> None:
        if span.confirmed:
            self._save(span.ended_at - MS, span.unit)
            self.acts.append(Act(span.ended_at, "advance", self.who, unit=span.unit, flag=True))
            self._save(span.ended_at + MS, span.unit)
            self._save_in_next(span, span.ended_at + MS)
            return
        swept_at = span.ended_at + self.life.terms.grace + MARGIN
        self.acts.append(Act(swept_at, "sweep_units", self.who))
        if not self._quiet(span.ended_at):
            return
        early = Act(span.ended_at - MS, "advance", self.who, unit=span.unit, expected=(409, "unit.moved"))
        self.acts.append(early)
        self._submit(span.ended_at - MS)
        for at in self._around(span.ended_at):
            self._save(at, span.unit)
        if self.rng.random() < 0.5:
            self.acts.append(Act(span.ended_at + MS, "advance", self.who, unit=span.unit))
            self._save_in_next(span, span.ended_at + 2 * MS)
        else:
            self._save_in_next(span, swept_at)

    def _save_in_next(self, span: Span, at: datetime) -> None:
        following = next((one for one in self.spans if one.unit == span.unit + 1), None)
        if following is not None and at < following.ended_at:
            self._save(at, following.unit)

    def _around(self, end_at: datetime) -> list[datetime]:
        grace = self.life.terms.grace
        return sorted({end_at + base + near for base in (ZERO, grace) for near in (-MS, ZERO, MS)})

    def _earliest_edge(self) -> None:
        at = self.life.earliest_at()
        if at > self.closes_at - 10 * SECOND or not self._quiet(at) or self.life.paused(at):
            return
        self._submit(at - MS)
        if self.rng.random() < 0.2 or self._expect_submit(at)[0] != 200:
            self._submit(at + self.rng.choice((ZERO, MS)))

    def _closing(self) -> None:
        blocked_at = self.closes_at - self.life.terms.closed_before_end
        if blocked_at < self.closes_at and self._quiet(blocked_at) and not self.life.paused(blocked_at):
            self._submit(blocked_at)
            if self.rng.random() < 0.2:
                self._submit(blocked_at - MS)
        grace = self.life.terms.grace
        if self._quiet(self.closes_at):
            chosen = self.rng.choice([*self._around(self.closes_at), None, None])
            unit = self.spans[-1].unit if self.spans else 0
            for at in self._around(self.closes_at):
                if at == chosen:
                    self._submit(at)
                self._save(at, unit)
        swept_at = self.closes_at + grace + MARGIN
        for at, due in ((swept_at - MS, 0), (swept_at, 1)):
            self.acts.append(Act(at, "sweep", self.who, expected=(due, ""), closed_at=self.closes_at))
        self.acts.append(Act(swept_at + MS, "repeat", self.who))
        self.acts.append(Act(swept_at + MS, "save", self.who, unit=0, expected=(410, "attempt.closed")))

    def _save(self, at: datetime, unit: int) -> None:
        self.acts.append(Act(at, "save", self.who, unit=unit, expected=self._expect_save(at, unit)))

    def _submit(self, at: datetime) -> None:
        expected = self._expect_submit(at)
        closed_at = min(at, self.closes_at) if expected[0] == 200 else None
        self.acts.append(Act(at, "submit", self.who, expected=expected, closed_at=closed_at))

    def _expect_save(self, at: datetime, unit: int) -> tuple[int, str]:
        grace = self.life.terms.grace
        if self.life.paused(at):
            return 423, "attempt.suspended"
        if at >= self.closes_at + grace:
            return 410, "attempt.closed"
        if unit:
            span = next(one for one in self.spans if one.unit == unit)
            late = at >= span.ended_at + (ZERO if span.confirmed else grace)
            if late or at < span.opened_at:
                return 410, "unit.closed"
        return 200, ""

    def _expect_submit(self, at: datetime) -> tuple[int, str]:
        terms = self.life.terms
        if self.life.paused(at):
            return 423, "attempt.suspended"
        if at >= self.closes_at + terms.grace:
            return 410, "attempt.closed"
        if at >= self.closes_at:
            return 200, ""
        open_unit = next((one.unit for one in self.spans if one.opened_at <= at < one.ended_at), None)
        if open_unit is not None and open_unit < len(terms.windows):
            return 409, "submit.units_open"
        if at < self.life.earliest_at():
            return 425, "submit.too_early"
        if at >= self.life.known(at).closes_at() - terms.closed_before_end:
            return 409, "submit.last_minutes"
        return 200, ""

    def _quiet(self, at: datetime) -> bool:
        """Return whether nothing else happens to this clock around an edge."""
        until = at + self.life.terms.grace + 3 * SECOND
        return all(known < at - QUIET or begin > until for begin, known in self._busy)


def in_order(plans: Sequence[Plan], fates: Sequence[RoomFate]) -> list[Act]:
    """Return every act of everybody in the order of their instants; at one instant, proctors come first."""
    acts = [act for who, fate in enumerate(fates) for act in room_acts(who, fate)]
    acts += [act for plan in plans for act in plan.acts]
    first = ("hold", "resume_room", "outage", "adjust_room", "suspend", "resume", "adjust", "open")
    return sorted(acts, key=lambda act: (act.at, act.what not in first))
