"""试答 while one waits, ended by the start; and the tools of the answer page, by mouse and by keyboard."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Request, expect
from sqlalchemy import select, update

from cbt.candidates.models import Registration
from cbt.rules.exam import TOOLS
from cbt.rules.items.content import ItemType
from cbt.rules.items.registry import TYPES
from cbt.runner.models import JournalEntry
from cbt.storage.unit_of_work import unit_of_work
from tests.journeys.browsers import Browsers
from tests.journeys.candidate import Candidate
from tests.journeys.centre import Centre
from tests.journeys.hands import Keyboard
from tests.journeys.seated import begin, log_in, seat
from tests.world import PLANNED
from torture.sites.waiting import wait_for

pytestmark = pytest.mark.journey

FROM_HERE = "async () => (await indexedDB.databases()).length + localStorage.length"
"""How much of the page lies on this machine."""


def latest_mark(centre: Centre) -> str:
    """Return what the journal has of marks last. They are sent like answers, but the page counts answers alone."""
    query = select(JournalEntry.value).where(JournalEntry.kind == "mark").order_by(JournalEntry.id.desc())
    with centre.session() as session:
        return str(session.scalar(query.limit(1)))


def give_tools(centre: Centre, name: str) -> None:
    """Give a sitter every tool."""
    with centre.app.app_context(), unit_of_work() as session:
        ref = centre.world.sitters[name].registration_ref
        session.execute(update(Registration).where(Registration.ref == ref).values(tools=",".join(TOOLS)))


HEARD = {
    ItemType.TRUE_FALSE: ['group "一年有十二个月。"', 'radio "A 对" [checked]', 'radio "B 错"'],
    ItemType.SINGLE_CHOICE: [
        'group "下列哪一种是水果？"', 'radio "A 苹果"', 'radio "B 白菜" [checked]', 'radio "C 馒头"',
        'radio "D 豆浆"',
    ],
    ItemType.MULTIPLE_CHOICE: [
        'group "下列哪些是颜色？"', 'checkbox "A 红" [checked]', 'checkbox "B 蓝"', 'checkbox "C 方" [checked]',
        'checkbox "D 绿"',
    ],
    ItemType.FILL_BLANK: ['textbox "第 1 空": "7"', 'textbox "第 2 空": "24"'],
    ItemType.NUMERIC: ['textbox "计算结果": "36"'],
    ItemType.MATCHING: [
        'group "为每样东西选出它的用途。"',
        'combobox "茶叶罐 1. 喝茶": 1. 喝茶', 'combobox "茶壶 2. 存放茶叶": 2. 存放茶叶',
        'combobox "茶杯 3. 看时间": 3. 看时间',
    ],
    ItemType.ORDERING: [
        'list "把一天里的事按先后排好。"',
        'textbox "第 1 步的序号 吃午饭": "1"', 'button "上移第 1 步" [disabled]', 'button "下移第 1 步"',
        'textbox "第 2 步的序号 吃早饭": "2"', 'button "上移第 2 步"', 'button "下移第 2 步"',
        'textbox "第 3 步的序号 起床": "3"', 'button "上移第 3 步"', 'button "下移第 3 步"',
        'textbox "第 4 步的序号 吃晚饭": "4"', 'button "上移第 4 步"', 'button "下移第 4 步" [disabled]',
    ],
    ItemType.HOTSPOT: [
        'img "一张桌子：左边是茶壶，中间是冒着热气的茶杯，右边是茶叶罐，右上方的墙上挂着钟。"',
        'button "标记 1：编号点 1，墙上的物品"', 'button "在图中央加一处标记"', 'list', 'button "移除标记 1": 移除',
        'group "图上的编号点：选中即在该处标记"', 'button "编号点 1： 墙上的物品" [pressed]',
        'button "编号点 2： 左边的物品"', 'button "编号点 3： 右边的物品"', 'button "编号点 4： 中间的物品"',
    ],
    ItemType.SHORT_ANSWER: ['textbox "用一两句话写写您喜欢喝的东西。": 一二三'],
}  # fmt: skip
"""What a screen reader finds of an answered item of each type: roles, names and states, in their order."""
NODE = re.compile(r"^ *- ((?:group|list|radio|checkbox|textbox|combobox|button|img)\b.*?):?$", re.MULTILINE)
OF_EVERY_ITEM = re.compile(r'button "(?:清除作答|草稿|标记|划去选项 [A-D])"')
ANSWERED = """async (script) => {
    const { app } = await import(script.replace("practice/main.js", "main.js"));
    const values = {
        true_false: () => "A", single_choice: () => "B", multiple_choice: () => "AC", fill_blank: () => ["7", "24"],
        numeric: () => "36", matching: ({ lefts }) => lefts.map((_, index) => index + 1),
        ordering: ({ steps }) => steps.map((_, index) => index + 1).toReversed(),
        hotspot: ({ spots }) => [spots[0].slice(0, 2)], short_answer: () => "一二三",
    };
    for (const item of app.store.items.values()) app.write("answer", item.position, values[item.type](item));
    app.view.render();
    window.tried = app;
    return [...app.store.items.values()].map(({ position, type }) => [position, type]);
}"""
STAND = """([position, index]) => {
    window.tried.go(position);
    const article = document.querySelector(`article.item[data-position="${position}"]`);
    const all = article.querySelectorAll(":is(input, textarea, button, [tabindex]):not([disabled])");
    const controls = [...all].filter((one) => one.checkVisibility());
    controls[index]?.focus();
    return controls[index] && [controls.length, controls[index].type ?? "", controls[index].className];
}"""
HELD = "JSON.stringify([...window.tried.store.answers])"
MOVING = ("PageDown", "PageUp", "Home", "End", "ArrowLeft", "ArrowRight", "ArrowDown", "ArrowUp")
CHOOSING = {"radio": "Arrow(Up|Down)", "hot-mark num": "Arrow.*"}
"""What the arrows are for where somebody went by Tab: radios, as everywhere, and a mark on a picture."""


def no_moving_key_changes_an_answer_of_any_type(candidate: Candidate) -> None:
    """Answer an item of each type, stand on each of its controls, and press every key that moves or scrolls; turn
    the wheel over them."""
    page = candidate.browser.page
    candidate.browser.go("/exam/practice")
    candidate.opens()
    page.keyboard.press("Escape")
    page.clock.pause_at(
        page.evaluate("Date.now()") / 1000 + 1
    )  # a machine that is slow has as long as one that is not
    script = candidate.find("script[type=module]").first.get_attribute("src")
    items = page.evaluate(ANSWERED, script)
    kinds = set(TYPES) - {ItemType.CASE}  # whose parts are items
    assert {ItemType(kind) for _, kind in items} == kinds == set(HEARD)
    before = page.evaluate(HELD)
    for position, kind in items:
        page.evaluate(STAND, [position, 0])
        tree = candidate.item(position).aria_snapshot()
        heard = [node for node in NODE.findall(tree) if not OF_EVERY_ITEM.fullmatch(node)]
        assert heard == HEARD[ItemType(kind)], kind
        assert tree.startswith(f'- article "{candidate.item(position).locator("h2").inner_text()}":'), tree
        index = 0
        while standing := page.evaluate(STAND, [position, index]):
            _, form, name = standing
            for key in MOVING:
                if not re.fullmatch(CHOOSING.get(form) or CHOOSING.get(name) or "-", key):
                    page.evaluate(STAND, [position, index])
                    page.keyboard.press(key)
            index += 1
        page.evaluate(STAND, [position, 0])
        candidate.item(position).hover()
        page.mouse.wheel(0, 60)
        assert page.evaluate(HELD) == before, kind
    assert not page.evaluate("document.querySelectorAll('.choice .strike:not([tabindex=\"-1\"])').length")

    # 划去 by Shift and a letter, or Delete at a choice: what is struck out is not chosen.
    page.evaluate(STAND, [2, 0])
    page.keyboard.press("Shift+C")
    expect(candidate.item(2).locator(".choice").nth(2)).to_have_class(re.compile("struck"))
    candidate.item(2).locator("input").nth(1).focus()
    page.keyboard.press("Delete")
    expect(candidate.item(2).locator(".choice").nth(1)).to_have_class(re.compile("struck"))
    expect(candidate.item(2).locator("input:checked")).to_have_count(0)


def test_somebody_tries_the_answer_page_until_the_room_starts(centre: Centre, browsers: Browsers) -> None:
    world = centre.world.on(centre.app, centre.app.extensions["cbt_clock"])
    world.admit_all()
    centre.clock.set(PLANNED - timedelta(minutes=5))
    no_moving_key_changes_an_answer_of_any_type(log_in(centre, browsers.open("types"), "extra"))
    hand = Keyboard()
    candidate = log_in(centre, browsers.open("practice", hand=hand), "theory")
    page, keys = candidate.browser.page, candidate.browser.page.keyboard
    asked: list[Request] = []
    candidate.browser.go("/exam/wait")
    candidate.look("waiting")
    hand.press(candidate.find(".door-practice a"))

    # The tour, and time that stands still meanwhile.
    expect(candidate.find(".tour")).to_be_focused()
    page.on("request", lambda request: asked.append(request))
    candidate.look("tour")
    for _ in range(4):
        keys.press("ArrowRight")
    expect(candidate.find(".tour h2")).to_have_text("交卷")
    expect(candidate.find("#clock b")).to_have_text("02:00")
    expect(candidate.find("#clock")).to_have_attribute("data-urgent", "")
    keys.press("Enter")
    keys.press("Escape")
    expect(candidate.find(".tour")).to_have_count(0)

    # Answered, moved on, flagged: as in the paper, and nothing of it goes anywhere.
    keys.press("a")
    candidate.saved()
    for number in range(2, 10):
        keys.press("PageDown")
        expect(candidate.item(number)).to_be_visible()
    page.clock.fast_forward(121_000)
    candidate.sees("answering.practice.screen.deadline.title")
    candidate.look("over")
    hand.press(candidate.find("#practice-again"))
    expect(candidate.item(1)).to_be_visible()
    expect(candidate.item(1).locator("input:checked")).to_have_count(0)
    expect(candidate.find(".tour")).to_have_count(0)
    assert page.evaluate(FROM_HERE) == 0
    paths = {re.sub(r".*?//[^/]+|\?.*", "", one.url) for one in asked if "/static/" not in one.url}
    assert paths == {"/exam/wait/state", "/exam/practice"}
    assert {one.method for one in asked} == {"GET"}

    # The room starts: the paper opens by itself, whatever one was doing.
    keys.press("b")
    centre.clock.set(PLANNED)
    world.start()
    page.wait_for_url(f"**/exam/{candidate.sitter.attempt_ref}")
    candidate.opens()
    expect(candidate.item(1).locator("input:checked")).to_have_count(0)


def switch(candidate: Candidate, name: str) -> None:
    """Turn a tool on or off in its menu."""
    hand = candidate.browser.hand
    hand.press(candidate.find("#tools"))
    hand.press(candidate.find(".tool").filter(has_text=candidate.text(f"answering.tools.{name}.name")))
    candidate.browser.page.keyboard.press("Escape")
    expect(candidate.find("#tools-menu")).to_be_hidden()


def top_of(node: Locator) -> float:
    """Return how far from the top of the window something is."""
    box = node.bounding_box()
    assert box is not None
    return box["y"]


def test_tools_help_whoever_has_them_and_come_back_as_they_were(centre: Centre, browsers: Browsers) -> None:
    give_tools(centre, "theory")
    begin(centre)
    plain = seat(centre, browsers.open("plain"), "extra")
    assert not plain.browser.page.evaluate(
        "performance.getEntriesByType('resource').some(({ name }) => name.includes('/delivery/tools/'))"
    )
    expect(plain.find("#tools")).to_have_count(0)
    browser = browsers.open("tools")
    browser.context.add_init_script("speechSynthesis.getVoices = () => []")
    candidate = seat(centre, browser, "theory")
    page = browser.page
    candidate.find("#tools").click()
    candidate.look("menu")
    page.keyboard.press("Escape")

    # Marked by dragging and by the keyboard; a marked text pressed on is one no more.
    switch(candidate, "highlighter")
    stem = candidate.item(1).locator(".stem")
    box = stem.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 4, box["y"] + 16)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 16, steps=3)
    page.mouse.up()
    expect(stem.locator("mark")).to_have_count(1)
    marked = stem.locator("mark").inner_text()
    stem.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(stem.locator("mark")).to_have_count(2)
    expect(candidate.item(1)).to_be_visible()
    candidate.saved()

    # Covered choices are read by nobody until they are shown.
    candidate.find("#side .sections button").nth(1).click()
    card = candidate.find("#view article.item")
    switch(candidate, "masking")
    expect(card.locator(".choice-text").first).to_be_hidden()
    expect(card.locator("input").first).to_have_attribute("aria-label", "选项 A，已遮盖")
    card.locator(".cover").nth(1).click()
    expect(card.locator(".choice-text").nth(1)).to_be_visible()
    page.keyboard.press("c")
    expect(card.locator("input:checked")).to_have_value("C")
    candidate.look("covered")

    # The ruler by keys from anywhere; the lens holds a copy that nothing can reach.
    switch(candidate, "ruler")
    before = top_of(candidate.find(".ruler-band"))
    page.keyboard.press("Alt+ArrowDown")
    assert top_of(candidate.find(".ruler-band")) > before
    candidate.find(".ruler-grip").press("ArrowUp")
    assert top_of(candidate.find(".ruler-band")) == pytest.approx(before, abs=1)
    candidate.look("ruler")
    switch(candidate, "ruler")
    switch(candidate, "magnifier")
    expect(candidate.find(".lens .stem")).to_have_count(1)
    assert page.evaluate("document.querySelectorAll('.lens [id], .lens [name]').length") == 0
    expect(card.locator("input:checked")).to_have_value("C")
    switch(candidate, "speech")
    page.clock.fast_forward(4000)
    expect(candidate.find(".speaker [role=status]")).to_contain_text("没有可用的语音")
    candidate.look("lens")
    candidate.saved()

    page.reload()
    candidate.opens()
    expect(candidate.find(".lens")).to_be_visible()
    expect(candidate.find(".speaker")).to_be_visible()
    candidate.find("#side .sections button").first.click()
    candidate.go_to(1)
    expect(stem.locator("mark")).to_have_count(2)
    assert stem.locator("mark").first.inner_text() == marked
    box = stem.locator("mark").first.bounding_box()
    assert box is not None
    switch(candidate, "magnifier")
    page.mouse.click(box["x"] + 8, box["y"] + 8)
    expect(stem.locator("mark")).to_have_count(1)
    assert wait_for(lambda: re.fullmatch(r"\[\[0,\d+,\d+\]\]", latest_mark(centre))), latest_mark(centre)
