"""The short way of a start: the same checks, the same lease, the same paper as the view, word for word."""

from __future__ import annotations

import gzip
import json

import pytest
from sqlalchemy import update

from cbt.candidates.models import Registration
from cbt.runner.attempt_changes import send_message
from cbt.runner.models import Attempt
from cbt.storage.unit_of_work import unit_of_work
from tests.delivery.driver import Page
from tests.delivery.starts import (
    VERDICTS,
    by_the_view,
    expected_paper,
    refuse_views,
    the_same,
)
from tests.delivery.test_strict_edges import change_blueprint
from tests.world import World


@pytest.fixture
def running(world: World) -> World:
    """Everybody waits, and the room starts on time."""
    world.admit_all()
    world.start()
    return world


@pytest.mark.parametrize("name", ["theory", "second", "skills", "factor", "extra"])
def test_both_ways_open_the_same_paper(running: World, name: str) -> None:
    page = Page(running, name)
    door = page.start()
    assert door.get_json()["paper"] == expected_paper(running, name)
    assert door.get_json()["journal"] == {
        "answers": {}, "flags": [], "strikes": {}, "notes": {}, "marks": {}, "settings": {}
    }  # fmt: skip
    the_same(door, by_the_view(page))


def test_a_browser_that_unpacks_gets_it_packed(running: World) -> None:
    page = Page(running, "theory")
    plain = page.start()
    packed = page.client.post(
        f"/attempts/{page.ref}/start", json={}, headers={"Accept-Encoding": "gzip, deflate, br"}
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Cookie, Accept-Encoding"
    assert len(packed.data) == int(packed.headers["Content-Length"]) < len(plain.data) / 2
    whole = json.loads(gzip.decompress(packed.data))
    assert whole["paper"] == plain.get_json()["paper"]


def test_a_page_is_offered_what_is_free_on_its_paper_and_what_is_its_candidates_own(world: World) -> None:
    for name in ("theory", "extra"):
        change_blueprint(world, name, "l3", ("calculator = false", 'calculator = false\ntools = ["masking"]'))
    with world.app.app_context(), unit_of_work() as session:
        session.execute(
            update(Registration)
            .where(Registration.ref == world.sitters["theory"].registration_ref)
            .values(tools="ruler,speech")
        )
    world.admit_all()
    world.start()
    pages = {name: Page(world, name) for name in ("theory", "extra", "second")}
    opened = {name: page.start().get_json()["paper"]["tools"] for name, page in pages.items()}
    assert opened == {"theory": ["ruler", "speech", "masking"], "extra": ["masking"], "second": []}


def test_a_pooled_skills_paper_comes_whole(world: World) -> None:
    change_blueprint(world, "skills", "l2", ('unit_timing = "strict"', 'unit_timing = "pooled"'))
    world.admit_all()
    world.start()
    page = Page(world, "skills")
    door = page.start()
    paper = door.get_json()["paper"]
    assert {item["unit"] for item in paper["items"]} == {1, 2, 3, 4}
    assert paper == expected_paper(world, "skills")
    the_same(door, by_the_view(page))


def test_a_later_unit_comes_as_the_plain_paper_says(running: World) -> None:
    page = Page(running, "skills")
    assert page.start().status_code == 200
    moved = page.advance(1, completed=True).get_json()
    assert moved["paper"] == expected_paper(running, "skills")
    assert {item["unit"] for item in moved["paper"]["items"]} == {2}
    the_same(page.start(), by_the_view(page))


def test_a_reopened_paper_brings_the_journal_back(running: World) -> None:
    page = Page(running, "theory")
    assert page.start().status_code == 200
    sent = [
        page.entry(1, "A"),
        page.entry(41, "B"),
        page.entry(1, "B"),
        page.entry(2, True, "flag"),
        page.entry(42, "AC", "strike"),
        page.entry(3, '再看一遍 "引号"', "note"),
        page.entry(0, {"size": "large"}, "setting"),
        page.entry(5, "A"),
        page.entry(5, None),
    ]
    assert page.send(*sent).status_code == 200
    door = page.start()
    opened = door.get_json()
    assert opened["journal"] == {
        "answers": {"1": "B", "41": "B"},
        "flags": [2],
        "strikes": {"42": "AC"},
        "notes": {"3": '再看一遍 "引号"'},
        "marks": {},
        "settings": {"size": "large"},
    }
    assert (opened["seq"], opened["epoch"]) == (9, 2)
    the_same(door, by_the_view(page))


def test_a_plain_start_never_reaches_the_view(running: World) -> None:
    page = Page(running, "theory")
    refuse_views(running)
    assert page.start().status_code == 200
    assert page.answer(1, "A").status_code == 200
    assert page.start().get_json()["journal"]["answers"] == {"1": "A"}


def test_the_language_is_the_browsers(running: World) -> None:
    page = Page(running, "theory")
    page.client.set_cookie("locale", "en")
    paper = page.start().get_json()["paper"]
    assert paper["items"][0]["choices"] == list(VERDICTS["en"])
    assert paper == expected_paper(running, "theory", "en")
    the_same(page.start(), by_the_view(page))


def test_a_reminder_that_waits_comes_with_the_paper(running: World) -> None:
    with running.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, running.sitters["theory"].attempt_id)
        send_message(session, attempt, now=running.clock.now(), text="请保持安静", actor="staff:test")
    page = Page(running, "theory")
    refuse_views(running)
    opened = page.start().get_json()
    assert [message["text"] for message in opened["clock"]["messages"]] == ["请保持安静"]
