"""A room with answers that came after the deadline, and the two who rule on them."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.audit.verification import verify
from cbt.ops.backup.verification import check_journals, check_scores
from cbt.runner.close.closure import expire_overdue
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed, verify_sitting
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import end_room
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.journeys.answers import Place, places_in
from tests.proctoring.desk import running
from tests.world import PASSWORD, PLANNED, World

MINUTE = timedelta(minutes=1)
END = PLANNED + 45 * MINUTE


class Scene:
    """Two theory papers of one room: 58 right answers saved in time; two more right ones came late."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.names = ("theory", "second")
        self.pages = running(world, *self.names)
        self.places: dict[str, list[Place]] = {}
        with world.app.app_context(), reading() as session:
            for name in self.names:
                self.places[name] = places_in(session, world.sitters[name].attempt_id)
        world.clock.set(PLANNED + 30 * MINUTE)
        for name, page in self.pages.items():
            assert page.send(*[self.right(name, index) for index in range(58)]).status_code == 200
        world.clock.set(END + timedelta(seconds=70))
        for name, page in self.pages.items():
            late = [self.right(name, 58), self.right(name, 59)]
            assert page.send(*late).status_code == 410
        self.end()

    def right(self, name: str, index: int) -> dict[str, Any]:
        """Return the next entry of a page, the right answer of a place."""
        place, page = self.places[name][index], self.pages[name]
        return page.entry(place.position, place.right())

    def end(self) -> None:
        """Close, score and end."""
        world = self.world
        world.clock.set(END + 5 * MINUTE)
        with world.app.app_context():
            expire_overdue(now=world.clock.now())
            score_closed(now=world.clock.now())
            with unit_of_work() as session:
                for room in session.scalars(select(SittingRoom)):
                    end_room(session, room, now=world.clock.now(), actor="staff:test")

    @property
    def url(self) -> str:
        """Where the ruling is made."""
        return f"/results/{self.world.sitting_ref}/late"

    def page(self, role: str = "officer") -> str:
        """Return the page."""
        answer = self.world.staff(role).get(self.url)
        assert answer.status_code == 200
        return answer.text

    def rule(
        self, *names: str, role: str = "officer", second: str = "chief_proctor", **more: str
    ) -> TestResponse:
        """Send the form as the page shows it."""
        seen = re.search(r'name="seen" value="(\w+)"', self.page(role))
        data: dict[str, Any] = {
            "room": self.world.room_ref,
            "seen": seen.group(1) if seen else "",
            "attempt": [self.world.sitters[name].attempt_ref for name in names],
            "verdict": "approved",
            "fault": "network",
            "reason": "14:40 全场断网两分钟",
            "second_login": self.world.people[second].login,
            "second_password": PASSWORD,
            **more,
        }
        return self.world.staff(role).post(self.url, data=data)

    def scores(self, name: str) -> list[tuple[int, Decimal, bool]]:
        """Return every score of a sitter in the order they were given."""
        with self.world.app.app_context(), reading() as session:
            rows = session.scalars(
                select(Score)
                .where(Score.attempt_id == self.world.sitters[name].attempt_id)
                .order_by(Score.number)
            )
            return [(row.number, row.score, row.passed) for row in rows]

    def holds(self) -> None:
        """Insist that rescoring gives the same bytes and that nothing stored was touched."""
        with self.world.app.app_context():
            checked = verify_sitting(self.world.sitting_ref)
            assert checked
            assert all(one.ok for one in checked)
            with reading() as session:
                assert check_scores(session)[1] == check_journals(session)[1] == []
                assert verify(session).broken_at is None
