"""举手 in two browsers: one tap, the board says so, words come back beside the button; a doubt about an item."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from cbt.proctoring.models import ItemRemark
from cbt.storage.unit_of_work import reading
from tests.journeys.browsers import Browser, Browsers
from tests.journeys.centre import Centre
from tests.journeys.seated import begin, journal_of, seat
from tests.journeys.staff import Board

pytestmark = pytest.mark.journey


SIZES = ((1366, 768), (1024, 768), (683, 384), (390, 844))
"""The desks there are, one at 200 %, and a phone."""


def bars(browser: Browser) -> list[int]:
    """Return how high the bar of the answer page is at each size; nothing on it is wider than the page."""
    heights = []
    for width, height in SIZES:
        browser.page.set_viewport_size({"width": width, "height": height})
        assert browser.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        expect(browser.find("#hand")).to_be_visible()
        heights.append(int(browser.page.evaluate("document.querySelector('.bar').offsetHeight")))
    browser.page.set_viewport_size({"width": 1366, "height": 768})
    return heights


def test_a_hand_is_answered_in_words(centre: Centre, browsers: Browsers) -> None:
    begin(centre)
    browser = browsers.open("theory")
    candidate = seat(centre, browser, "theory")
    button, note = candidate.find("#hand"), candidate.find("#hand-note")
    board = Board(browsers.open("proctor"), "proctor")
    board.sign_in()
    board.enter()

    before = bars(browser)
    button.click()
    browser.look("hand-reasons", zoom=True)
    candidate.find("[data-reason=item]").click()
    expect(button).to_have_text("已举手")
    expect(candidate.find(".hand-body")).to_contain_text("已举手：题目问题（判断题 1）")
    browser.look("hand-up")
    todo = board.find(
        "#live-todo li",
    ).filter(has_text="举手：题目问题 判断题 1")
    expect(todo).to_be_visible()
    expect(board.seat("theory")).to_contain_text("举手")
    board.browser.look("board-hand")

    candidate.find("#remark").fill("两个选项意思相同")
    candidate.find(".hand-remark .btn").click()
    expect(candidate.find(".hand-remark .hand-told")).to_have_text("已记录：判断题 1。请继续作答。")
    candidate.find("#remark").fill("再补充一句")
    browser.watch.allow("409")
    candidate.find(".hand-remark .btn").click()
    expect(candidate.find(".hand-remark .hand-told")).to_contain_text(
        "刚刚提交过疑问"
    )  # beside what was pressed
    expect(candidate.find("#remark")).to_have_value("再补充一句")
    browser.look("remark-refused")
    browser.page.keyboard.press("Escape")
    expect(button).to_be_focused()

    browser.page.reload()  # the hand is up after it, too
    candidate.opens()
    expect(button).to_have_text("已举手")
    todo.get_by_text("答复", exact=True).click()
    board.find("#asked").get_by_role("button", name="马上过来，请稍候").click()
    board.browser.look("answer-hand")
    board.confirm()
    expect(todo).to_have_count(0)
    expect(note).to_have_text("监考员答复：马上过来，请稍候")
    expect(button).to_have_text("举手")
    expect(candidate.find("#toasts")).to_contain_text("马上过来，请稍候")
    browser.look("hand-answered", zoom=True)
    assert bars(browser) == before, "neither a hand nor its answer makes the bar higher"

    # In forced colours what cannot be used yet is told by its edge.
    browser.page.emulate_media(forced_colors="active")
    edge = "getComputedStyle(document.querySelector('{}')).borderTopStyle".format
    assert browser.page.evaluate(edge("#hand-in")) == "dashed"
    assert browser.page.evaluate(edge("#settings")) == "solid"
    browser.page.emulate_media(forced_colors="none")
    assert board.browser.page.evaluate("document.getElementById('picked').offsetHeight") < 62  # one line

    # The server is away: words of ours beside the button, no browser's error.
    browser.page.route("**/hand", lambda route: route.abort())
    browser.watch.allow("ERR_FAILED")
    button.click()
    candidate.find("[data-reason=body]").click()
    expect(candidate.find(".hand-told.refused")).to_contain_text("请直接举手示意监考员")
    assert journal_of(centre, "theory") == []
    with centre.app.app_context(), reading() as session:
        assert [one.text for one in session.query(ItemRemark)] == ["两个选项意思相同"]
