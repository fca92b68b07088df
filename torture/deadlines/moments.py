"""Saves and hand-ins a millisecond before, at and after every end: the product against an oracle of its own.

Rooms are drawn with holds, extensions, accommodations, late starters and confirmed units; the app of this
process is driven through its whole WSGI door with a clock moved by hand.

Source: R-21, R-23, R-24, R-25, R-28, R-29; I1, I2, I4.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.config import Settings
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.close.sweeps import advance_overdue, expire_overdue
from cbt.delivery.models import Attempt, JournalEntry, LateEntry
from cbt.delivery.steps import adjust_attempt, refresh_clocks, resume_attempt, suspend_attempt
from cbt.ops.safety.checking import verify_everything
from cbt.scoring.service import score_closed
from cbt.sittings.clock.running import adjust_room, hold_room, resume_room
from cbt.sittings.models import SittingRoom
from torture.deadlines.draw import Act, draw_people, draw_room
from torture.deadlines.plan import Plan, in_order
from torture.sites.arena import ACTOR, Arena, Sitter, arena

CASES_PER_LIFE = 22
"""About how many cases one drawn life gives."""


@dataclass(slots=True)
class Tried:
    """What was tried and what did not come out as the rules say."""

    cases: int = 0
    saves: int = 0
    submits: int = 0
    sweeps: int = 0
    broken: list[str] = field(default_factory=list)


def try_deadlines(settings: Settings, *, cases: int, seed: int) -> Tried:
    """Draw lives until about `cases` cases are had, drive them, and check what was stored.

    `settings` name an empty database. The same seed draws the same lives.
    """
    rng = random.Random(seed)
    people = draw_people(max(1, -(-cases // CASES_PER_LIFE)), rng)
    with arena(settings, people, rng=rng) as built:
        fates = [draw_room(rng) for _ in built.rooms]
        plans = [
            Plan(number, wanted, sitter.paper, fates[wanted.room], rng)
            for number, (wanted, sitter) in enumerate(zip(people, built.sitters, strict=True))
        ]
        run = _Run(built)
        for act in in_order(plans, fates):
            run.do(act)
        with built.app.app_context():
            score_closed(now=built.clock.now())
            _check_stored(run, plans)
        return run.tried


class _Run:
    """Drives the acts and keeps what was acknowledged."""

    def __init__(self, built: Arena) -> None:
        self.arena = built
        self.tried = Tried()
        self.positions = [_positions(built, sitter) for sitter in built.sitters]
        self.acknowledged: dict[int, dict[int, tuple[int, datetime]]] = defaultdict(dict)
        """By attempt: seq -> (position, instant) of every save answered with 200."""
        self.refused: dict[int, set[int]] = defaultdict(set)
        """By attempt: the numbers refused as late, which are kept as evidence (R-29)."""
        self.receipts: dict[int, tuple[str, datetime]] = {}

    def do(self, act: Act) -> None:
        """Carry out one act and compare."""
        self.arena.clock.move_to(act.at)
        if act.what in ("open", "save", "submit", "repeat", "advance"):
            getattr(self, f"_{act.what}")(act)
            return
        with self.arena.app.app_context():
            getattr(self, f"_{act.what}")(act)

    def _fail(self, act: Act, got: object) -> None:
        sitter = self.arena.sitters[act.who]
        self.tried.broken.append(f"{act.what} of attempt {sitter.attempt_id} at {act.at}: {got}, {act}")

    def _sitter(self, act: Act) -> Sitter:
        return self.arena.sitters[act.who]

    def _open(self, act: Act) -> None:
        status, body = self.arena.open(self._sitter(act))
        if status != 200:
            self._fail(act, (status, body))

    def _save(self, act: Act) -> None:
        sitter = self._sitter(act)
        position = self.positions[act.who][act.unit]
        entry = sitter.entry("note", position, f"{act.at.isoformat()} {sitter.seq}")
        status, body = self.arena.post(sitter, "answers", [entry])
        self.tried.cases += 1
        self.tried.saves += 1
        expected = self._unless_over(act)
        if (status, body.get("code", "")) != expected:
            self._fail(act, (status, body))
        if status == 200:
            self.acknowledged[sitter.attempt_id][entry["seq"]] = (position, act.at)
        elif status == 410:
            self.refused[sitter.attempt_id].add(entry["seq"])

    def _unless_over(self, act: Act) -> tuple[int, str]:
        """A paper handed in earlier takes nothing more, whatever the clock says."""
        if self._sitter(act).attempt_id in self.receipts:
            return 410, "attempt.closed"
        return act.expected

    def _submit(self, act: Act) -> None:
        sitter = self._sitter(act)
        if sitter.attempt_id in self.receipts:
            self._repeat(act)
            return
        status, body = self.arena.post(sitter, "submit", pressed_at=act.at.isoformat())
        self.tried.cases += 1
        self.tried.submits += 1
        if (status, body.get("code", "")) != act.expected:
            self._fail(act, (status, body))
        if status == 200:
            closed_at = datetime.fromisoformat(body["closed_at"])
            self.receipts[sitter.attempt_id] = (body["receipt"], closed_at)
            if closed_at != act.closed_at:
                self._fail(act, closed_at)

    def _repeat(self, act: Act) -> None:
        """A hand-in sent again after the closing gives the same receipt."""
        sitter = self._sitter(act)
        status, body = self.arena.post(sitter, "submit", pressed_at=act.at.isoformat())
        self.tried.cases += 1
        self.tried.submits += 1
        known = self.receipts.get(sitter.attempt_id)
        if status != 200 or (known is not None and body["receipt"] != known[0]):
            self._fail(act, (status, body))

    def _advance(self, act: Act) -> None:
        sitter = self._sitter(act)
        if sitter.attempt_id in self.receipts:
            return
        status, body = self.arena.post(sitter, "advance", from_unit=act.unit, completed=act.flag)
        self.tried.cases += 1
        if (status, body.get("code", "")) != act.expected:
            self._fail(act, (status, body))

    def _sweep(self, act: Act) -> None:
        expire_overdue(now=act.at)
        sitter = self._sitter(act)
        self.tried.cases += 1
        self.tried.sweeps += 1
        with reading() as session:
            attempt = session.get_one(Attempt, sitter.attempt_id)
            closed_at, closed_by = attempt.closed_at, attempt.closed_by
        if sitter.attempt_id in self.receipts:
            wanted: tuple[object, object] = (self.receipts[sitter.attempt_id][1], closed_by)
        else:
            wanted = (act.closed_at, "deadline") if act.expected[0] else (None, None)
        if (closed_at, closed_by) != wanted:
            self._fail(act, (closed_at, closed_by))

    def _sweep_units(self, act: Act) -> None:
        advance_overdue(now=act.at)

    def _hold(self, act: Act) -> None:
        with unit_of_work() as session:
            room = session.get_one(SittingRoom, self.arena.rooms[act.who])
            since = act.since or act.at
            hold_room(session, room, from_at=since, now=act.at, reason_code="power", reason="", actor=ACTOR)
            refresh_clocks(session, now=act.at, sitting_room_id=room.id, reopen=since < act.at)

    def _resume_room(self, act: Act) -> None:
        with unit_of_work() as session:
            room = session.get_one(SittingRoom, self.arena.rooms[act.who])
            resume_room(session, room, now=act.at, actor=ACTOR)
            refresh_clocks(session, now=act.at, sitting_room_id=room.id)

    def _adjust_room(self, act: Act) -> None:
        with unit_of_work() as session:
            room = session.get_one(SittingRoom, self.arena.rooms[act.who])
            kind = "general" if act.flag else "site_fault"
            moves = act.what == "outage"
            adjust_room(
                session, room, now=act.at, amount=act.amount, kind=kind, reason_code="system", reason="",
                actor=ACTOR, moves_earliest=moves,
            )  # fmt: skip
            refresh_clocks(session, now=act.at, sitting_room_id=room.id, reopen=kind == "site_fault")

    _outage = _adjust_room

    def _suspend(self, act: Act) -> None:
        if (attempt_id := self._sitter(act).attempt_id) in self.receipts:
            return
        with unit_of_work() as session:
            attempt = session.get_one(Attempt, attempt_id)
            suspend_attempt(session, attempt, now=act.at, reason="", actor=ACTOR)

    def _resume(self, act: Act) -> None:
        if (attempt_id := self._sitter(act).attempt_id) in self.receipts:
            return
        with unit_of_work() as session:
            resume_attempt(session, session.get_one(Attempt, attempt_id), now=act.at, actor=ACTOR)

    def _adjust(self, act: Act) -> None:
        kind = "general" if act.flag else "site_fault"
        with unit_of_work() as session:
            adjust_attempt(
                session, session.get_one(Attempt, self._sitter(act).attempt_id), now=act.at,
                amount=act.amount, kind=kind, reason_code="system", reason="", actor=ACTOR,
            )  # fmt: skip


def _positions(built: Arena, sitter: Sitter) -> dict[int, int]:
    """Return one position of each strict unit (0: any, where the time is the paper's)."""
    with built.app.app_context():
        info = built.app.extensions["cbt_journal"].infos.get(sitter.ref)
    found: dict[int, int] = {0: 1}
    for position, unit in enumerate(info.units, 1):
        found.setdefault(unit, position)
    return found


def _check_stored(run: _Run, plans: Sequence[Plan]) -> None:
    """Compare what is stored with what was acknowledged and with the oracle's ends."""
    broken = run.tried.broken
    with reading() as session:
        for plan, sitter in zip(plans, run.arena.sitters, strict=True):
            broken += _check_attempt(session, run, plan, sitter)
        closings = Counter(
            session.scalars(select(AuditEntry.subject).where(AuditEntry.act == "attempt.close"))
        )
    for sitter in run.arena.sitters:
        if closings[f"attempt:{sitter.ref}"] != 1:
            broken.append(f"I4: attempt {sitter.attempt_id} has {closings[f'attempt:{sitter.ref}']} closings")
    broken += [f"{check.name}: {check.findings}" for check in verify_everything() if not check.ok]


def _check_attempt(session: Session, run: _Run, plan: Plan, sitter: Sitter) -> list[str]:
    name = f"attempt {sitter.attempt_id}"
    rows: Sequence[Any] = session.scalars(
        select(JournalEntry).where(JournalEntry.attempt_id == sitter.attempt_id)
    ).all()
    late = set(session.scalars(select(LateEntry.seq).where(LateEntry.attempt_id == sitter.attempt_id)))
    stored = {row.seq: (row.position, row.received_at) for row in rows}
    found = []
    if stored != run.acknowledged[sitter.attempt_id]:
        found.append(f"I1: {name} stores {stored}, acknowledged {run.acknowledged[sitter.attempt_id]}")
    if not run.refused[sitter.attempt_id] <= late:
        found.append(f"R-29: {name} keeps {late} of {run.refused[sitter.attempt_id]}")
    last_at = plan.closes_at + plan.life.terms.grace
    for row in rows:
        if row.received_at >= last_at:
            found.append(f"I2: {name} took seq {row.seq} at {row.received_at}, its end was {last_at}")
        if row.received_at >= plan.closes_at and not row.in_grace:
            found.append(f"R-21: {name} does not say that seq {row.seq} came in the grace")
    return found
