"""A sitting with short answers that wait for people, three markers, and an officer who opens the desk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from cbt.accounts.models import Staff
from cbt.accounts.staff import create_staff
from cbt.accounts.store import staff_principal
from cbt.http.auth.login import Principal
from cbt.rules.canonical import digest
from cbt.rules.roles import Role
from cbt.runner.models import Attempt, JournalEntry
from cbt.runner.save.digest import journal_texts
from cbt.scoring.marking.desk import name_marker, open_desk
from cbt.scoring.marking.models import MarkedAnswer, MarkingQueue
from cbt.scoring.marking.turns import MarkForm, give, take
from cbt.scoring.service import score_closed
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.kinds.papers import give_paper
from tests.results.scene import ENDED, USUAL, finish
from tests.world import PLANNED, Person, World, form_of

MARKERS = ("陈晓", "吴敏", "郑磊")
WRITERS = ("theory", "extra", "late")


@dataclass
class MarkingScene:
    """The world after its sitting, with the markers' accounts by number."""

    world: World
    markers: list[Principal]

    @property
    def ref(self) -> str:
        return self.world.sitting_ref

    def open(self, *, markers: int = 3) -> int:
        """Open the desk and name the first of the markers; return how many answers wait."""
        now, actor = self.world.clock.now(), f"staff:{self.world.people['officer'].ref}"
        count = open_desk(self.ref, now=now, actor=actor)
        for marker in self.markers[:markers]:
            name_marker(self.ref, marker.subject_ref, now=now, actor=actor)
        return count

    def queues(self) -> list[MarkingQueue]:
        with reading() as session:
            return list(session.scalars(select(MarkingQueue).order_by(MarkingQueue.id)))

    def states(self) -> list[str]:
        with reading() as session:
            return sorted(session.scalars(select(MarkedAnswer.state)))

    def take(self, queue: MarkingQueue, number: int) -> str | None:
        return take(queue.ref, self.markers[number], now=self.world.clock.now())

    def give(self, ref: str, number: int, points: Iterable[object]) -> str:
        form = MarkForm([str(one) for one in points])
        return give(ref, form, self.markers[number], now=self.world.clock.now())

    def mark_all(self, number: int, points: Mapping[str, Iterable[object]]) -> int:
        """Have a marker mark all they can; `points` by the ref of the queue. Return how many."""
        count = 0
        for queue in self.queues():
            while (ref := self.take(queue, number)) is not None:
                self.give(ref, number, points[queue.ref])
                self.world.clock.advance(timedelta(seconds=20))
                count += 1
        return count


def waiting(world: World, *, writers: Iterable[str] = WRITERS) -> MarkingScene:
    """End the sitting with short answers of these sitters, scored as far as the machine can."""
    names = tuple(writers)
    world = give_paper(world.app, world, *names, now=world.clock.now())
    finish(world, USUAL | dict.fromkeys(names, "unscored"))
    with world.app.app_context():
        for name in names:
            write_answers(world, name)
        assert score_closed(now=ENDED) == len(names)
        people = [_marker(f"marker-{number}", name) for number, name in enumerate(MARKERS, 1)]
        world.people |= {f"marker-{number}": person for number, person in enumerate(people, 1)}
        # Of the accounts' making a day has gone by: they are three people's.
        world.clock.set(ENDED + timedelta(days=2))
        with reading() as session:
            principals = [staff_principal(session, person.ref) for person in people]
    return MarkingScene(world, [one for one in principals if one is not None])


def write_answers(world: World, name: str) -> None:
    """Put two short answers of a sitter into the journal of the closed attempt, and seal it."""
    attempt_id = world.sitters[name].attempt_id
    with reading() as session:
        positions = [
            one["position"]
            for one in form_of(session, attempt_id)["positions"]
            if one["type"] == "short_answer"
        ]
    with unit_of_work() as session:
        session.add_all(
            JournalEntry(
                attempt_id=attempt_id,
                lease_epoch=1,
                seq=number,
                position=position,
                kind="answer",
                value=json.dumps(f"一是致歉，二是补偿。{name}", ensure_ascii=False),
                received_at=PLANNED + timedelta(seconds=20 * number),
                in_grace=False,
            )
            for number, position in enumerate(positions, 1)
        )
        session.flush()
        attempt = session.get_one(Attempt, attempt_id)
        attempt.journal_digest = digest(journal_texts(session, [attempt_id])[attempt_id])
        attempt.receipt = f"R{attempt_id:06d}"


def _marker(login: str, name: str) -> Person:
    create_staff(login=login, name=name, roles=[Role.MARKER], now=ENDED, actor="cli")
    with unit_of_work() as session:
        usual = session.scalars(select(Staff.password_hash).where(Staff.login == "inspector")).one()
        staff = session.scalars(select(Staff).where(Staff.login == login)).one()
        staff.password_hash, staff.must_change_password = usual, False
        return Person(staff.ref, staff.login, staff.id)
