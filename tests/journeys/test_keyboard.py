"""One whole journey by keyboard alone, candidate and proctor: from the seat page to the result."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.journeys.answers import places_of
from tests.journeys.browsers import Browsers
from tests.journeys.candidate import Candidate
from tests.journeys.centre import Centre
from tests.journeys.hands import Keyboard
from tests.journeys.staff import Board, Office
from tests.world import PLANNED

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

OTHERS = ("theory", "skills", "extra", "factor", "late")


def test_a_whole_journey_by_keyboard_alone(centre: Centre, browsers: Browsers) -> None:
    board = Board(browsers.open("proctor-keys", hand=Keyboard()), "proctor", language="en")
    board.sign_in()
    board.enter()
    candidate = Candidate(browsers.open("keys", hand=Keyboard()), "second", language="en")
    candidate.bind()
    board.arrive("second")
    board.check_in("second")
    centre.stand_at(PLANNED - timedelta(minutes=15))
    candidate.enter()
    centre.stand_at(PLANNED)
    board.start()
    candidate.opens()

    # Letters choose, PageDown goes on, F marks; arrows move within the choices; 草稿 takes text, not commands.
    places = places_of(centre, "second")
    candidate.type_through([place.right() for place in places[:60]])
    keys = candidate.browser.page.keyboard
    keys.press("f")
    expect(candidate.item(60).locator("button.flag")).to_have_attribute("aria-pressed", "true")
    candidate.note(60, "fab 2")
    candidate.has_answer(places[59], places[59].right())
    candidate.browser.hand.press(candidate.find("#settings"))
    expect(candidate.find("dialog[open]")).to_be_visible()
    candidate.browser.hand.tick(candidate.find("dialog input[name=set-size][value=large]"))
    candidate.look("settings")
    keys.press("Escape")
    expect(candidate.find("#runner")).to_have_attribute("data-size", "large")
    candidate.saved()
    board.sees("second", "answering")

    centre.stand_at(PLANNED + timedelta(minutes=31))
    expect(candidate.find("#hand-in-note")).to_be_empty()
    candidate.hand_in()
    assert candidate.receipt()
    board.sees("second", "closed")
    board.mark_absent(*OTHERS)
    board.end()
    elsewhere = Board(browsers.open("elsewhere-keys", hand=Keyboard()), "proctor_elsewhere")
    elsewhere.run_empty(centre.world.other_room_ref, "elsewhere")
    assert centre.wait_for_score("second") == 60
    office = Office(browsers.open("officer-keys", hand=Keyboard()), "officer", language="en")
    office.sign_in()
    office.release("chief_proctor")
    mine = Candidate(browsers.open("at-home-keys", hand=Keyboard()), "second")
    mine.results()
    expect(mine.find(".my-paper .big b").first).to_have_text("60.0")
    mine.sees("results.outcome.passed")
