"""When the server takes nothing for now: the page says why, waits as long as it is told, and loses nothing."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Route, expect

from tests.journeys.browsers import Browsers
from tests.journeys.candidate import SAVED
from tests.journeys.centre import Centre
from tests.journeys.seated import begin, journal_of, seat

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

WHY = "为什么说给考生听"
SECONDS = 7


def test_a_server_that_takes_nothing_for_now(centre: Centre, browsers: Browsers) -> None:
    begin(centre)
    browser = browsers.open("theory")
    page = browser.page
    candidate = seat(centre, browser, "theory")
    browser.watch.allow("413", "423", "429", "503")
    asked = 0

    def refuse(status: int, code: str, **headers: str) -> None:
        def fulfil(route: Route) -> None:
            nonlocal asked
            asked += 1
            body = json.dumps({"code": code, "message": WHY, "fix": ""})
            route.fulfill(status=status, body=body, headers={"Content-Type": "application/json", **headers})

        page.route("**/answers", fulfil)

    # Too fast: the reason stands on the page, nothing is tried before the time is over, then it arrives.
    refuse(429, "attempt.too_fast", **{"Retry-After": str(SECONDS)})
    candidate.type_through(["a"])
    expect(candidate.find("#rescue")).to_contain_text(WHY)
    expect(candidate.find("#save.warn")).to_contain_text("1")
    page.clock.fast_forward((SECONDS - 1) * 1000)
    assert asked == 1
    page.unroute("**/answers")
    page.clock.fast_forward(2_000)
    candidate.saved()
    expect(candidate.find("#rescue")).to_be_hidden()
    assert journal_of(centre, "theory") == [(1, '"A"')]

    # Behind: it says when to come again. Nothing of this page asks before, whatever wakes it, and nothing is called
    # saved meanwhile (I10, I14).
    refuse(503, "db.busy", **{"Retry-After": str(SECONDS)})
    asked = 0
    page.keyboard.press("PageDown")
    candidate.type_through(["a"])
    expect(candidate.find("#save.warn")).to_contain_text("1")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    candidate.type_through(["b"])
    page.clock.fast_forward((SECONDS - 1) * 1000)
    assert asked == 1
    expect(candidate.find(SAVED)).to_be_hidden()
    page.unroute("**/answers")
    page.clock.fast_forward(2_000)
    candidate.saved()
    assert journal_of(centre, "theory") == [(1, '"A"'), (2, '"B"')]

    # Full: the reason and the way to save the work as a file; the answer stays on this machine and in the page.
    refuse(413, "attempt.full")
    page.keyboard.press("PageDown")
    candidate.type_through(["b"])
    expect(candidate.find("#rescue.stop")).to_contain_text(WHY)
    expect(candidate.find("#rescue button")).to_be_visible()
    expect(candidate.find("#save.warn")).to_contain_text("1")
    page.unroute("**/answers")
    page.clock.fast_forward(11_000)
    candidate.saved()
    assert journal_of(centre, "theory") == [(1, '"A"'), (2, '"B"'), (3, '"B"')]

    # Out of the room, and an evacuation: each has its own screen, the paper is gone, and all comes back after it.
    typed = journal_of(centre, "theory")
    for code, screen, value in (("attempt.away", "away", "a"), ("attempt.evacuated", "evacuated", "b")):
        refuse(423, code)
        page.keyboard.press("PageDown")
        candidate.type_through([value])
        expect(candidate.find("#screen h2")).to_have_text(candidate.text(f"delivery.screen.{screen}.title"))
        expect(candidate.find("#paper")).to_be_hidden()
        page.unroute("**/answers")
        page.clock.fast_forward(11_000)
        expect(candidate.find("#paper")).to_be_visible()
        candidate.saved()
        typed.append((len(typed) + 1, f'"{value.upper()}"'))
        assert journal_of(centre, "theory") == typed
