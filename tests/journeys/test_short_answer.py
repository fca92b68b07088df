"""简答 in a browser: typed with a count, cut at the limit, there after a reload, handed in, waiting for people."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.journeys.answers import places_of
from tests.journeys.browsers import Browser, Browsers
from tests.journeys.centre import Centre
from tests.journeys.hands import Hand, Keyboard, Mouse
from tests.journeys.leaks import assert_nothing_leaked
from tests.journeys.seated import begin, journal_of, seat
from tests.journeys.staff import Desk
from tests.kinds.papers import give_paper

pytestmark = [pytest.mark.journey, pytest.mark.one_process]


@pytest.mark.parametrize("hand", [pytest.param(Mouse(), id="mouse"), pytest.param(Keyboard(), id="keyboard")])
def test_a_short_answer_from_the_first_sign_to_the_hand_in(
    centre: Centre, browsers: Browsers, hand: Hand
) -> None:
    centre.world = give_paper(centre.app, centre.world, "theory", now=centre.now())
    begin(centre)
    browser = browsers.open(f"essay-{type(hand).__name__.lower()}", hand=hand, record="theory")
    candidate = seat(centre, browser, "theory")
    places = [place for place in places_of(centre, "theory") if place.type == "short_answer"]
    short = next(place for place in places if place.shape["limits"]["characters"] == 60)
    long = next(place for place in places if place is not short)
    hand.press(candidate.find("#side .sections button").nth(1))
    for place in places:
        candidate.go_to(places.index(place) + 1)
        expect(candidate.item(place.position)).to_be_visible()
        candidate.look(f"empty-{place.position}")
        if place is short:
            _to_the_limit(browser, candidate.item(place.position))
            candidate.look("full", zoom=True)
        else:
            hand.write(candidate.item(place.position).locator("textarea.essay"), "首行\n通报指标。𠮷")
            expect(candidate.item(place.position).locator(".essay-count")).to_contain_text("9 字")
        expect(candidate.item(place.position).locator(".saved.done")).to_be_visible()
    candidate.saved()
    assert dict(journal_of(centre, "theory")) == {
        short.position: '"' + "补" * 59 + '𠮷"',
        long.position: '"首行\\n通报指标。𠮷"',
    }

    browser.page.reload()
    candidate.opens()
    hand.press(candidate.find("#side .sections button").nth(1))
    candidate.go_to(places.index(short) + 1)
    expect(candidate.item(short.position).locator("textarea.essay")).to_have_value("补" * 59 + "𠮷")
    expect(candidate.item(short.position).locator(".essay-count")).to_contain_text("60 字")
    candidate.hand_in()
    assert candidate.receipt()
    assert_nothing_leaked(centre, "theory", places_of(centre, "theory"), opened_at={})
    assert centre.wait_for_sheet("theory")["score"] is None, "people have something to mark"


def _to_the_limit(browser: Browser, card: Locator) -> None:
    """A rare sign is one character; what is typed or pasted beyond the limit is cut, and the page says so."""
    field = card.locator("textarea.essay")
    browser.hand.write(field, "补" * 59 + "𠮷")
    expect(card.locator(".essay-count")).to_contain_text("60 字")
    for caret in ("Control+End", "Control+Home"):
        field.press(caret)
        browser.page.keyboard.insert_text("救援")
        expect(field).to_have_value("补" * 59 + "𠮷")
    expect(card.locator(".essay-full")).to_contain_text("60")


def test_its_author_sees_it_as_a_candidate_does(centre: Centre, browsers: Browsers) -> None:
    centre.world = give_paper(centre.app, centre.world, "theory", now=centre.now())
    author = Desk(browsers.open("author-essay"), "author")
    author.sign_in()
    author.browser.go("/bank/kinds/items/K-A1")
    expect(author.find("article.item textarea.essay")).to_be_visible()
    author.find("article.item textarea.essay").fill("一是致歉。")
    expect(author.find(".essay-count")).to_contain_text("5")
    expect(author.find(".bank-answer")).to_contain_text("三是事后回访")
    author.browser.look("preview", zoom=True)
