"""按新标准重评 in a browser: a wrong rubric, the answers marked anew without names, two who decide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cbt.application.app import create_app
from cbt.results.key_corrections.effect import AskedItem
from tests.conftest import Templates, close_engine
from tests.helpers import FakeClock
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre, quiet_log, serve, text_of
from tests.journeys.staff import Desk
from tests.results.scene import ENDED
from tests.results.test_key_marks import REASON, correct_rubric, item_of, marked_twice, page_of
from tests.scoring.marking_scene import waiting
from tests.world import PASSWORD, START

pytestmark = [pytest.mark.journey, pytest.mark.one_process]


@pytest.fixture
def wrong() -> list[AskedItem]:
    """What was marked by a wrong rubric at the centre."""
    return []


@pytest.fixture
def centre(templates: Templates, tmp_path: Path, wrong: list[AskedItem]) -> Iterator[Centre]:
    """A centre whose short answers two marked; the bank has the corrected rubric by now."""
    settings, world = templates.settings("sqlite", populated=True, target=tmp_path)
    assert world is not None
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    app.config["WTF_CSRF_ENABLED"] = False
    scene = waiting(world.on(app, clock))
    marked_twice(scene)
    with app.app_context():
        wrong.append(item_of(scene, 10))
        correct_rubric(wrong[0])
    close_engine(app)
    with serve(settings, scene.world, ENDED + timedelta(days=3), tmp_path) as served:
        yield served
    close_engine(served.app)
    assert not quiet_log(tmp_path)


def test_answers_are_marked_by_the_corrected_rubric(
    centre: Centre, browsers: Browsers, wrong: list[AskedItem]
) -> None:
    url, world = page_of(wrong[0]), centre.world
    office = Desk(browsers.open("officer"), "officer")
    office.sign_in()
    office.browser.go(url)
    office.find("input[name=scope][value=all]").check()
    office.browser.look("rubric", zoom=True)
    office.browser.hand.press(office.find("form[action*='/marks'] button[type=submit]"))
    expect(office.find("form[action*='/marks/off']")).to_be_visible(timeout=20_000)
    office.browser.look("sent", zoom=True)

    marker = Desk(browsers.open("marker"), "marker-3")
    marker.sign_in()
    marker.browser.go(f"/marking/own/{world.sitting_ref}")
    marker.browser.hand.press(marker.find(".marking-queues > section button").first)
    expect(marker.find("main")).to_contain_text("三个要点齐全")
    expect(marker.find(".marking-total")).to_contain_text("/ 12")
    marker.browser.look("marked", zoom=True)
    marker.browser.page.bring_to_front()
    for _answer in range(3):
        expect(marker.find("#f-points-0")).to_have_value("")
        marker.browser.page.keyboard.type("6")
        marker.browser.page.keyboard.press("Enter")
        marker.browser.page.keyboard.type("5")
        marker.browser.page.keyboard.press("Enter")
    expect(marker.find(".flashes .notice.ok")).to_contain_text(text_of("zh", "marking.none_left"))

    office.browser.go(url)
    expect(office.find("main")).to_contain_text(text_of("zh", "key.marks.there"))
    office.find("input[name=kind][value=rubric]").check()
    office.browser.hand.press(office.find("form[action*='/preview'] button[type=submit]"))
    expect(office.find(".second-card")).to_be_visible(timeout=20_000)
    office.browser.look("preview", zoom=True)
    office.browser.hand.write(office.find(".second-card textarea[name=reason]"), REASON)
    office.browser.hand.press(office.find(".second-card .second summary"))
    office.browser.hand.write(office.find("input[name=second_login]"), world.people["chief_proctor"].login)
    office.browser.hand.write(office.find("input[name=second_password]"), PASSWORD)
    office.browser.hand.press(office.find(".second-card button[type=submit]"))
    expect(office.find(".page-head .pill.ok")).to_be_visible(timeout=20_000)
    office.browser.look("corrected", zoom=True)
