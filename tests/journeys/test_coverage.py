"""An author looks whether the bank lasts, and at a paper as candidates see it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.staff import Desk

BANK = "customer-service-l3"

pytestmark = [pytest.mark.journey, pytest.mark.one_process]


def test_an_author_draws_a_paper_and_tries_it_out(browsers: Browsers, centre: Centre) -> None:
    author = Desk(browsers.open("author"), "author")
    author.sign_in()
    hand, page = author.browser.hand, author.browser.page
    author.browser.go(f"/bank/{BANK}")
    hand.press(author.find(f"main a[href$='/bank/{BANK}/coverage']"))
    expect(author.find("#lacks-title")).to_be_visible()
    page.wait_for_load_state()  # what follows a choice is a script's
    author.find("select[name=paper]").select_option(f"{BANK}:skills")
    expect(author.find("#units-title")).to_be_visible()
    author.browser.look("coverage")
    hand.press(author.find(".page-head a.btn-main"))
    expect(author.find("#units li")).to_have_count(4)
    expect(author.find(".stimulus")).to_be_visible()
    author.browser.look("draw")
    hand.press(author.find("#units li:nth-child(2) button"))
    expect(author.find("#units li:nth-child(2)")).to_have_attribute("aria-current", "step")
    author.find("select[name=paper]").select_option(f"{BANK}:theory")
    hand.press(author.find(".toolbar button[type=submit]"))
    expect(author.find(".sections button")).to_have_count(2)
    seed = author.find("input[name=seed]").input_value()
    author.find("h2#item-1").focus()
    page.keyboard.press("b")
    expect(author.find(".palette li:first-child button")).to_have_class("num answered current")
    hand.press(author.find(".toolbar a.btn-main"))
    expect(author.find("input[name=seed]")).not_to_have_value(seed)
    expect(author.find(".palette .answered")).to_have_count(0)
