"""What was printed, as it stands later: what is over is said to be, and what is not opens the door still."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import flask
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cbt.accounts.approvals.requests import SecondPersonTerms, insist_on_another
from cbt.accounts.models import Staff
from cbt.accounts.sign_in import sign_in
from cbt.cli import build
from cbt.config import Settings
from cbt.demo.build import Handout, build_demo
from cbt.demo.commands import SHEET, DemoFolder, PrintedItem, found_in, next_steps, standing
from cbt.errors import NotAllowed
from cbt.http.auth.login import Principal
from cbt.http.auth.machine import Machine
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import start_room
from cbt.storage.engine import DATABASE_NAME
from cbt.storage.unit_of_work import unit_of_work
from cbt.translations.compiler import texts_of
from tests.world import START

HOURS = timedelta(hours=1)
ANEW = "cbt demo --fresh"


def works(things: list[PrintedItem]) -> dict[str, bool]:
    return {one.what: one.works for one in things}


@pytest.mark.once
def test_what_works_is_told_apart_from_what_is_over_and_does(app: flask.Flask) -> None:
    with app.app_context():
        access = build_demo(app.extensions["cbt_settings"], now=START, rng=random.Random(4))
        at_once = standing(now=START)
        assert works(at_once) == {
            "password": True,
            "room_code": True,
            "sign_in_code": True,
            "sitting.admitting": True,
            "sitting.published": True,
        }
        assert [one.count for one in at_once[:3]] == [len(access.staff), 0, 3]
        assert over(at_hours=1) == {"sign_in_code"}
        assert over(at_hours=24) == {"sign_in_code", "room_code"}
        everybody_signs_in(access, hours=72, seconds=-1)
        assert over(at_hours=72) == {"sign_in_code", "room_code", "password"}
        with pytest.raises(NotAllowed, match=r"sign_in\.once_over"):
            everybody_signs_in(access, hours=72)
        assert len(next_steps(at_once, anew=ANEW)) > 5
        they_are_second_persons_for_each_other()
        the_first_sitting_begins(hours=72)
        assert works(standing(now=START + 72 * HOURS))["sitting.running"]


def over(*, at_hours: int) -> set[str]:
    return {one.what for one in standing(now=START + at_hours * HOURS) if not one.works}


def everybody_signs_in(access: Handout, *, hours: int, seconds: int = 0) -> None:
    now = START + hours * HOURS + timedelta(seconds=seconds)
    for login, _, _, password in access.staff:
        assert sign_in(login=login, password=password, machine=Machine("m" * 64, "10.0.0.9"), now=now).token


def they_are_second_persons_for_each_other() -> None:
    """See that they are at once: old accounts, whose passwords of today none of them handed out (R-62)."""
    with unit_of_work() as session:
        people = {one.login: one for one in session.scalars(select(Staff))}
        for one in people.values():
            one.must_change_password = False
        for first, second in (
            ("jiankao1", "zhukao"),
            ("zhukao", "kaowu"),
            ("kaowu", "zhukao"),
            ("admin", "kaowu"),
        ):
            me = people[first]
            who = Principal("staff", subject_id=me.id, subject_ref=me.ref, name=me.name)
            assert insist_on_another(
                session, people[second], first=who, wanted=SecondPersonTerms(), now=START
            )


def the_first_sitting_begins(*, hours: int) -> None:
    now = START + hours * HOURS
    with unit_of_work() as session:
        room = session.scalars(select(SittingRoom).where(SittingRoom.state == "admitting")).one()
        start_room(session, room, now=now, actor="cli")


def test_a_day_that_is_over_ends_with_the_command_for_another() -> None:
    things = [
        PrintedItem("sitting.ended", False, START, "第 1 场"),
        PrintedItem("own_password", True, count=3),
    ]
    assert [ANEW in line for line in next_steps(things, anew=ANEW)] == [True]


@pytest.mark.once(on="sqlite")
def test_what_is_no_demo_is_neither_served_as_one_nor_put_aside(
    app: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = app.extensions["cbt_settings"]
    assert found_in(settings) is DemoFolder.OTHER
    monkeypatch.setenv("CBT_SETTINGS", "none")
    monkeypatch.setenv("CBT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("CBT_KEY_DIR", str(settings.keys))
    for arguments in (["demo", "--build-only"], ["demo", "--fresh", "--build-only"]):
        done = CliRunner().invoke(build(), arguments)
        assert done.exit_code == 2, done.output
        assert str(settings.data_dir) in done.output
        assert (settings.data_dir / DATABASE_NAME).is_file()


@pytest.mark.once(on="sqlite")
def test_a_demo_whose_building_was_interrupted_is_told_from_one_that_is_whole(
    app: flask.Flask, tmp_path: Path
) -> None:
    settings: Settings = app.extensions["cbt_settings"]
    sheet = settings.keys / SHEET
    sheet.touch()
    assert found_in(settings) is DemoFolder.UNFINISHED
    sheet.write_text("admin …\n", "utf-8")
    assert found_in(settings) is DemoFolder.DEMO
    assert found_in(Settings(data_dir=tmp_path / "new")) is DemoFolder.NOTHING


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_steps_name_what_stands_on_the_pages(language: str) -> None:
    texts = texts_of(language)
    for step, named in ((1, "door.sign_in.by_code"), (4, "proctoring.act.force")):
        assert f"“{texts[named]}”" in texts[f"demo.walk.{step}"]
