"""The first ten minutes: what `cbt demo` prints is typed, in two browsers and both languages, today and later."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from cbt.demo.commands import STEPS
from tests.conftest import IN_CI
from tests.journeys.newcomer import OWN_PASSWORD, Demo, Ticket, Window
from torture.tools import faketime_library

pytestmark = pytest.mark.journey
ANEW = "demo --fresh"
WALK_5 = ("kaowu", "danwei1", "mingti", "admin")
"""Whom the last step names."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo of this file is built, and put aside by the next one."""
    return tmp_path_factory.mktemp("first")


def test_every_step_is_taken_in_chinese_and_it_is_said_later_what_is_over(
    chromium: Chromium, folder: Path
) -> None:
    demo = Demo(folder, "zh")
    with demo.served():
        ends_with_what_to_do(demo)
        assert demo.line("demo.standing.password")["count"] == str(len(demo.staff))
        takes_every_step(chromium, demo)
    stays_quiet(demo)
    printed = demo.staff, demo.tickets
    if faketime_library() is None:
        assert not IN_CI
        pytest.skip("needs libfaketime: it was not started an hour and a day later")
    with demo.served(later="+3600"):
        assert (demo.staff, demo.tickets) == printed
        was_there_before(demo)
        demo.line("demo.standing.room_code")
        demo.line("demo.standing.own_password")
        goes_on_after_an_hour(chromium, demo)
    with demo.served(later="+90000"):
        was_there_before(demo)
        demo.line("demo.standing.room_code.over")
        with Window(chromium, demo, "next-day") as staff:
            staff.sign_in("kaowu", OWN_PASSWORD)
            staff.walks()


def test_a_fresh_day_is_built_beside_the_old_one_and_every_step_is_taken_in_english(
    chromium: Chromium, folder: Path
) -> None:
    there = (folder / "day").exists()
    demo = Demo(folder, "en")
    with demo.served("--fresh"):
        assert len(list(folder.glob("day.[0-9]*"))) == there
        assert len(list(folder.glob("day.keys.*"))) == there
        ends_with_what_to_do(demo)
        another = Demo(folder, "en").run("--fresh")
        assert (another.returncode, (folder / "day" / "cbt.db").exists()) == (2, True), another.stderr
        takes_every_step(chromium, demo)
    stays_quiet(demo)


def ends_with_what_to_do(demo: Demo) -> None:
    """See that the last lines are the steps, each as the catalogue has it, and none before them is the log's."""
    lines = demo.said.rstrip().splitlines()
    steps = [f"  {step}. {demo.text(f'demo.walk.{step}', name='第 1 场')}" for step in STEPS]
    assert lines[-len(steps) - 3 : -1] == [demo.text("demo.walk"), *steps, ""]
    assert lines[-1] == demo.text("demo.anew", command=demo.line("demo.anew")["command"])
    assert lines[-1].endswith(ANEW)
    assert not [line for line in lines if line.startswith("{")]
    # What the log holds at a first start: no advice, and no outage of a server that has never served.
    log = (demo.folder / "day.log").read_text("utf-8").splitlines()
    events = [str(json.loads(line)["event"]) for line in log]
    assert "start" in events
    assert [one for one in events if re.search("number of (workers|Rust)|server was away", one)] == []


def takes_every_step(chromium: Chromium, demo: Demo) -> None:
    """Do what is printed, as it is printed."""
    here, by_code, late = demo.tickets[0], demo.tickets[1], demo.tickets[-1]
    with Window(chromium, demo, "seat") as seat, Window(chromium, demo, "staff") as staff:
        seat.bind(here.seat)
        seat.type_ticket(here)
        seat.waits()
        seat.tries_the_practice()
        staff.first_time("jiankao1")
        staff.enter_room("第 1 场")
        comes_late(chromium, demo, staff, late)
        with Window(chromium, demo, "code") as second:
            second.bind(by_code.seat)
            second.type_ticket(by_code, code=True)
            second.waits()
        staff.ask_room("start")
        staff.look("start")
        staff.confirm()
        seat.answers_one()
        expect(staff.tile(here)).to_contain_text("1/", timeout=30_000)
        staff.look("answering")
        staff.signs_out()
        staff.first_time("zhukao")
        staff.signs_out()
        staff.sign_in("jiankao1", OWN_PASSWORD)
        staff.enter_room("第 1 场")
        force(staff, here)
        taken_in = seat.word("delivery.screen.closed_proctor.title")
        expect(seat.find("#screen h2")).to_have_text(taken_in, timeout=30_000)
        seat.look("taken-in")
        staff.signs_out()
        everybody_signs_in(staff, sorted(set(demo.staff) - {"jiankao1", "zhukao"}))


def comes_late(chromium: Chromium, demo: Demo, staff: Window, late: Ticket) -> None:
    """Whoever has not come is told so at the seat, and signs in once a proctor has checked them in."""
    with Window(chromium, demo, "late") as seat:
        seat.bind(late.seat)
        seat.type_ticket(late)
        expect(seat.find("#sign_in .notice, #sign_in .field-error").first).to_be_visible(timeout=30_000)
        seat.look("not-checked-in")
        staff.pick(late.seat)
        staff.choose("arrive")
        staff.confirm()
        staff.pick(late.seat)
        staff.choose("check_in")
        staff.find("#asked input[name=last_four]").fill(late.last_six[-4:])
        staff.confirm()
        seat.type_ticket(late)
        seat.waits()


def force(staff: Window, one: Ticket) -> None:
    """强制收卷, with zhukao as the second person, whose password was changed a moment ago (R-62)."""
    staff.pick(one.seat)
    staff.choose("force")
    staff.find("#asked [name=reason]").fill("演练")
    staff.find("#asked .second summary").click()
    staff.find("#asked input[name=second_login]").fill("zhukao")
    staff.find("#asked input[name=second_password]").fill(OWN_PASSWORD)
    staff.look("force")
    staff.confirm()
    expect(staff.tile(one)).to_contain_text(staff.word("proctoring.state.closed"), timeout=30_000)
    staff.look("forced")


def everybody_signs_in(desk: Window, logins: list[str]) -> None:
    """Every account opens with what is printed and offers work: all pages of those that the last step names."""
    assert set(WALK_5) <= set(logins)
    for login in logins:
        desk.first_time(login)
        if login in WALK_5:
            desk.walks()
        else:
            assert desk.find("header nav a").count(), f"{login} has nothing to do"
        desk.signs_out()


def was_there_before(demo: Demo) -> None:
    """A second start says that it is one, and names what is over and the command for another day."""
    sheet = str(demo.folder / "day.keys" / "demo-accounts.txt")
    demo.line("demo.kept", folder=str(demo.folder / "day"), sheet=sheet)
    demo.line("demo.over")
    demo.line("demo.standing.sign_in_code.over")
    assert demo.line("demo.anew")["command"].endswith(ANEW)


def goes_on_after_an_hour(chromium: Chromium, demo: Demo) -> None:
    """The sitting that was running is held, as is said; a proctor resumes it and whoever has not signed in does."""
    demo.line("demo.standing.sitting.held")
    one = demo.tickets[4]
    with Window(chromium, demo, "hour-staff") as staff, Window(chromium, demo, "hour-seat") as seat:
        staff.sign_in("jiankao1", OWN_PASSWORD)
        staff.enter_room("第 1 场")
        staff.ask_room("resume_room")
        staff.look("resume")
        staff.find("#asked [name=reason]").fill("演练继续")
        staff.confirm()
        seat.bind(one.seat)
        seat.type_ticket(one)
        seat.agrees()
        seat.answers_one()


def stays_quiet(demo: Demo) -> None:
    """See that nothing came to the terminal meanwhile: the last line is still the one that says what to do."""
    assert demo.said.rstrip().endswith(ANEW)
