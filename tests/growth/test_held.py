"""Every act of staff on a big world: no unit of work keeps others from writing for long.

Source: I13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from cbt.db.unit_of_work import reading
from cbt.sittings.models import Sitting
from tests.attacks.stages import Stage, staged
from tests.conftest import Templates
from tests.growth import grown
from tests.growth.scene import begin_small, writing
from tests.held import HeldUnit, held_units
from tests.results import scene

ROOMS_MORE = 4
PEOPLE = 350


@dataclass(frozen=True)
class Act:
    """What staff do, and how it is done to a stage."""

    name: str
    do: Callable[[Stage], object]


def grow_people(stage: Stage) -> None:
    """Have 350 people in ten rooms of the stage's sitting, with all that hangs on them."""
    small = begin_small(stage)
    with writing(stage) as connection:
        grown.grow(connection, grown.IN_A_ROOM, 1, below=small)
        grown.grow(connection, grown.ROOMS, ROOMS_MORE, below=grown.heights(connection))


@pytest.fixture(scope="module")
def over(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A sitting of 350 people that is over and scored."""
    with staged(templates, "sqlite", tmp_path_factory.mktemp("held")) as stage:
        scene.end_with(stage.world, scene.USUAL | {"second": "55.0"})
        grow_people(stage)
        with stage.app.app_context(), reading() as session:
            assert session.scalar(select(Sitting.state)) is not None
        yield stage


def too_long(stage: Stage, act: Act) -> list[HeldUnit]:
    """Do an act, and return its units of work that everybody's save would notice."""
    with stage.app.app_context(), held_units(stage.app) as units:
        act.do(stage)
    return [unit for unit in units if unit.too_long]
