"""阅卷 in a browser: from a sitting with short answers to released results, by three markers at their keyboards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cbt.application.app import create_app
from tests.conftest import Templates, close_engine
from tests.helpers import FakeClock
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre, quiet_log, serve, text_of
from tests.journeys.staff import Desk, Office
from tests.results.appeal_scene import score_of
from tests.results.scene import ENDED
from tests.scoring.marking_scene import MARKERS, WRITERS, waiting
from tests.world import START, World

pytestmark = [pytest.mark.journey, pytest.mark.one_process]


@pytest.fixture
def centre(templates: Templates, tmp_path: Path) -> Iterator[Centre]:
    """A centre whose sitting is over, with two short answers each of three candidates."""
    settings, world = templates.settings("sqlite", populated=True, target=tmp_path)
    assert world is not None
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    app.config["WTF_CSRF_ENABLED"] = False
    before = waiting(world.on(app, clock)).world
    close_engine(app)
    served = replace(world, people=before.people, sitters=before.sitters)
    with serve(settings, served, ENDED + timedelta(days=2), tmp_path) as centre:
        yield centre
    close_engine(centre.app)
    assert not quiet_log(tmp_path)


class Marker(Desk):
    """A marker, who never touches the mouse once the first answer is there."""

    def enter(self) -> None:
        """Go from the home page to the queues of the sitting."""
        self.sign_in()
        self.browser.look("home")
        self.browser.go("/marking")
        self.browser.hand.press(self.find("main table a"))
        expect(self.find(".marking-queues")).to_be_visible()
        self.browser.look("own", zoom=True)

    def mark(self, item: str, papers: Sequence[Sequence[str]], *, look: str = "") -> None:
        """Mark answers of an item one after the other, all by keys."""
        queue = self.find(".marking-queues > section").filter(has_text=item)
        self.browser.hand.press(queue.locator("button"))
        # Three people's windows are open in one browser; keys go to the one that is in front.
        self.browser.page.bring_to_front()
        keyboard = self.browser.page.keyboard
        for points in papers:
            first = self.find("#f-points-0")
            expect(first).to_be_focused()
            expect(first).to_have_value("")
            if look:
                self.browser.look(look, zoom=True)
                look = ""
            for place, one in enumerate(points, 1):
                keyboard.type(one)
                if one != "+" or place == len(points):
                    keyboard.press("Enter")  # to the next criterion, and after the last: give, next answer


GIVEN: Sequence[Mapping[str, Sequence[Sequence[str]]]] = (
    {"K-A1": [["+", "3", "2.5"]] * 3, "K-A2": [["16"], ["18"], ["12"]]},
    {"K-A1": [["4", "2", "2.5"]] * 3, "K-A2": [["15"], ["11"], ["12"]]},
)


def test_three_markers_take_a_sitting_to_its_released_results(centre: Centre, browsers: Browsers) -> None:
    sitting = centre.world.sitting_ref
    office = Office(browsers.open("officer"), "officer")
    office.sign_in()
    office.browser.go(f"/results/{sitting}")
    office.browser.hand.press(office.find(f"main a[href$='/marking/desks/{sitting}']"))
    office.browser.look("closed")
    office.browser.hand.press(office.find("form[action$='/open'] button"))
    expect(office.find(".flashes .notice.ok")).to_contain_text("6")
    for name in MARKERS:
        office.find("select[name=staff]").select_option(label=f"{name} · marker-{MARKERS.index(name) + 1}")
        office.browser.hand.press(office.find("form[action$='/markers'] button"))
        expect(office.find("main table").last).to_contain_text(name)
    office.browser.look("desk", zoom=True)

    markers = [Marker(browsers.open(f"marker-{one}"), f"marker-{one}") for one in (1, 2, 3)]
    for marker, given in zip(markers, GIVEN, strict=False):
        marker.enter()
        for item, papers in given.items():
            marker.mark(item, papers, look="answer" if marker is markers[0] else "")
            expect(marker.find(".flashes .notice.ok")).to_contain_text(text_of("zh", "marking.none_left"))
    markers[1].browser.look("marks", zoom=True)
    third = markers[2]
    third.enter()
    third.mark("K-A2", [["14"]])
    expect(third.find(".flashes .notice.ok")).to_contain_text(text_of("zh", "marking.none_left"))

    office.browser.go(f"/marking/desks/{sitting}")
    office.browser.look("done", zoom=True)
    office.browser.hand.press(office.find("main table a").filter(has_text="K-A2"))
    expect(office.find("main table").first).to_contain_text(MARKERS[0])
    office.browser.look("figures", zoom=True)
    office.browser.hand.press(office.find("main a[href$='/seed']"))
    office.browser.look("seed", zoom=True)
    office.browser.go(f"/marking/desks/{sitting}")
    office.browser.hand.press(office.find("form[action$='/end'] button"))
    expect(office.find(".flashes .notice.ok")).to_contain_text("3")
    office.release("chief_proctor")
    world: World = centre.world.on(centre.app, centre.app.extensions["cbt_clock"])
    assert all(score_of(world, name).score is not None for name in WRITERS)
