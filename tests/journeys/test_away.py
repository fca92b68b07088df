"""A page that is loaded again while the server is away: no browser's error page, and it goes on by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.seated import begin, journal_of, seat
from torture.sites.waiting import wait_for

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

KEPT = """async () => Boolean(navigator.serviceWorker.controller)
    && (await (await caches.open("cbt-away")).keys()).length >= 3"""
OFFLINE = "delivery.screen.offline.title"


def test_a_page_is_loaded_again_while_the_server_is_away(centre: Centre, browsers: Browsers) -> None:
    begin(centre)
    centre.expected.append("the server was away")
    browser = browsers.open("away", workers="allow")
    browser.watch.allow(
        "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "ERR_FAILED", "status of 50"
    )
    page = browser.page
    page.on("dialog", lambda dialog: dialog.accept())
    candidate = seat(centre, browser, "theory")
    candidate.type_through(["a"])
    candidate.saved()
    page.clock.fast_forward(61_000)  # the page alone: a server whose time moved on would find its own outage
    assert wait_for(lambda: page.evaluate(KEPT))

    # F5 leaves the page as it is: it can be answered.
    stopped_at = centre.stop()
    candidate.type_through(["b"])
    candidate.kept(1)
    page.keyboard.press("F5")
    expect(candidate.find("#toasts")).to_contain_text(candidate.text("delivery.reload.held"))
    candidate.look("held")
    expect(candidate.item(1)).to_be_visible()

    # The browser's own button: who it is, the time, what waits here, and that it goes on by itself.
    address = page.url
    page.reload()
    expect(candidate.find("#screen h2")).to_have_text(candidate.text(OFFLINE))
    expect(candidate.find("#candidate")).to_have_text(browser.centre.world.sitters["theory"].name)
    expect(candidate.find("#save")).to_contain_text("1 题保存在本机")
    expect(candidate.find("#clock")).to_contain_text("剩余时间")
    expect(candidate.find("#clock b")).not_to_have_text("--:--")
    assert page.url == address
    candidate.look("away")

    # Another page of the exam in a tab that knows nobody.
    stranger = browser.context.new_page()
    stranger.goto(f"{centre.url}/exam/wait")
    expect(stranger.locator("#screen h2")).to_have_text(candidate.text(OFFLINE))
    stranger.close()

    centre.go_on(at=stopped_at + timedelta(seconds=2))  # short enough to be no outage
    candidate.opens()
    expect(candidate.item(1).locator("input:checked")).to_have_value("B")
    candidate.saved()
    assert [json_value for _, json_value in journal_of(centre, "theory")] == ['"A"', '"B"']
