"""Every act of staff on a big world: no unit of work keeps others from writing for long.

Source: I13.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import func, select

from cbt.batches.checks import planning
from cbt.batches.moving import service as moving
from cbt.batches.moving.carrying import MoveWish
from cbt.batches.people import changing
from cbt.batches.publishing import service as publishing
from cbt.batches.seating import arranging
from cbt.batches.seating import service as seating
from cbt.candidates.models import Registration
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.models import Attempt
from cbt.delivery.paper.drawing import draw_for_sitting
from cbt.demo.papers import Variant, prepare_papers
from cbt.demo.places import Hall, add_staff, build_premises, plan_sitting
from cbt.demo.seating import Entrant, seat_everybody
from cbt.results import service as results
from cbt.results.models import Result
from cbt.results.publicity import publishing as publicity
from cbt.results.publicity.models import PublishedResult
from cbt.rules.planning.seating import SeatWishes
from cbt.rules.roles import Role
from cbt.sittings.models import Sitting, SittingRoom
from tests.attacks.stages import Stage, staged
from tests.conftest import Templates
from tests.growth import grown
from tests.growth.scene import begin_small, writing
from tests.held import HeldUnit, held_units
from tests.results import scene

ROOMS_MORE = 4
PLANNED_PEOPLE = 320
PER_ROOM = 40
LEVEL = "customer-service-l3"


def too_long(stage: Stage, act: Callable[[], object]) -> list[HeldUnit]:
    """Do an act, and return its units of work that everybody's save would notice."""
    with stage.app.app_context(), held_units(stage.app) as units:
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
            halls = [Hall(f"大考场 {number}", PER_ROOM + 4, 4) for number in range(PLANNED_PEOPLE // PER_ROOM)]
            premises = build_premises(session, halls, now=now)
            runs = add_staff(session, Role.CHIEF_PROCTOR, login="held-chief", name="主考", now=now)
            duties = [{runs.id: "chief_proctor"} for _ in halls]
            sitting, rooms = plan_sitting(
                session, premises, at=at, duties=duties, published=False, now=now
            )
            entrants = [
                Entrant(number // PER_ROOM, variants[number % 2]) for number in range(PLANNED_PEOPLE)
            ]
            seat_everybody(session, entrants, papers, rooms, now=now)
            return sitting.ref


def count(stage: Stage, what: object) -> int:
    """Return how many rows there are of a table."""
    with stage.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(what)) or 0  # type: ignore[arg-type]


def test_try(stage: Stage, planned: str) -> None:
    world, now = stage.world, stage.world.clock.now()
    with stage.app.app_context(), reading() as session:
        sitting = session.scalars(select(Sitting).where(Sitting.ref == planned)).one()
        rooms = session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == sitting.id)).all()
        room_refs = [room.ref for room in rooms]
        start = sitting.planned_start_at
    acts = {
        "arrange": lambda: arranging.arrange_sitting(sitting_ref=planned, wishes=SeatWishes(), seed=1, now=now, actor="staff:test"),
        "draw": lambda: draw_for_sitting(planned, now=now, actor="staff:test"),
        "mend": lambda: seating.mend(sitting_ref=planned, room_ref=room_refs[0], seed=1, now=now, actor="staff:test"),
        "preview": lambda: moving.preview(sitting_ref=planned, wish=MoveWish("另一天", start + timedelta(days=1), {}, "改期"), now=now),
        "move": lambda: moving.move(sitting_ref=planned, wish=MoveWish("另一天", start + timedelta(days=1), {}, "改期"), now=now, actor="staff:test"),
        "publish": lambda: publishing.publish(sitting_ref=planned, now=now, actor="staff:test"),
        "withdraw": lambda: moving.withdraw(sitting_ref=planned, reason="漏排", now=now, actor="staff:test"),
        "cancel": lambda: moving.cancel(sitting_ref=planned, reason="停电", now=now, actor="staff:test"),
    }
    for name, act in acts.items():
        try:
            with stage.app.test_request_context("/"), held_units(stage.app) as units:
                act()
        except Exception as e:
            print(name, "raised", type(e), str(e)[:300], getattr(e, "params", ""))
        print(name, len(units), [str(u) for u in units if u.too_long][:2], max((u.statements, u.read, u.written, u.calls) for u in units) if units else "")
