"""Every act of staff on a big world: no unit of work keeps others from writing for long.

Source: I13.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import ColumnElement, func, select

from cbt.batches import publication as publishing
from cbt.batches import seat_assignment
from cbt.batches import sitting_change as moving
from cbt.batches.sitting_change import MoveWish
from cbt.candidates.models import Registration
from cbt.demo.world import (
    Entrant,
    Hall,
    Variant,
    add_staff,
    build_premises,
    plan_sitting,
    prepare_papers,
    seat_everybody,
)
from cbt.enrolment.models import ONLY, AssessmentBody
from cbt.results.models import PublishedResult, Result
from cbt.results.package.container import write_package
from cbt.results.publicity import publication as publicity
from cbt.rules.planning.seat_plan import SeatWishes
from cbt.rules.roles import Role
from cbt.runner.models import Attempt
from cbt.runner.paper.draw import draw_for_sitting
from cbt.sittings.models import Sitting, SittingRoom
from cbt.storage.types import Base
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.attacks.stages import Stage, staged
from tests.conftest import Templates
from tests.growth import grown
from tests.growth.scene import begin_small, writing
from tests.results import scene
from tests.write_lock_work import HeldUnit, held_units

ACTOR = "staff:test"
ROOMS_MORE = 4
PLANNED_PEOPLE = 320
PER_ROOM = 40
LEVEL = "customer-service-l3"


def too_long(stage: Stage, act: Callable[[], object]) -> list[HeldUnit]:
    """Do an act, and return its units of work that everybody's save would notice."""
    with stage.app.test_request_context("/"), held_units(stage.app) as units:
        act()
    assert units, "an act that writes nothing is none"
    return [unit for unit in units if unit.too_long]


@pytest.fixture(scope="module")
def stage(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A sitting of 350 people that is over and scored, and one of 320 that is planned."""
    with staged(templates, "sqlite", tmp_path_factory.mktemp("held")) as stage:
        scene.end_with(stage.world, scene.USUAL | {"second": "55.0"})
        small = begin_small(stage)
        with writing(stage) as connection:
            grown.grow(connection, grown.IN_A_ROOM, 1, below=small)
            grown.grow(connection, grown.ROOMS, ROOMS_MORE, below=grown.heights(connection))
        yield stage


@pytest.fixture(scope="module")
def planned(stage: Stage) -> str:
    """The ref of the planned sitting: eight rooms with somebody to run each, and nobody's form is drawn."""
    now, at = stage.world.clock.now(), stage.world.clock.now() + timedelta(days=30)
    with stage.app.app_context():
        settings = stage.app.extensions["cbt_settings"]
        variants = [Variant(LEVEL, "theory"), Variant(LEVEL, "skills")]
        papers = prepare_papers(settings, variants, forms=0, now=now, rng=random.Random(1))
        with unit_of_work() as session:
            halls = [
                Hall(f"大考场 {number}", PER_ROOM + 4, 4) for number in range(PLANNED_PEOPLE // PER_ROOM)
            ]
            premises = build_premises(session, halls, now=now)
            runs = add_staff(session, Role.CHIEF_PROCTOR, login="held-chief", name="主考", now=now)
            duties = [{runs.id: "chief_proctor"} for _ in halls]
            sitting, rooms = plan_sitting(session, premises, at=at, duties=duties, published=False, now=now)
            entrants = [Entrant(number // PER_ROOM, variants[number % 2]) for number in range(PLANNED_PEOPLE)]
            seat_everybody(session, entrants, papers, rooms, now=now)
            return sitting.ref


def count(stage: Stage, table: type[Base], *conditions: ColumnElement[bool]) -> int:
    """Return how many rows of a table there are."""
    with stage.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def test_planning_a_sitting_keeps_nobody_from_saving(stage: Stage, planned: str) -> None:
    now = stage.world.clock.now()
    with stage.app.app_context(), reading() as session:
        sitting = session.scalars(select(Sitting).where(Sitting.ref == planned)).one()
        room = session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == sitting.id)).first()
        assert room is not None
        elsewhere, start, sitting_id = room.ref, sitting.planned_start_at, sitting.id
    drawn = Attempt.registration_id.in_(select(Registration.id).where(Registration.sitting_id == sitting_id))
    which: dict[str, Any] = {"now": now, "actor": ACTOR}
    wish = MoveWish("另一天", start + timedelta(days=1), {}, "改期")
    acts: dict[str, Callable[[], object]] = {
        "排座": lambda: seat_assignment.arrange_sitting(
            sitting_ref=planned, wishes=SeatWishes(), seed=1, **which
        ),
        "组卷": lambda: draw_for_sitting(planned, **which),
        "换座": lambda: seat_assignment.exchange(
            sitting_ref=planned, room_ref=elsewhere, first=1, other=2, **which
        ),
        "移动": lambda: moving.move(sitting_ref=planned, wish=wish, **which),
        "发布": lambda: publishing.publish(sitting_ref=planned, **which),
        "撤回": lambda: moving.withdraw(sitting_ref=planned, reason="漏排", **which),
        "取消": lambda: moving.cancel(sitting_ref=planned, reason="停电", **which),
    }
    with stage.app.test_request_context("/"), held_units(stage.app) as looked:
        assert moving.preview(sitting_ref=planned, wish=wish, now=now).told.people == PLANNED_PEOPLE
    assert looked == [], "a preview writes nothing"
    found = {name: too_long(stage, act) for name, act in acts.items()}
    assert {name: [str(unit) for unit in units] for name, units in found.items() if units} == {}
    assert count(stage, Attempt, drawn) == PLANNED_PEOPLE
    assert count(stage, Sitting, Sitting.ref == planned, Sitting.state == "cancelled") == 1


def test_the_results_of_a_sitting_keep_nobody_from_saving(stage: Stage) -> None:
    world = stage.world
    with stage.app.app_context():
        with reading() as session:
            sitting_id = session.scalars(select(Sitting.id).where(Sitting.ref == world.sitting_ref)).one()
        with unit_of_work() as session:
            session.get_one(AssessmentBody, ONLY).publicity_days = 5
    own = select(Registration.id).where(Registration.sitting_id == sitting_id)
    people = count(stage, Registration, Registration.id.in_(own))
    assert people >= 300
    sheet = f"/results/{world.sitting_ref}"

    def post(path: str, **form: str) -> None:
        reply = world.staff("officer").post(path, data=form)
        assert reply.status_code in {200, 303}, reply.text

    found = {
        "成绩表": too_long(stage, lambda: post(f"{sheet}/workbook")),
        "成绩包": too_long(
            stage, lambda: write_package(world.sitting_ref, actor=ACTOR, now=world.clock.now())
        ),
        "公示": too_long(
            stage, lambda: publicity.publish(world.sitting_ref, now=world.clock.now(), actor=ACTOR)
        ),
    }
    assert count(stage, PublishedResult) == people
    world.clock.set(world.clock.now() + timedelta(days=30))
    found["发布成绩"] = too_long(stage, lambda: scene.release(world))
    assert count(stage, Result, Result.registration_id.in_(own)) == people
    with stage.app.app_context(), unit_of_work() as session:
        for attempt in session.scalars(select(Attempt).where(Attempt.state == "scored")).all():
            scene.add_score(session, attempt, Decimal("91.0"))
    found["更正"] = too_long(
        stage, lambda: post(f"{sheet}/release", act="correct", reason="重新评分", **scene.SECOND)
    )
    assert count(stage, Result, Result.score == Decimal("91.0")) > 100
    assert {name: [str(unit) for unit in units] for name, units in found.items() if units} == {}
