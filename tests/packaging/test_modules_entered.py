"""How many modules an act leads through: whoever follows it has to open so many.

Counted are the modules of `cbt` in which something runs while an act is carried out for the second time, in the
thread that asks: what the first time reads is kept. The pure rules (`cbt/rules`) are counted among them, and told
apart. An act that leads through fewer lowers its bound here.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest
from flask.testing import FlaskClient

import cbt
from cbt.blueprints.versions import load_reasons
from cbt.paths import product_dir
from cbt.runner.start.handler import pack_papers
from cbt.storage.unit_of_work import unit_of_work
from tests.candidates.rosters import row, xlsx
from tests.delivery.driver import Page
from tests.enrolment.test_applications import Desk, desk, unit
from tests.enrolment.test_units import officer
from tests.file_jobs import work_on
from tests.proctoring.desk import Desk as RoomDesk
from tests.world import World

__all__ = ["desk", "officer", "unit"]

_PRODUCT = f"{Path(cbt.__file__).parent}/"
pytestmark = pytest.mark.once(on="sqlite")


class Corridor(NamedTuple):
    """How many modules an act leads through, and how many of them are no rules."""

    modules: int
    without_rules: int


SAVE = Corridor(16, 12)
START = Corridor(24, 22)
SUSPENSION = Corridor(45, 40)
ROW_CHECK = Corridor(51, 44)
"""With what people say of columns (imports/column_map.py), which every list shares, and what is paid."""
APPLICATION = Corridor(35, 30)


@contextmanager
def entered() -> Iterator[set[str]]:
    """Collect the modules of the product in which this thread runs a function."""
    files: set[str] = set()

    def watch(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            files.add(frame.f_code.co_filename)

    before, modules = sys.getprofile(), set[str]()
    sys.setprofile(watch)
    try:
        yield modules
    finally:
        sys.setprofile(before)
        modules |= {file.removeprefix(_PRODUCT) for file in files if file.startswith(_PRODUCT)}


def leads_through(act: Callable[[], object], most: Corridor) -> None:
    """Insist that an act leads through so many modules at most; they are printed."""
    with entered() as modules:
        act()
    without_rules = [module for module in modules if not module.startswith("rules/")]
    print(*sorted(modules), sep="\n")
    assert len(modules) <= most.modules
    assert len(without_rules) <= most.without_rules


@pytest.fixture
def room(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A room that was started, on a server that has what it stores as it begins and packs before a start."""
    with world.app.app_context(), unit_of_work() as session:
        load_reasons(session, product_dir("blueprints"), now=world.clock.now(), actor="system")
    world.admit_all()
    with world.app.app_context():
        assert pack_papers(now=world.clock.now())
    world.start()
    # It looks at the end of the log every so many seconds, whoever happens to come then.
    monkeypatch.setattr(world.app.extensions["cbt_news"], "_timer", lambda: 0.0)
    return world


def test_a_start(room: World) -> None:
    first, second = Page(room, "theory"), Page(room, "second")
    assert first.start().status_code == 200
    leads_through(second.start, START)
    assert second.lease


def test_a_save(room: World) -> None:
    page = Page(room, "theory")
    page.start()
    page.answer(1, "A")
    replies = []
    leads_through(lambda: replies.append(page.answer(2, "A")), SAVE)
    assert replies[0].status_code == 200


def test_a_suspension(room: World) -> None:
    Page(room, "theory").start()
    Page(room, "second").start()
    proctor, replies = RoomDesk(room), []
    proctor.act("suspend", "second", reason="核对身份")
    leads_through(lambda: replies.append(proctor.act("suspend", "theory", reason="核对身份")), SUSPENSION)
    assert replies[0].status_code == 303


def test_the_check_of_one_row_of_a_roster(world: World) -> None:
    client = world.staff("officer")

    def draft() -> str:
        file = (io.BytesIO(xlsx([row(1)])), "名单.xlsx")
        reply = client.post(f"/office/batches/{world.batch_ref}/roster", data={"file": file})
        return str(reply.location).rsplit("/", 1)[1]

    def check(ref: str) -> None:
        with world.app.app_context():
            assert work_on(ref, clock=world.clock.now)

    check(draft())
    ref = draft()
    leads_through(lambda: check(ref), ROW_CHECK)


def test_an_application_that_is_submitted(officer: FlaskClient, unit: str, desk: Desk) -> None:
    second, replies = Desk(officer), []
    second.begin(unit=unit)
    for application in (desk, second):
        assert application.enter().status_code == 303
    desk.step("submit")
    leads_through(lambda: replies.append(second.step("submit")), APPLICATION)
    assert replies[0].status_code == 303
