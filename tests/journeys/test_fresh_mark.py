"""复评 in a browser: an appeal's answer goes nameless to who never had it, and the decision takes the mark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cbt.application.app import create_app
from cbt.scoring.marking.desk import end_desk
from tests.conftest import Templates, close_engine
from tests.helpers import FakeClock
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre, quiet_log, serve, text_of
from tests.journeys.staff import Desk
from tests.journeys.test_appeals import Asker
from tests.journeys.test_marking import Marker
from tests.results.appeal_scene import third_officer
from tests.results.scene import release
from tests.scoring.marking_scene import waiting
from tests.world import START

pytestmark = [pytest.mark.journey, pytest.mark.one_process]
ASKER = "extra"
GIVEN = ({10: ["3", "2", "1"], 20: ["12"]}, {10: ["3", "2", "2"], 20: ["12"]})
"""What the first two markers gave, by the points of a queue."""


@pytest.fixture
def centre(templates: Templates, tmp_path: Path) -> Iterator[Centre]:
    """A centre whose results are released, marked by the first two of three markers."""
    settings, world = templates.settings("sqlite", populated=True, target=tmp_path)
    assert world is not None
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    app.config["WTF_CSRF_ENABLED"] = False
    scene = waiting(world.on(app, clock))
    with app.app_context():
        scene.open()
        full = {queue.ref: int(queue.full) for queue in scene.queues()}
        for number, given in enumerate(GIVEN):
            scene.mark_all(number, {ref: given[points] for ref, points in full.items()})
        end_desk(scene.ref, now=clock.now(), actor="staff:test")
        third = third_officer()
    release(scene.world)
    close_engine(app)
    served = replace(world, people=scene.world.people | {"third": third}, sitters=scene.world.sitters)
    with serve(settings, served, clock.now() + timedelta(hours=1), tmp_path) as centre:
        yield centre
    close_engine(centre.app)
    assert not quiet_log(tmp_path)


def test_an_answer_is_marked_afresh_and_the_decision_takes_the_mark(
    centre: Centre, browsers: Browsers
) -> None:
    asker = Asker(browsers.open("home"), ASKER)
    asker.asks("简答第一题请复核。")

    desk = Desk(browsers.open("third"), "third")
    desk.sign_in()
    desk.browser.go("/results/appeals")
    desk.browser.hand.press(desk.find("main table a").filter(has_text=centre.world.sitters[ASKER].name))
    desk.browser.look("ask-fresh", zoom=True)
    appeal = desk.browser.page.url
    desk.browser.hand.tick(desk.find("input[name=answer]").first)
    desk.browser.hand.press(desk.find("form[action$='/fresh'] button"))
    expect(desk.find("main .pill.warn").filter(has_text=text_of("zh", "appeal.fresh.waits"))).to_be_visible()
    desk.browser.look("waits", zoom=True)

    marker = Marker(browsers.open("marker-3"), "marker-3")
    marker.enter()
    for told in (text_of("zh", "appeal.title"), centre.world.sitters[ASKER].name):
        expect(marker.find("main")).not_to_contain_text(told)
    marker.mark("K-A1", [["4", "3", "2"]] * 3)
    expect(marker.find(".flashes .notice.ok")).to_contain_text(text_of("zh", "marking.none_left"))

    desk.browser.go(appeal.removeprefix(centre.url))
    desk.browser.look("given", zoom=True)
    desk.browser.hand.tick(desk.find("input[name=take]"))
    desk.browser.hand.tick(desk.find("input[name=verdict][value=change]"))
    desk.browser.hand.write(desk.find("textarea[name=grounds]"), "复评采用。")
    desk.browser.hand.press(desk.find("section[aria-labelledby=decide] .form-foot button"))
    expect(desk.find(".flashes .notice.ok")).to_be_visible()
    taken = text_of("zh", "appeal.fresh.taken")
    expect(desk.find("main .pill.ok").filter(has_text=taken)).to_be_visible()
    desk.browser.look("taken", zoom=True)
