"""What is said at the door is what is enforced there: the sitting's own marks on everything that is printed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from cbt.blueprints.models import BlueprintVersion
from cbt.sittings.models import Sitting
from cbt.storage.unit_of_work import unit_of_work
from tests.printing.paper import squeezed, told
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)


def remark(world: World, **minutes_before: float) -> None:
    """Give the world's sitting marks that no blueprint has."""
    marks = {name: PLANNED - before * MINUTE for name, before in minutes_before.items()}
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Sitting).where(Sitting.ref == world.sitting_ref).values(**marks))


OTHER = {"check_in_opens_at": 50, "report_at": 45, "sign_in_opens_at": 25, "late_cutoff_at": 33}


def notice(world: World, name: str = "theory") -> str:
    """Return 考场须知 as a candidate reads it at the seat."""
    world.admit_all()
    with world.app.app_context(), unit_of_work() as session:
        from cbt.candidates.models import Registration

        session.get_one(Registration, world.sitters[name].registration_id).pledged_at = None
    return world.candidate(name).get("/exam/notice").text


def page_of(world: World, kind: str, folder: Path) -> str:
    """Return what states the marks, without spaces: a page, or a print of the first room."""
    if kind == "notice":
        return squeezed(notice(world))
    sitting, officer = f"/office/sittings/{world.sitting_ref}", world.staff("officer")
    if not kind:
        return squeezed(officer.get(sitting).text)
    return told(officer.get(f"{sitting}/print/{kind}/{world.room_ref}.pdf"), folder)


@pytest.mark.parametrize("kind", ["notice", "tickets", "sign_in", ""])
def test_the_marks_printed_are_those_of_the_sitting(world: World, kind: str, tmp_path: Path) -> None:
    remark(world, **OTHER)
    page = page_of(world, kind, tmp_path)
    for mark in ("08:10", "08:15", "08:35", "08:27"):
        assert mark in page


@pytest.mark.parametrize("kind", ["notice", "tickets"])
@pytest.mark.parametrize(
    ("cutoff", "said"),
    [
        pytest.param(33, "以报到时间为准，迟到 12 分钟及以上", id="after the time to report"),
        pytest.param(32.5, "以报到时间为准，迟到 12.5 分钟及以上", id="half a minute is told"),
        pytest.param(-5, "以开考时间为准，迟到 5 分钟及以上", id="after the start"),
    ],
)
def test_the_late_limit_told_is_the_one_enforced(
    world: World, kind: str, cutoff: float, said: str, tmp_path: Path
) -> None:
    remark(world, **{**OTHER, "late_cutoff_at": cutoff})
    assert squeezed(said) in page_of(world, kind, tmp_path)


@pytest.mark.parametrize("kind", ["notice", "tickets", "sign_in"])
def test_a_blueprint_that_changes_later_changes_no_sitting_that_is_planned(
    world: World, kind: str, tmp_path: Path
) -> None:
    with world.app.app_context(), unit_of_work() as session:
        for version in session.query(BlueprintVersion):
            version.source = version.source.replace("late_limit = 15", "late_limit = 7")
    page = page_of(world, kind, tmp_path)
    assert "08:45" in page
    assert "迟到7分钟及以上" not in page


def test_a_mark_between_two_minutes_is_printed_to_the_second(world: World, tmp_path: Path) -> None:
    remark(world, **{**OTHER, "late_cutoff_at": 32.5})
    assert "08:27:30" in page_of(world, "tickets", tmp_path)
