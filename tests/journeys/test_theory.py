"""三级理论知识 from sign-in to score: a cut network, a killed browser, 最早交卷, and the board all the while."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.journeys.answers import places_of
from tests.journeys.browsers import Browsers
from tests.journeys.candidate import Candidate
from tests.journeys.centre import Centre
from tests.journeys.leaks import assert_nothing_leaked
from tests.journeys.staff import Board, Office
from tests.world import PLANNED

pytestmark = pytest.mark.journey

OTHERS = ("skills", "extra", "factor", "late", "second")


@pytest.mark.parametrize(
    ("database_kind", "language"),
    [pytest.param("sqlite", "zh", id="sqlite-zh"), pytest.param("postgresql", "en", id="postgresql-en")],
    indirect=["database_kind"],
)
def test_theory_from_sign_in_to_score(centre: Centre, browsers: Browsers, language: str) -> None:
    board = Board(browsers.open(f"proctor-{language}"), "proctor", language=language)
    board.sign_in(look=True)
    board.enter(look=True)
    machine = browsers.open_machine(f"theory-{language}", record="theory")
    candidate = Candidate(machine.browser, "theory", language=language)
    candidate.bind(look=True)

    board.sees("theory", "not_arrived")
    board.arrive("theory")
    board.sees("theory", "arrived")
    board.check_in("theory", look="check-in")
    centre.stand_at(PLANNED - timedelta(minutes=15))
    candidate.enter(look=True)
    board.sees("theory", "waiting")
    board.browser.look("board-before", zoom=True)

    centre.stand_at(PLANNED)
    board.start(look="start")
    candidate.opens()
    board.sees("theory", "answering")
    candidate.look("paper", zoom=True)

    places = places_of(centre, "theory")
    right = [place.right() for place in places]
    given = right[:61] + [place.wrong() for place in places[61:]]

    # 40 answers by the keyboard, a mark, then the network is cut: three more stay on this machine.
    candidate.type_through(given[:40])
    candidate.saved()
    expect(board.seat("theory")).to_contain_text("40/100")
    candidate.find("body").press("f")
    machine.browser.context.set_offline(True)
    machine.browser.watch.allow("ERR_INTERNET_DISCONNECTED")
    candidate.find("body").press("PageDown")
    candidate.type_through(given[40:43])
    expect(candidate.find("#save.warn")).to_contain_text("3")
    candidate.look("offline")
    centre.move(seconds=40, heard=False)
    board.sees("theory", "offline")
    board.browser.look("board-offline")
    machine.browser.context.set_offline(False)
    candidate.saved()
    board.sees("theory", "answering")
    expect(board.seat("theory")).to_contain_text("43/100")

    # The browser is killed in the middle of a cut; what was typed comes back from its disk and drains.
    machine.browser.context.set_offline(True)
    candidate.find("body").press("PageDown")
    candidate.type_through(given[43:45])
    expect(candidate.find("#save.warn")).to_contain_text("2")
    candidate.kept(2)
    machine.kill()
    machine.restart()
    candidate.browser = machine.browser
    candidate.browser.go("/")
    candidate.browser.hand.press(candidate.find(".door-signed a.btn-main"))
    candidate.opens()
    candidate.saved()
    expect(board.seat("theory")).to_contain_text("45/100")
    expect(candidate.item(45)).to_be_visible()  # what was answered last
    candidate.browser.hand.press(candidate.find("#side .sections button").nth(0))
    candidate.go_to(1)
    expect(candidate.find(".palette button.flagged")).to_have_count(1)
    candidate.look("resumed")

    # 最早交卷: refused until 30:00, then two steps and a receipt.
    expect(candidate.find("#hand-in-note")).not_to_be_empty()
    candidate.browser.hand.press(candidate.find("#side .sections button").nth(1))
    expect(candidate.item(46)).to_be_visible()
    candidate.type_through(given[45:99])
    candidate.saved()
    candidate.hand_in_is_early()
    candidate.look("early")
    centre.stand_at(PLANNED + timedelta(minutes=30))
    expect(candidate.find("#toasts .toast.warn")).to_contain_text("15")
    candidate.look("warning")
    expect(candidate.find("#hand-in-note")).to_be_empty()
    candidate.hand_in(look=True)
    receipt = candidate.receipt()
    candidate.look("handed-in")
    board.sees("theory", "closed")
    candidate.browser.page.clock.fast_forward(61_000)
    expect(candidate.find("#sign_in")).to_be_visible()

    # The board: the cut is decided, those who did not come are 缺考, the sitting ends.
    board.decide_nothing("theory")
    board.mark_absent(*OTHERS)
    board.end(look="end")
    board.browser.look("board-ended")
    Board(browsers.open("elsewhere"), "proctor_elsewhere").run_empty(centre.world.other_room_ref, "elsewhere")

    # The office releases with a second person; before that nobody sees a score, after it the candidate does.
    mine = Candidate(browsers.open(f"at-home-{language}"), "theory", language="zh")
    mine.results(look=True)
    mine.sees("results.mine.pending")
    office = Office(browsers.open(f"officer-{language}"), "officer", language=language)
    office.sign_in(look=True)
    office.release("chief_proctor", look=True)
    mine.results()
    mine.sees("results.outcome.passed")
    expect(mine.find(".my-paper .big b").first).to_have_text("61.0")
    mine.look("released")
    assert receipt
    assert_nothing_leaked(centre, "theory", places, opened_at={})
