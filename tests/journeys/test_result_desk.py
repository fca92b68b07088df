"""The result desk in a browser: from a batch to a paper as it was seen, its dossier on paper, own columns."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cbt.application.app import create_app
from tests.conftest import Templates, close_engine
from tests.helpers import FakeClock
from tests.journeys.browsers import SHOTS, Browser, Browsers
from tests.journeys.centre import Centre, quiet_log, serve
from tests.journeys.staff import Office
from tests.printing.paper import papers_of
from tests.results.appeal_scene import score_of, written
from tests.results.scene import ENDED, release
from tests.world import START

pytestmark = [pytest.mark.journey, pytest.mark.one_process]
WHO = "theory"
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def centre(templates: Templates, tmp_path: Path) -> Iterator[Centre]:
    """A centre whose results are released; one candidate answered thirty items."""
    settings, world = templates.settings("sqlite", populated=True, target=tmp_path)
    assert world is not None
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    app.config["WTF_CSRF_ENABLED"] = False
    before = written(world.on(app, clock), WHO, positions=range(1, 31))
    release(before)
    close_engine(app)
    with serve(settings, replace(world, people=before.people), ENDED + timedelta(days=1), tmp_path) as served:
        yield served
    close_engine(served.app)
    assert not quiet_log(tmp_path)


def on_a_phone(browser: Browser, name: str) -> None:
    """Hold the page to the width of a telephone."""
    before = browser.page.viewport_size
    browser.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert browser.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
    if folder := os.environ.get(SHOTS):
        browser.page.screenshot(path=Path(folder) / f"desk-{name}-390.png", full_page=True)
    if before:
        browser.page.set_viewport_size(before)


def test_a_challenged_result_is_looked_into_and_printed(
    centre: Centre, browsers: Browsers, tmp_path: Path
) -> None:
    world = centre.world
    sitter = world.sitters[WHO]
    office = Office(browsers.open("officer"), "officer")
    office.sign_in()
    hand, page = office.browser.hand, office.browser.page
    office.browser.go("/results")
    hand.press(office.find(f"main a[href$='/results/batches/{world.batch_ref}/desk']"))
    expect(office.find("#people table tbody tr").first).to_be_visible()
    office.browser.look("batch", zoom=True)
    on_a_phone(office.browser, "batch")
    hand.write(office.find("main form input[name=q]"), sitter.ticket)
    page.keyboard.press("Enter")
    expect(office.find("#people table tbody tr")).to_have_count(1)
    hand.press(office.find("#people table a").filter(has_text=sitter.name))

    # The paper is drawn by the candidate's own page: the first thirty answered, nothing to change.
    expect(office.find("main h1")).to_have_text(sitter.name)
    expect(office.find("#runner .desk-item, #runner .item").first).to_be_visible()
    expect(office.find("#runner input:checked")).to_have_count(30)
    expect(office.find("#runner input:enabled")).to_have_count(0)
    expect(office.find("#basis")).to_be_visible()
    office.browser.look("person", zoom=True)
    on_a_phone(office.browser, "person")
    with page.expect_download() as download:
        hand.press(office.find(".page-head a.btn-main"))
    pages = papers_of(Path(download.value.path()).read_bytes(), tmp_path, "dossier")
    said = "".join(one.text for one in pages)
    assert sitter.name in said
    world = centre.world.on(centre.app, centre.app.extensions["cbt_clock"])
    right = str(score_of(world, WHO).score)
    assert right in said

    office.browser.go(f"/results/{world.sitting_ref}/desk")
    expect(office.find("table.matrix tbody tr").first).to_be_visible()
    office.browser.look("matrix", zoom=True)
    on_a_phone(office.browser, "matrix")

    # The office's own columns, saved once, and a file by them.
    hand.press(office.find("main a[href*='/results/tables?of=sitting']"))
    hand.press(office.find(".page-head a.btn"))
    hand.write(office.find("input[name=name]"), "省中心")
    hand.write(office.find("input[name=header]").nth(1), "考生姓名")
    office.browser.look("columns", zoom=True)
    on_a_phone(office.browser, "columns")
    hand.press(office.find("main form .form-foot button").first)
    expect(office.find(".flashes .notice.ok")).to_be_visible()
    office.find("select[name=mapping]").select_option(label="省中心")
    hand.press(office.find("form[method=get] button[type=submit]"))
    expect(office.find("#file")).to_contain_text("一人一行")
    office.browser.look("table", zoom=True)
    on_a_phone(office.browser, "table")
    office.find("input[name=form][value=utf8]").check()
    office.find("input[name=blanks]").check()
    with page.expect_download() as download:
        hand.press(office.find("form[action$='/file'] button"))
    rows = list(csv.reader(Path(download.value.path()).read_text("utf-8-sig").splitlines()))
    assert rows[0][1] == "考生姓名"
    assert [row[9] for row in rows[1:] if row[1] == sitter.name] == [right]
