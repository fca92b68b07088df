"""What the room's staff and the scheduler do, to the product and to the model."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from cbt.ops.backup.verification import verify_everything
from cbt.runner.close.closure import advance_overdue, expire_overdue
from cbt.runner.models import Gap
from cbt.scoring.service import score_closed
from cbt.storage.unit_of_work import reading
from tests.torture.side import MINUTE, Side
from tests.world import PLANNED
from torture.deadlines.oracle import Stop


class Office(Side):
    """Acts of proctors, the chief and the leader's jobs."""

    def hold(self, back: int) -> None:
        """Hold the room, from now or from a little before."""
        since = (self.now - timedelta(seconds=back)).replace(microsecond=0) if back else self.now
        fields = {"reason_code": "power"}
        if back:
            fields |= {"since": "at", "from_at": f"{(since + timedelta(hours=8)):%H:%M:%S}"}
        reply = self.proctor.act("hold", second="chief_proctor", **fields)
        if since < PLANNED or self.room.held_from is not None or self.room.ended:
            assert reply.status_code in (409, 422), reply.text
            return
        assert reply.status_code == 303, reply.text
        self.room.held_from = since
        for attempt in self.attempts.values():
            if attempt.closed_by == "deadline" and attempt.started and attempt.suspended and back:
                attempt.open_again(self.now)
        self.refresh()

    def resume_room(self) -> None:
        """Let the room go on."""
        reply = self.proctor.act("resume_room", reason="已恢复")
        if self.room.held_from is None or self.room.ended:
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        stop = Stop(self.room.held_from, self.now, room=True)
        self.room.held_from = None
        for attempt in self.attempts.values():
            attempt.life.stops.append(stop)
        self.refresh()

    def extend_room(self, minutes: int, site_fault: bool) -> None:
        """Give the whole room time; a site fault opens again what the deadline closed."""
        kind = "site_fault" if site_fault else "general"
        fields = {"kind": kind, "minutes": str(minutes), "reason_code": "network"}
        reply = self.proctor.act("adjust_room", second="chief_proctor", **fields)
        if self.room.ended:
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        for attempt in self.attempts.values():
            attempt.grant(self.now, minutes * MINUTE, site_fault=site_fault)
            back = site_fault and attempt.closed_by == "deadline" and attempt.started
            if attempt.under_way:
                attempt.store(self.now)
            elif back and (attempt.suspended or attempt.closes_at > self.now):
                attempt.open_again(self.now)

    def refresh(self) -> None:
        """A fact of the room moved everybody's clock."""
        for attempt in self.attempts.values():
            if attempt.under_way:
                attempt.store(self.now)

    def pause(self, name: str) -> None:
        """Pause one candidate."""
        attempt = self.attempts[name]
        if attempt.started and self.now >= attempt.closes_at:
            return
        reply = self.proctor.act("suspend", name, reason="核对身份")
        running = attempt.under_way and not attempt.suspended
        if not running or self.room.held_from is not None or self.room.ended:
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        attempt.paused_from = self.now
        attempt.store(self.now)

    def go_on(self, name: str) -> None:
        """Let one candidate go on."""
        attempt = self.attempts[name]
        reply = self.proctor.act("resume", name, reason="已核对")
        if self.room.held_from is not None or self.room.ended or attempt.state != "suspended":
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        assert attempt.paused_from is not None
        attempt.life.stops.append(Stop(attempt.paused_from, self.now, room=False))
        attempt.paused_from = None
        attempt.store(self.now)

    def extend(self, name: str, minutes: int, site_fault: bool) -> None:
        """Give one candidate time; a site fault opens again what the deadline closed."""
        attempt = self.attempts[name]
        kind = "site_fault" if site_fault else "general"
        fields = {"kind": kind, "minutes": str(minutes), "reason_code": "network"}
        reply = self.proctor.act("adjust", name, second="chief_proctor", **fields)
        overdue = attempt.started and attempt.closed_by == "deadline"
        if self.room.ended or not (attempt.under_way or (overdue and site_fault)):
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        at = min(self.now, attempt.closed_at) if attempt.closed_at else self.now
        attempt.grant(at, minutes * MINUTE, site_fault=site_fault)
        if attempt.closed_by is None:
            attempt.store(self.now)
        elif attempt.suspended or attempt.closes_at > self.now:
            attempt.open_again(self.now)

    def force(self, name: str) -> None:
        """强制收卷."""
        attempt = self.attempts[name]
        reply = self.proctor.act("force", name, reason="疑似不适", second="chief_proctor")
        if self.room.ended or attempt.closed_by:
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        attempt.close("proctor", self.now)

    def violation(self, name: str) -> None:
        """A violation that ends the paper."""
        if self.room.ended:
            return
        attempt = self.attempts[name]
        reply = self.proctor.act(
            "violation", name, code="phone_used", reason="当场查获", second="chief_proctor"
        )
        assert reply.status_code == 303, reply.text
        if attempt.closed_by is None:
            attempt.close("violation", self.now)

    def reopen(self, name: str, minutes: int) -> None:
        """恢复作答 by the chief, while time is left or given with it."""
        attempt = self.attempts[name]
        fields = {"minutes_more": str(minutes), "reason": "误交卷"}
        reply = self.chief.act("reopen", name, second="officer", **fields)
        if self.room.ended or not attempt.closed_by or not attempt.started:
            assert reply.status_code == 409, reply.text
            return
        grants = list(attempt.life.grants)
        if minutes:
            assert attempt.closed_at is not None
            at = min(self.now, attempt.closed_at) if attempt.closed_by == "deadline" else self.now
            attempt.grant(at, minutes * MINUTE, site_fault=False)
        if not attempt.suspended and attempt.closes_at <= self.now:
            assert reply.status_code == 409, reply.text
            attempt.life.grants = grants
            return
        assert reply.status_code == 303, reply.text
        attempt.open_again(self.now)

    def allow_move(self, name: str) -> None:
        """允许换机."""
        attempt = self.attempts[name]
        reply = self.proctor.act("move", name, reason="机器故障")
        if attempt.closed_by:
            assert reply.status_code == 409, reply.text
            return
        if self.room.ended:
            return
        assert reply.status_code == 303, reply.text
        attempt.may_move = True

    def sweep(self) -> None:
        """The scheduler's turn: what is overdue is closed, moved on and scored."""
        with self.world.app.app_context():
            expire_overdue(now=self.now)
            advance_overdue(now=self.now)
        for attempt in self.attempts.values():
            attempt.sweep(self.now)

    def score(self) -> None:
        """The scheduler scores."""
        with self.world.app.app_context():
            score_closed(now=self.now)
        for attempt in self.attempts.values():
            attempt.scored = attempt.closed_by is not None

    def verify(self) -> None:
        """Everything stored is what was stored: scores, chain, digests, keys (I6, I7, I8)."""
        with self.world.app.app_context():
            assert [check for check in verify_everything() if not check.ok] == []

    def end(self) -> None:
        """End the sitting; it is refused while a gap is undecided."""
        if self.room.ended:
            return
        reply = self.chief.act("end")
        if reply.status_code == 409:
            with self.world.app.app_context(), reading() as session:
                gaps = session.scalars(select(Gap.id).where(Gap.decided_at.is_(None))).all()
            assert gaps, reply.text
            return
        assert reply.status_code == 303, reply.text
        self.room.ended = True
