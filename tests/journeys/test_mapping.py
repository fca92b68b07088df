"""A stranger's sheet whose headers nobody knows: mapped by hand, looked at, stored, known again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.bank.sheets import sheets
from tests.journeys.browsers import DESK, SHOTS, Browsers
from tests.journeys.centre import Centre
from tests.journeys.looks import THEMES
from tests.journeys.staff import Desk
from tests.journeys.test_editing import TALL

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

HEAD = ["XH", "TG", "X1", "X2", "X3", "ZQ", "KD"]
ASKED = [
    "客户来电要求更改收货地址，坐席在更改前首先应当核对的是（　　）。",
    "来访客户取号后等候超过承诺时限，大堂人员应当先（　　）。",
    "班组交接时发现有一件投诉尚未登记，接班人员应当（　　）。",
    "客户要求把处理结果以书面形式告知，坐席应当（　　）。",
    "网点临时停电，正在办理业务的柜员应当先（　　）。",
    "客户在电话里报出完整的银行卡号，坐席应当（　　）。",
    "外呼时接听的不是客户本人，坐席应当（　　）。",
]
ROWS = [
    [number, stem, "核对来电人身份", "直接照办并致谢", "请客户改日再办", str(number % 3 + 1), "A-A-A-001"]
    for number, stem in enumerate(ASKED, 1)
]
BOOK = {"导出": [["二〇二六年题目导出", "", "", "", "", "", ""], HEAD, *ROWS, ["制表人：某某"]]}
NARROW = {"width": 390, "height": 844}


class Author(Desk):
    """Somebody with a file of another system."""

    def brings(self, name: str) -> None:
        """Upload the file and wait for what becomes of it."""
        self.browser.go("/bank/customer-service-l3/import")
        file = {"name": name, "mimeType": "application/zip", "buffer": sheets(BOOK)}
        self.find("input[name=file]").set_input_files(file)  # type: ignore[arg-type]  # a dict of Playwright's
        self.browser.hand.press(self.find("main form button[type=submit]").first)

    def sees(self, name: str) -> None:
        """Look at the whole page at its widths."""
        page = self.browser.page
        page.set_viewport_size(TALL)
        self.browser.look(name)
        if folder := os.environ.get(SHOTS):
            for theme in THEMES:
                page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
                for size in (DESK, NARROW):
                    page.set_viewport_size(size)  # type: ignore[arg-type]  # Playwright's own dict type
                    page.screenshot(
                        path=Path(folder) / f"{name}-{theme}-{size['width']}-full.png", full_page=True
                    )
        page.set_viewport_size(NARROW)  # type: ignore[arg-type]  # Playwright's own dict type
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        page.set_viewport_size(DESK)  # type: ignore[arg-type]  # Playwright's own dict type


def test_a_strangers_sheet_is_mapped_seen_stored_and_known_again(centre: Centre, browsers: Browsers) -> None:
    author = Author(browsers.open("author-maps"), "author")
    author.sign_in()
    page = author.browser.page
    author.browser.watch.allow("htmx:(sendAbort|afterRequest)")  # said anew before the answer came
    author.brings("旧系统导出.xlsx")
    # It was understood by what stands in its columns, its header taken for a question: its author says it anew.
    expect(author.find(".check-understood")).to_contain_text("没有表头", timeout=30_000)
    author.browser.hand.press(author.find("button[formaction$='/open']"))
    expect(author.find("#raw")).to_be_visible(timeout=30_000)
    author.find("#row-2").select_option("head")
    author.find("#row-10").select_option("skip")
    for column in range(1, 8):  # whatever was suggested
        author.find(f"#col-{column}").select_option("")
    expect(author.find("#look")).to_contain_text("还没有说明哪一列是题干")
    author.sees("mapping-lacks")

    fields = ("number", "stem", "choice_A", "choice_B", "choice_C", "answer", "point")
    for column, name in enumerate(fields, 1):
        author.find(f"#col-{column}").select_option(name)
    expect(author.find("#look")).to_contain_text("7 题读不出")
    author.sees("mapping-unfit")
    author.find("#f-writing").focus()
    author.find("#f-writing").select_option("from_1")
    expect(author.find("#look")).to_contain_text("读出 7 题")
    expect(author.find("#f-writing")).to_be_focused()  # what is drawn anew takes nobody's place away
    expect(author.find("#look .is-right")).to_have_count(5)
    author.find("[name=name]").fill("旧系统")
    page.keyboard.press("Tab")
    expect(author.find("[name=name]")).to_have_value("旧系统")
    author.sees("mapping")
    author.browser.hand.press(author.find("button[value=read]"))
    expect(author.find(".check-confirm")).to_be_visible(timeout=30_000)
    author.sees("mapped")
    author.browser.hand.press(author.find("#confirm button[type=submit]"))
    expect(author.find("#mappings")).to_be_visible(timeout=30_000)
    expect(author.find("#mapping-1")).to_have_value("旧系统")
    author.sees("mapping-kept")

    author.brings("又一次导出.xlsx")
    expect(author.find(".check-understood")).to_contain_text("旧系统", timeout=30_000)
    expect(author.find("main .stats")).to_contain_text("7")
