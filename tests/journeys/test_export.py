"""An author takes a bank out: what a form cannot hold is seen before, the file is taken."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.staff import Desk

BANK = "customer-service-l3"

pytestmark = [pytest.mark.journey, pytest.mark.one_process]


def test_an_author_sees_what_stays_and_takes_the_bank_along(
    browsers: Browsers, centre: Centre, tmp_path: Path
) -> None:
    author = Desk(browsers.open("author"), "author")
    author.sign_in()
    hand, page = author.browser.hand, author.browser.page
    author.browser.go(f"/bank/{BANK}")
    hand.press(author.find(f"main a[href$='/bank/{BANK}/export']"))
    expect(author.find("main details summary")).to_be_visible()
    author.browser.look("export")
    author.find("select[name=form]").select_option("text")
    expect(author.find("main details")).to_have_count(0)
    with page.expect_download() as taken:
        hand.press(author.find("form[method=post] button.btn-main"))
    path = tmp_path / "out.zip"
    taken.value.save_as(path)
    assert taken.value.suggested_filename == f"{BANK}-text.zip"
    assert f"{BANK}/taxonomy.toml" in zipfile.ZipFile(path).namelist()
