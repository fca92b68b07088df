"""What keeps its place at the widths people have: the bar in a line, words in their cells, fields in their card."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from cbt.accounts.passwords import hash_password
from cbt.demo.world import add_staff
from cbt.rules.items.content import ItemType
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import unit_of_work
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.staff import Desk
from tests.world import PASSWORD, Person

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

LINE = 57
"""Pixels of a bar of one line with its edge."""
WINDOWS = {"zh": (1366, 1024), "en": (1366,)}
BANK = "customer-service-l3"
_LINES = """() => {
    const bar = document.querySelector(".topbar");
    const links = [...bar.querySelectorAll("nav > ul a, summary")].filter((one) => one.offsetParent);
    return {
        height: bar.getBoundingClientRect().height,
        tops: new Set(links.map((one) => Math.round(one.getBoundingClientRect().top))).size,
        tall: Math.max(0, ...links.map((one) => one.getBoundingClientRect().height)),
    };
}"""
_BROKEN = """(selector) => {
    const broken = [];
    for (const cell of document.querySelectorAll(selector)) {
        const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        for (let node; (node = texts.nextNode()); ) {
            for (const run of node.data.matchAll(/[\\u4e00-\\u9fff]+/g)) {
                const range = document.createRange();
                range.setStart(node, run.index);
                range.setEnd(node, run.index + run[0].length);
                const lines = new Set([...range.getClientRects()].map((one) => Math.round(one.top)));
                if (lines.size > 1) broken.push(run[0]);
            }
        }
    }
    return broken;
}"""


_CUT = """() => [...document.querySelectorAll(".proof-case table")].filter((one) => {
    const edge = one.closest(".proof-case").getBoundingClientRect().right;
    return one.getBoundingClientRect().right > edge;
}).length"""
_OUTSIDE = """() => {
    const outside = [];
    const page = document.documentElement;
    if (page.scrollWidth > page.clientWidth) outside.push(`the page: ${page.scrollWidth}`);
    for (const card of document.querySelectorAll("form .card")) {
        const edge = card.getBoundingClientRect().right + 1;
        for (const one of card.children) {
            if (one.getBoundingClientRect().right > edge) outside.push(one.outerHTML.slice(0, 60));
        }
    }
    return outside;
}"""
_READ = """() => {
    const page = document.documentElement;
    const measure = document.createElement("canvas").getContext("2d");
    let longest = 0;
    for (const one of document.querySelectorAll(".help-text p")) {
        const style = getComputedStyle(one);
        measure.font = `${style.fontSize} ${style.fontFamily}`;
        const sign = measure.measureText(page.lang === "en" ? "the quick brown fox " : "考").width;
        longest = Math.max(longest, one.clientWidth / sign * (page.lang === "en" ? 20 : 1));
    }
    return {over: page.scrollWidth - page.clientWidth, longest: Math.floor(longest)};
}"""
MEASURE = {"zh": 38, "en": 70}
"""Characters that a line of a handbook has room for; of English, what is not filled at its end counts."""
LONG = "客户服务热线工单回访记录" * 12 + "Pneumonoultramicroscopicsilicovolcanoconiosis" * 3


def test_the_bar_is_one_line_for_every_role_in_both_languages(browsers: Browsers, centre: Centre) -> None:
    world = centre.world
    with centre.app.app_context(), unit_of_work() as session:
        somebody = add_staff(
            session, *Role, login="everything", name="欧阳经办考务管理", now=centre.now(),
            password_hash=hash_password(PASSWORD),
        )  # fmt: skip
        world.people["everything"] = Person(somebody.ref, somebody.login, somebody.id)
    for role in world.people:
        for language, widths in WINDOWS.items():
            desk = Desk(browsers.open(f"{role}-{language}"), role, language=language)
            desk.sign_in()
            page = desk.browser.page
            for width in widths:
                page.set_viewport_size({"width": width, "height": 768})
                assert_one_line(page, f"{role}, {language}, {width}")
            page.context.close()


def assert_one_line(page: Page, who: str) -> None:
    seen = page.evaluate(_LINES)
    assert seen["height"] <= LINE, (who, seen)
    assert seen["tops"] <= 1, (who, seen)
    assert seen["tall"] <= LINE, (who, seen)


def test_words_in_the_tables_of_a_case_are_not_broken(browsers: Browsers, centre: Centre) -> None:
    author = Desk(browsers.open("author"), "author")
    author.sign_in()
    page = author.browser.page
    for seed in (1, 2):
        author.browser.go(f"/bank/{BANK}/draw?paper={BANK}:skills&seed={seed}")
        for unit in range(1, 5):
            author.find(f"#units li:nth-child({unit}) button").click()
            for width in (1366, 1024, 390):
                page.set_viewport_size({"width": width, "height": 844})
                assert page.evaluate(_BROKEN, ".stimulus :is(th, td)") == [], (seed, unit, width)
        author.browser.go(f"/bank/{BANK}/proof?paper={BANK}:skills&seed={seed}")
        page.set_viewport_size({"width": 794, "height": 1123})
        page.emulate_media(media="print")
        assert page.evaluate(_BROKEN, ".proof-case :is(th, td)") == []
        wide = page.evaluate(_CUT)
        assert wide == 0, "what is printed is not cut off"
        page.emulate_media(media="screen")


def test_the_fields_of_an_item_stay_within_their_card(browsers: Browsers, centre: Centre) -> None:
    author = Desk(browsers.open("author"), "author")
    author.sign_in()
    page = author.browser.page
    for kind in ItemType:
        author.browser.go(f"/bank/{BANK}/new/{kind.value}")
        for field in author.find("form textarea:visible, form input.input:visible:not([readonly])").all():
            field.fill(LONG[: int(field.get_attribute("maxlength") or len(LONG))])
        for width in (1280, 1024, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(_OUTSIDE) == [], (kind, width)


def test_a_handbook_is_read_at_every_width(browsers: Browsers, centre: Centre) -> None:
    for language, measure in MEASURE.items():
        for name, path in (("officer", "/staff/help/officer"), ("", "/exam/help")):
            desk = Desk(
                browsers.open(f"{name or 'candidate'}-{language}"), name or "officer", language=language
            )
            if name:
                desk.sign_in()
            desk.browser.context.add_cookies([{"name": "locale", "value": language, "url": centre.url}])
            desk.browser.go(path)
            page = desk.browser.page
            for width in (1920, 1366, 1024, 683, 390):
                page.set_viewport_size({"width": width, "height": 768})
                seen = page.evaluate(_READ)
                assert seen["over"] <= 0, (path, language, width)
                assert seen["longest"] <= measure or width < 900, (path, language, width, seen)
            page.context.close()
