"""帮助 in a browser: beside what one does, and at its step; nobody who waits or sits down next is kept by it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.seated import log_in
from tests.journeys.staff import Desk
from tests.world import PLANNED

pytestmark = [pytest.mark.journey, pytest.mark.one_process]


def test_help_is_beside_what_one_does_and_keeps_nobody_from_it(centre: Centre, browsers: Browsers) -> None:
    world = centre.world.on(centre.app, centre.app.extensions["cbt_clock"])
    world.admit_all()
    centre.clock.set(PLANNED - timedelta(minutes=5))

    # From a page of staff: in a window of its own, where the section stands in sight.
    desk = Desk(browsers.open("desk"), "proctor")
    desk.sign_in()
    desk.browser.go(f"/proctor/rooms/{world.room_ref}")
    with desk.browser.page.expect_popup() as opened:
        desk.find("header .me a[target=cbt-help]").click()
    beside = opened.value
    expect(beside).to_have_url(re.compile(r"/staff/help/proctor#board$"))
    expect(beside.locator("#board h2")).to_be_in_viewport()
    expect(desk.find("#live")).to_be_visible()
    beside.locator("#help-q").fill("断网")
    beside.keyboard.press("Enter")
    expect(beside.locator(".help-hits mark").first).to_have_text("断网")
    desk.browser.go("/staff/help?q=断网")
    desk.browser.look("found")
    desk.browser.go("/staff/help/proctor")
    desk.browser.look("handbook")

    # A machine that nobody reads at goes back to its seat page; whoever reads on stays.
    door = browsers.open("door")
    door.go("/")
    door.hand.press(door.find(".door-staff a").first)
    expect(door.find(".help-text h1")).to_be_visible()
    door.look("candidates")
    door.page.clock.fast_forward(160_000)
    expect(door.find("#help-going")).to_be_visible()
    door.page.keyboard.press("ArrowDown")
    door.page.clock.fast_forward(2_000)
    expect(door.find("#help-going")).to_be_hidden()
    door.page.clock.fast_forward(181_000)
    expect(door.find("#place")).to_be_visible()

    # Whoever waits reads on until the room starts, and is at the paper then.
    candidate = log_in(centre, browsers.open("waiting"), "theory")
    candidate.browser.go("/exam/wait")
    candidate.browser.hand.press(candidate.find(".door-bar a[href^='/exam/help']"))
    expect(candidate.find("#waiting h2")).to_be_in_viewport()
    candidate.look("waiting")
    centre.clock.set(PLANNED)
    world.start()
    candidate.browser.page.wait_for_url(f"**/exam/{candidate.sitter.attempt_ref}")
    candidate.opens()
