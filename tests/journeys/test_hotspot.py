"""识图 in a browser: marked by the mouse and by the keyboard, moved, removed, there after a reload, handed in."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.journeys.answers import Place, places_of
from tests.journeys.browsers import Browsers
from tests.journeys.candidate import Candidate
from tests.journeys.centre import Centre
from tests.journeys.hands import Keyboard
from tests.journeys.leaks import assert_nothing_leaked
from tests.journeys.seated import begin, journal_of, seat
from tests.journeys.staff import Desk
from tests.kinds.papers import give_paper

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

BOXES, CABLE, WATER = [700, 214], [560, 320], [555, 522]


def enter(centre: Centre, browsers: Browsers, name: str, **more: Any) -> tuple[Candidate, list[Place]]:
    """Open the paper at its pictures; return its two items, the hall first."""
    centre.world = give_paper(centre.app, centre.world, "theory", now=centre.now())
    begin(centre)
    candidate = seat(centre, browsers.open(name, record="theory", **more), "theory")
    places = [place for place in places_of(centre, "theory") if place.type == "hotspot"]
    candidate.browser.hand.press(candidate.find("#side .sections button").nth(2))
    return candidate, sorted(places, key=lambda place: -place.shape["limits"]["width"])


def go(candidate: Candidate, places: list[Place], place: Place) -> Locator:
    """Go to one of the two and return its card."""
    candidate.go_to(1 + sorted(one.position for one in places).index(place.position))
    card = candidate.item(place.position)
    expect(card).to_be_visible()
    return card


def press_at(card: Locator, point: list[int], size: list[int]) -> None:
    """Press on the picture at a point of it."""
    image = card.locator(".hot-picture")
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    assert box is not None
    x, y = box["width"] * point[0] / size[0], box["height"] * point[1] / size[1]
    image.page.mouse.click(box["x"] + x, box["y"] + y)


def test_points_are_marked_with_the_mouse(centre: Centre, browsers: Browsers) -> None:
    candidate, places = enter(centre, browsers, "picture-mouse")
    hall, form = places
    card = go(candidate, places, hall)
    candidate.look("empty", zoom=True)
    expect(card.locator(".hot-picture img")).to_have_js_property("naturalWidth", 800)
    size = [800, 560]
    press_at(card, [703, 210], size)
    expect(card.locator(".hot-marks li")).to_contain_text("安全出口前的纸箱")
    press_at(card, [300, 400], size)
    expect(card.locator(".hot-marks li").nth(1)).to_contain_text("距左 3")
    press_at(card, WATER, size)
    press_at(card, [100, 500], size)
    expect(card.locator(".hot-said")).to_contain_text("最多标 3 处")
    expect(card.locator(".hot-marks li")).to_have_count(3)

    # The one beside everything is dragged onto the cable.
    page = candidate.browser.page
    mark = card.locator(".hot-mark").nth(1).bounding_box()
    box = card.locator(".hot-picture").bounding_box()
    assert mark is not None
    assert box is not None
    page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.move(box["x"] + box["width"] * 560 / 800, box["y"] + box["height"] * 320 / 560)
    page.mouse.up()
    expect(card.locator(".hot-marks li").nth(1)).to_contain_text("电源线")
    candidate.look("marked", zoom=True)
    candidate.saved()
    assert journal_of(centre, "theory")[-1] == (hall.position, f"[{WATER},{CABLE},{BOXES}]".replace(" ", ""))

    # One may be marked on the other picture: the next press moves it there.
    card = go(candidate, places, form)
    press_at(card, [640, 390], [760, 520])
    press_at(card, [400, 230], [760, 520])
    expect(card.locator(".hot-marks li")).to_have_count(1)
    card.locator(".hot-marks button").click()
    expect(card.locator(".hot-mark")).to_have_count(0)
    card.locator(".hot-spot", has_text="投诉诉求").click()
    candidate.look("form")
    candidate.saved()

    page.reload()
    candidate.opens()
    candidate.browser.hand.press(candidate.find("#side .sections button").nth(2))
    card = go(candidate, places, hall)
    expect(card.locator(".hot-mark")).to_have_count(3)
    expect(card.locator(".hot-spot[aria-pressed=true]")).to_have_count(3)
    candidate.hand_in()
    assert candidate.receipt()
    assert_nothing_leaked(centre, "theory", places_of(centre, "theory"), opened_at={})
    sheet = centre.wait_for_sheet("theory")
    assert [group["earned"] for group in sheet["groups"]] == ["0", "0", "40"]


def test_points_are_marked_by_the_keyboard_alone(centre: Centre, browsers: Browsers) -> None:
    hand = Keyboard()
    candidate, places = enter(centre, browsers, "picture-keys", hand=hand)
    hall, form = places
    keys = candidate.browser.page.keyboard
    card = go(candidate, places, hall)
    for name in ("安全出口前的纸箱", "饮水机前的积水", "绿植"):
        hand.press(card.locator(".hot-spot", has_text=name))
    expect(card.locator(".hot-count")).to_contain_text("已标 3 处")
    hand.press(card.locator(".hot-spot", has_text="咨询台"))
    expect(card.locator(".hot-said")).to_contain_text("最多标 3 处")

    # The third is taken away, a mark set in the middle, and walked to the cable by the arrows.
    hand.press(card.locator(".hot-marks button").nth(2))
    expect(card.locator(".hot-mark")).to_have_count(2)
    hand.press(card.locator(".hot-head button"))
    hand.reach(card.locator(".hot-mark").nth(2))
    for _ in range(10):
        keys.press("ArrowRight")
    for _ in range(2):
        keys.press("ArrowDown")
    keys.press("Shift+ArrowDown")
    expect(card.locator(".hot-mark").nth(2)).to_be_focused()
    expect(card.locator(".hot-said")).to_contain_text("标记 3 已移到")
    candidate.look("walked", zoom=True)
    card = go(candidate, places, form)
    hand.press(card.locator(".hot-spot", has_text="核实情况"))
    hand.reach(card.locator(".hot-mark"))
    keys.press("Delete")
    expect(card.locator(".hot-mark")).to_have_count(0)
    hand.press(card.locator(".hot-spot", has_text="投诉诉求"))
    candidate.saved()
    candidate.hand_in()
    assert candidate.receipt()
    assert [group["earned"] for group in centre.wait_for_sheet("theory")["groups"]] == ["0", "0", "40"]


def test_its_author_sees_it_as_a_candidate_does(centre: Centre, browsers: Browsers) -> None:
    centre.world = give_paper(centre.app, centre.world, "theory", now=centre.now())
    author = Desk(browsers.open("author-picture"), "author")
    author.sign_in()
    author.browser.go("/bank/kinds/items/K-H1")
    author.find(
        ".hot-spot",
    ).first.click()
    expect(author.find(".hot-mark")).to_have_count(1)
    expect(author.find(".bank-answer li")).to_have_count(3)
    author.browser.look("preview", zoom=True)
