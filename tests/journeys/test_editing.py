"""An item is written by keyboard alone: seen as candidates see it, kept while typed, there again, submitted."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, ViewportSize, expect

from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.staff import Desk
from torture.sites.waiting import wait_for

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

TALL: ViewportSize = {"width": 1366, "height": 2400}
"""A window in which nothing scrolls, so that no bar covers what stands at its edge."""
CHOICES = ("接听来电并请来访客户稍候", "挂断来电接待来访客户", "请来访客户改日再来", "请同事代为接听来电")


def test_an_item_is_written_by_keyboard_alone(centre: Centre, browsers: Browsers) -> None:
    author = Desk(browsers.open("author-writes"), "author")
    author.sign_in()
    browser, page = author.browser, author.browser.page
    browser.go("/bank/customer-service-l3/new")
    # The script comes late: what is typed before it is there is seen by it all the same.
    late: list[Route] = []
    page.route(re.compile(r"/bank/editor/editor\b[^/]*\.js"), lambda route: late.append(route))
    page.get_by_role("link", name="单选").focus()
    page.keyboard.press("Enter")
    author.find("[name=point]").focus()
    page.keyboard.type("A-A-A-001")
    assert wait_for(lambda: bool(late) or page.wait_for_timeout(20))
    late[0].continue_()
    page.unroute_all()
    expect(author.find("#f-point-hint")).to_have_text("职业道德的特征")
    expect(author.find("html")).to_have_class(re.compile("is-live"))
    author.find("[name=stem]").focus()
    page.keyboard.type("接通率为 $\\frac{216}{249}$，来电与来访同时发生时，接待员应当先（　　）。")
    author.find("[name=choices]").first.focus()
    for text in CHOICES:
        page.keyboard.type(text)
        page.keyboard.press("Enter")
    expect(author.find(".row")).to_have_count(len(CHOICES) + 1)
    page.keyboard.press("Alt+Delete")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+k")
    page.clock.run_for(1500)
    expect(author.find("article.item .choice-text")).to_have_count(4)
    expect(author.find("article.item math mfrac")).to_have_count(1)
    expect(author.find("#key")).to_contain_text(f"C　{CHOICES[3]}")
    expect(author.find("#kept")).to_contain_text("已自动保存")
    page.set_viewport_size(TALL)
    browser.look("written", zoom=True)

    page.reload()
    expect(author.find("[name=stem]")).to_have_value(
        "接通率为 $\\frac{216}{249}$，来电与来访同时发生时，接待员应当先（　　）。"
    )
    expect(author.find(".restored")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(author.find(".flashes")).to_contain_text("第 1 版（草稿）")
    author.find("#f-explanation").focus()
    page.keyboard.type("先接听并示意，两边都不怠慢。")
    page.keyboard.press("Control+Enter")
    expect(author.find(".flashes")).to_contain_text("已送审")
    browser.go("/bank/customer-service-l3/new/hotspot")
    page.set_viewport_size(TALL)
    browser.look("hotspot")
