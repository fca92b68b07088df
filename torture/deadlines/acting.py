"""Drawn acts done to the product, each answer compared with the oracle's as it comes.

Source: R-21, R-23, R-24, R-25, R-28, R-29.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from cbt.demo.world import ACTOR
from cbt.runner.attempt_changes import adjust_attempt, refresh_clocks, resume_attempt, suspend_attempt
from cbt.runner.close.closure import advance_overdue, expire_overdue
from cbt.runner.models import Attempt
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import adjust_room, hold_room, resume_room
from cbt.storage.unit_of_work import reading, unit_of_work
from torture.arena import Arena, Sitter
from torture.deadlines.draw import Act


@dataclass(slots=True)
class Tried:
    """What was tried and what did not come out as the rules say."""

    cases: int = 0
    saves: int = 0
    submits: int = 0
    sweeps: int = 0
    broken: list[str] = field(default_factory=list)


class Run:
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
