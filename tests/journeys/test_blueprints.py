"""An officer brings a blueprint with a slip, mends it at its line, puts it in force, and changes it by form."""

from __future__ import annotations

from playwright.sync_api import expect

from cbt.paths import product_dir
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.staff import Desk

SOUND = (product_dir("blueprints") / "customer-service-l3.toml").read_text("utf-8")
MINE = SOUND.replace('ref = "customer-service-l3"', 'ref = "ours-l3"', 1)


def test_an_officer_brings_mends_and_changes_a_blueprint(browsers: Browsers, centre: Centre) -> None:
    officer = Desk(browsers.open("officer"), "officer")
    officer.sign_in()
    hand, page = officer.browser.hand, officer.browser.page
    officer.browser.go("/office/blueprints")
    officer.browser.look("blueprints")
    faulty = MINE.replace("count = 40", "count = 41", 1)
    brought = {"name": "ours.toml", "mimeType": "text/plain", "buffer": faulty.encode()}
    officer.find("input[type=file]").set_input_files(brought)
    hand.press(officer.find("form[enctype] button[type=submit]"))
    line = faulty.splitlines().index("points = 100") + 1
    expect(officer.find(f".blue-lines .bad:nth-child({line})")).to_have_text(str(line))
    officer.browser.look("blueprint-findings")
    hand.press(officer.find(f"a[data-line='{line}']"))
    assert page.evaluate("getSelection().toString()") == "points = 100"
    officer.find("#f-text").fill(MINE)
    hand.press(officer.find("button[value=keep]"))
    expect(officer.find("h1")).to_contain_text("客户服务管理员（三级）")
    officer.browser.look("blueprint")
    hand.press(officer.find(".page-head a[href$='/form']"))
    officer.find("[name='papers.skills.pass_points']").fill("120")
    hand.press(officer.find(".form-foot button[value=check]"))
    expect(officer.find("[name='papers.skills.pass_points']")).to_have_attribute("aria-invalid", "true")
    officer.browser.look("blueprint-form")
    officer.find("[name='papers.skills.pass_points']").fill("70")
    hand.press(officer.find(".form-foot button[value=keep]"))
    expect(officer.find("main")).to_contain_text("70 分及以上合格")
    expect(officer.find(".pill.ok")).to_have_count(1)
