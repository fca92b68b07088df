"""Every page of staff at thirty people and at three thousand: as many queries, as many rows, as many lines drawn.

The pages are those of the map of addresses: one that is added is measured without asking.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import delete

from cbt.application import views as doctor
from cbt.application.views import DoctorReport
from cbt.jobs import answers
from cbt.jobs.models import Job
from cbt.jobs.registry import job_kinds_of
from cbt.storage.unit_of_work import unit_of_work
from tests.attacks.stages import Endpoint, Stage, staged
from tests.conftest import Templates
from tests.growth.scene import PageCost, begin_small, cost_of, make_large, pages_of_staff
from tests.results import scene

A_PAGE = 1_000
"""So many rows more than twice as many: pages that were not full, the rooms of a sitting, the staff there is. One
row a candidate would be three times that."""
QUERIES_MORE = 6
EXCEPT = {
    "inspecting.now": "the boards of twelve rooms at most, whose queries are counted in tests/proctoring",
    "inspecting.live": "the boards of twelve rooms at most, whose queries are counted in tests/proctoring",
    "results.print_sheet": "a file of everybody, made for paper",
    "accounts.audit.export": "a file of what is looked for, 5,000 entries at most",
}
"""What may grow, and why: it is not asked for."""
OVER = ("results.", "late.", "package.", "record.")
"""Pages that say something once a sitting is over."""


@dataclass(frozen=True)
class Costs:
    """What each page costs in the small exam and in the large one."""

    people: int
    small: dict[str, PageCost]
    large: dict[str, PageCost]


@pytest.fixture(scope="module", params=["running", "over"])
def costs(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Costs]:
    """The pages of an exam that runs, and those of its results when it is over; rows are counted in the file."""
    with (
        pytest.MonkeyPatch.context() as patch,
        staged(templates, "sqlite", tmp_path_factory.mktemp("growing")) as stage,
    ):
        patch.setattr(doctor, "ask_doctor", lambda _settings, *, locale: DoctorReport("ok", ()))
        # As where a server keeps a worker: what a job reads of a bank is none of the page that shows how far it is.
        patch.setattr(job_kinds_of(stage.app), "worker_is_kept", True)
        patch.setattr(answers, "PATIENCE_SECONDS", 0.0)
        over = request.param == "over"
        if over:
            scene.end_with(stage.world, scene.USUAL | {"second": "55.0"})
        pages = [
            one for one in pages_of_staff() if one.name.startswith(OVER) == over and one.name not in EXCEPT
        ]
        height = begin_small(stage)
        small = _measured(stage, pages)
        yield Costs(make_large(stage, height), small, _measured(stage, pages))


def _measured(stage: Stage, pages: list[Endpoint]) -> dict[str, PageCost]:
    with stage.app.app_context(), unit_of_work() as session:
        session.execute(delete(Job))  # pages of files ask for jobs: each time of the same ones
    return {one.name: cost_of(stage, one) for one in pages}


def test_the_large_exam_has_three_thousand_people(costs: Costs) -> None:
    assert costs.people >= 3_000


def test_no_page_asks_or_draws_more_for_more_people(costs: Costs) -> None:
    grew = {
        name: (before, now)
        for name, now in costs.large.items()
        for before in [costs.small[name]]
        if now.queries > before.queries + QUERIES_MORE
        or now.rows > 2 * before.rows + A_PAGE
        or now.drawn > 2 * before.drawn + A_PAGE
    }
    assert not grew, "\n".join(f"{name}: {before} -> {now}" for name, (before, now) in grew.items())


def test_a_page_is_the_same_page_in_both(costs: Costs) -> None:
    for name in costs.small:
        assert costs.small[name].status == costs.large[name].status, name
