"""The answer page under somebody's hands: arrows, numbers that are none, notices, and what forced colours show."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import FloatRect, Locator, expect

from cbt.rules.calendar import turns_of
from cbt.rules.items.content import ItemType
from cbt.rules.items.numeric import Numeric
from cbt.runner.attempt_changes import send_message
from cbt.runner.models import Attempt, AttemptLive
from cbt.storage.unit_of_work import unit_of_work
from tests.journeys.answers import Place, places_of
from tests.journeys.browsers import Browser, Browsers
from tests.journeys.candidate import Candidate
from tests.journeys.centre import Centre
from tests.journeys.hands import Keyboard, Mouse
from tests.journeys.looks import apart
from tests.journeys.seated import begin, journal_of, seat
from tests.kinds.papers import give_paper
from torture.sites.waiting import wait_for

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

SIGNS = "0123456789.,%+-−－％ ０５٣e約\u3000\u00a0\u0085\u001f\ufeff¹⁻"
ALIKE = """async ([script, texts]) => {
    const { isNumber } = await import(script.replace("runner/main.joined.js", "runner/items/numeric.js"));
    return texts.map(isNumber);
}"""
TIMES = """async ([script, turns, instants]) => {
    const dom = await import(script.replace("runner/main.joined.js", "runner/dom.js"));
    dom.useTurns(turns);
    return instants.map((one) => dom.wall(one, true));
}"""
TWIN = """(own, name) => {
    window.own = own;
    window.twin = own.cloneNode(true);
    window.twin.classList.remove(name);
    own.replaceWith(window.twin);
}"""
CONTROLS = (
    ".choices input",
    ".choice .strike",
    "input.blank",
    ".combo",
    ".order .down",
    ".order .place",
    "button.flag",
)
AROUND = (
    ".item .stem", ".choice-text", ".item > header h2", ".facts-line", ".saved", ".item > header .btn", "kbd",
    ".choice .letter", ".progress", ".palette button", ".legend li", ".sections b",
    ".sections span", ".segments button", ".note label", ".hint",
)  # fmt: skip
"""An item, and what stands around it."""
SIZES = """(selectors) => Object.fromEntries(selectors.map((each) => [
    each, Number.parseFloat(getComputedStyle(document.querySelector(`#runner ${each}`)).fontSize)]))"""
MOVING = ("PageDown", "PageUp", "ArrowRight")
FOCUSED = "document.activeElement.closest('.choices, select, .palette') === null"


def picture(target: Locator) -> Image.Image:
    """Return how something looks with no mouse over it, and a little around it."""
    page = target.page
    target.scroll_into_view_if_needed()
    page.mouse.move(2, 400)
    box = target.bounding_box()
    assert box is not None
    clip = {"x": box["x"] - 6, "y": box["y"] - 6, "width": box["width"] + 12, "height": box["height"] + 12}
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("L")  # type: ignore[arg-type]  # Playwright's own dict type


def unlike(one: Image.Image, two: Image.Image) -> int:
    """Return how many pixels of two pictures differ plainly."""
    return sum(ImageChops.difference(one, two).histogram()[64:])


def shows(target: Locator, what: str, act: Callable[[], object], *, least: int = 40) -> None:
    """Hold a state to being seen: the same place looks another way once it is there."""
    before, seen = picture(target), [0]
    act()

    def differs() -> bool:
        seen.append(unlike(before, picture(target)))
        return seen[-1] >= least

    assert wait_for(differs), f"{what}: {seen[-1]} pixels differ"


def marks(target: Locator, name: str, *, least: int = 40) -> None:
    """Hold a state to being seen: beside a twin without its class, which nobody paints anew."""
    before = picture(target)
    target.evaluate(TWIN, name)
    seen = unlike(before, picture(target))
    target.page.evaluate("window.twin.replaceWith(window.own)")
    assert seen >= least, f"{name}: {seen} pixels differ"


def forced(browser: Browser) -> Browser:
    """Put a browser into high contrast."""
    browser.page.emulate_media(forced_colors="active")
    return browser


def test_the_answer_page_under_somebodys_hands(centre: Centre, browsers: Browsers) -> None:
    centre.world = give_paper(centre.app, centre.world, "theory", now=centre.now())
    begin(centre)
    no_arrow_rewrites_what_a_letter_or_the_mouse_chose(
        centre, seat(centre, browsers.open("arrows"), "second")
    )
    candidate = seat(centre, browsers.open("numbers"), "skills")
    long_material_says_that_it_goes_on(candidate)
    what_is_no_number_is_said_and_counted_alike(centre, candidate)
    forced(candidate.browser)
    high_contrast_shows_every_state_without_a_background(centre, candidate)
    no_key_that_moves_or_scrolls_changes_an_answer(centre, seat(centre, browsers.open("keys"), "late"))
    high_contrast_shows_marks_and_progress(seat(centre, forced(browsers.open("pictures")), "theory"))


def no_key_that_moves_or_scrolls_changes_an_answer(centre: Centre, candidate: Candidate) -> None:
    """Stand on every control of a unit's items, press what moves elsewhere, and turn the wheel over it (R-21)."""
    page, find = candidate.browser.page, candidate.find
    unit = places_of(centre, "late")[0].unit
    places = [place for place in places_of(centre, "late") if place.unit == unit]
    match = next(place for place in places if place.type is ItemType.MATCHING)
    field = candidate.item(match.position).locator(".combo").first
    numbers = find(".palette button")
    for place in places:
        candidate.answer(place, place.right())
    candidate.saved()
    before = journal_of(centre, "late")
    for index, place in enumerate(places):
        for control in CONTROLS:
            for key in MOVING:
                numbers.nth(index).click()
                target = candidate.item(place.position).locator(control).first
                if not target.count():
                    break
                target.hover()
                target.focus()
                page.mouse.wheel(0, 60)
                page.keyboard.press(key)
    numbers.nth(places.index(match)).click()
    for key in ("ArrowDown", "ArrowUp", "9", "Escape"):
        field.focus()
        page.keyboard.press(key)
    candidate.saved()
    assert journal_of(centre, "late") == before

    # The keys of the paper work on a closed field; an open list moves by keys and takes nothing before Enter.
    field.focus()
    page.keyboard.press("f")
    expect(candidate.item(match.position).locator("button.flag")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("PageDown")
    expect(numbers.nth(places.index(match) + 1)).to_have_class(re.compile("current"))
    numbers.nth(places.index(match)).click()
    field.focus()
    for leaving in ("Escape", "Tab"):
        page.keyboard.press("ArrowDown")
        expect(field).to_have_attribute("aria-expanded", "true")
        for key in ("End", "2", "ArrowDown", leaving):
            page.keyboard.press(key)
        expect(field).to_have_attribute("aria-expanded", "false")
        field.focus()
    candidate.has_answer(match, match.right())


def long_material_says_that_it_goes_on(candidate: Candidate) -> None:
    """Go down the material of a case by keys on a low screen: the sign that there is more goes at its end."""
    page = candidate.browser.page
    usual = page.viewport_size
    assert usual is not None
    page.set_viewport_size({"width": usual["width"], "height": 480})
    expect(candidate.find(".stimulus .more")).to_be_visible()
    candidate.find(".stimulus").focus()
    page.keyboard.press("End")
    expect(candidate.find(".stimulus .more")).to_be_hidden()
    page.set_viewport_size(usual)


def high_contrast_shows_every_state_without_a_background(centre: Centre, candidate: Candidate) -> None:
    """Go through the states of a page one by one, and look at each."""
    first, _, match, many = places_of(centre, "skills")[:4]
    find = candidate.find
    numbers = find(".palette button")
    card = candidate.item(first.position)
    row = card.locator(".choice").first
    shows(row, "chosen", lambda: row.locator("label").click(), least=400)
    candidate.saved()
    marks(numbers.nth(0), "answered")
    other = card.locator(".choice").nth(1)
    shows(other, "struck out", lambda: other.locator(".strike").click(), least=100)
    shows(card.locator(".flag"), "flagged", lambda: candidate.flag(first.position))
    marks(numbers.nth(0), "flagged", least=15)
    shows(numbers.nth(1), "current", lambda: numbers.nth(1).click())
    blank = candidate.item(2).locator("input.blank")
    shows(blank, "待更正", lambda: blank.fill("abc"))
    expect(numbers.nth(1)).to_have_class("num wrong current")
    marks(numbers.nth(1), "wrong")
    pick = candidate.item(match.position).locator(".match-pick").first
    shows(pick, "matched", lambda: Mouse().pick(pick.locator(".combo"), 1))
    expect(numbers.nth(2)).to_have_class("num part current")
    marks(numbers.nth(2), "part")
    candidate.saved()
    candidate.browser.watch.allow("ERR_INTERNET_DISCONNECTED")
    save = find("#save")
    saved = picture(save)
    candidate.browser.context.set_offline(True)
    candidate.answer(many, "A")
    expect(numbers.nth(3)).to_have_class("num answered waiting current")
    assert saved.size != picture(save).size, "the state of saving is another text in another frame"
    marks(numbers.nth(3), "waiting")
    candidate.browser.context.set_offline(False)
    candidate.saved()
    step = find("#units li").first
    marks(step, "now", least=300)
    shows(find(".segments"), "how items are shown", lambda: find(".segments button").first.click())


def high_contrast_shows_marks_and_progress(candidate: Candidate) -> None:
    """Mark a region of a picture: its button, the picture and the progress show it."""
    candidate.find("#side .sections button").nth(2).click()
    meter, spot = candidate.find(".meter"), candidate.find(".hot-spot").first
    image = candidate.find(".hot-picture")
    before = [picture(meter), picture(image)]
    shows(spot, "the region that is marked", spot.click, least=200)
    assert unlike(before[1], picture(image)) >= 150, "the mark on the picture"
    assert unlike(before[0], picture(meter)) >= 150, "progress"


def no_arrow_rewrites_what_a_letter_or_the_mouse_chose(centre: Centre, candidate: Candidate) -> None:
    """Choose in every way and press the arrows after it; then go through the answer sheet, and meet a notice."""
    page, find = candidate.browser.page, candidate.find
    keys, hand = page.keyboard, Keyboard()

    def chosen(position: int, letter: str) -> None:
        expect(candidate.item(position).locator("input:checked")).to_have_value(letter)

    card = candidate.item(1).bounding_box()
    keys.press("b")
    assert page.evaluate(FOCUSED)
    keys.press("ArrowUp")
    chosen(1, "B")
    candidate.saved()
    assert card == candidate.item(1).bounding_box(), "what is saved moves nothing"
    keys.press("ArrowRight")
    candidate.item(2).locator(".choice label").first.click()
    assert page.evaluate(FOCUSED)
    keys.press("ArrowDown")
    chosen(2, "A")
    keys.press("ArrowRight")

    # Who goes to a choice by Tab moves among the choices with ↑ ↓; to the side, the item changes all the same.
    hand.reach(candidate.item(3).locator("input").first)
    keys.press("Space")
    keys.press("ArrowDown")
    chosen(3, "B")
    keys.press("ArrowLeft")
    chosen(2, "A")
    keys.press("ArrowRight")
    chosen(3, "B")
    keys.press("a")
    keys.press("ArrowDown")
    chosen(3, "A")

    # Not in a text, not while an input method composes.
    candidate.note(3, "甲")
    keys.press("ArrowLeft")
    page.evaluate("""document.querySelector("h2[id]").dispatchEvent(new KeyboardEvent("keydown",
        { key: "ArrowRight", isComposing: true, bubbles: true }))""")
    expect(candidate.item(3)).to_be_visible()

    # The answer sheet is one stop of Tab, and so are the types above it.
    numbers = find(".palette button")
    expect(find(".palette button[tabindex='0'], .sections button[tabindex='0']")).to_have_count(2)
    hand.reach(numbers.nth(2))
    for key, place in (("End", 39), ("Home", 0), ("ArrowDown", 7), ("ArrowRight", 8), ("ArrowUp", 1)):
        keys.press(key)
        expect(numbers.nth(place)).to_be_focused()
    keys.press("Tab")
    assert page.evaluate(FOCUSED)
    hand.press(find(".sections button").nth(1))
    expect(candidate.item(41)).to_be_visible()

    what_is_told_covers_nothing_and_goes(centre, candidate)
    the_largest_size_is_for_hints_and_marks_too(candidate)


def the_largest_size_is_for_hints_and_marks_too(candidate: Candidate) -> None:
    """Choose 特大: what stands around an item grows as the item does."""
    page = candidate.browser.page
    before = page.evaluate(SIZES, AROUND)
    candidate.find("#settings").click()
    candidate.find(".pick-size [data-value=xlarge]").click()
    page.keyboard.press("Escape")
    expect(candidate.find("#runner")).to_have_attribute("data-size", "xlarge")
    after = page.evaluate(SIZES, AROUND)
    grown = {selector: after[selector] / size for selector, size in before.items()}
    assert all(by >= 1.3 for by in grown.values()), grown


def boxes(candidate: Candidate, *selectors: str) -> list[FloatRect]:
    """Return where things are on the page."""
    found = [candidate.find(selector).first.bounding_box() for selector in selectors]
    assert None not in found, dict(zip(selectors, found, strict=True))
    return [box for box in found if box is not None]


def what_is_told_covers_nothing_and_goes(centre: Centre, candidate: Candidate) -> None:
    """Be refused, and told three things at once: who this is, the time, what is saved and the answers stay seen."""
    page, find = candidate.browser.page, candidate.find
    own = (
        "#photo",
        "#candidate",
        "#save",
        "#clock",
        "#hand-in",
        ".item > header",
        ".item .stem",
        ".item .choices",
    )
    before = boxes(candidate, *own)
    candidate.hand_in_is_early()
    (refusal,) = boxes(candidate, ".hand-in .refusal")
    button = before[own.index("#hand-in")]
    assert refusal["y"] - button["y"] - button["height"] < 40, "at the button that was pressed"
    with centre.app.app_context(), unit_of_work() as session:
        for number in (1, 2, 3):
            attempt = session.get_one(Attempt, candidate.sitter.attempt_id)
            send_message(session, attempt, now=centre.now(), text=f"第 {number} 条提醒", actor="staff:test")
    expect(find("#toasts .toast p")).to_have_count(3)
    expect(find("#toasts .toast")).to_have_count(1)
    (notice,) = boxes(candidate, "#toasts .toast")
    assert boxes(candidate, *own) == before, "nothing moves"
    for name, box in zip(own, before, strict=True):
        assert apart(notice, box), f"the notice covers {name}"
        assert apart(refusal, box), f"the refusal covers {name}"
    candidate.look("told")
    page.clock.fast_forward(13_000)
    expect(find(".refusal")).to_have_count(0)
    page.clock.fast_forward(50_000)
    expect(find("#toasts .toast")).to_have_count(0)


def what_is_no_number_is_said_and_counted_alike(centre: Centre, candidate: Candidate) -> None:
    """Type what is no number, then one; page and board count the same, and read the same of whatever is typed."""
    page, find = candidate.browser.page, candidate.find
    one: Place = next(place for place in places_of(centre, "skills") if place.type == "numeric")
    card = candidate.item(one.position)
    blank, number = card.locator("input.blank"), find(".palette button").nth(one.position - 1)

    def counted(count: int) -> None:
        expect(find(".progress b").first).to_have_text(str(count))
        expect(find("#units .now")).to_contain_text(f"{count} / 7")
        candidate.saved()

    def stored(text: str) -> bool:
        return journal_of(centre, "skills")[-1:] == [(one.position, json.dumps(text))]

    def board() -> int:
        with centre.session() as session:
            return session.get_one(AttemptLive, candidate.sitter.attempt_id).answered

    for text in ("abc", "57.4%", "%"):
        blank.fill(text)
        expect(blank).to_have_attribute("aria-invalid", "true")
        expect(card.locator(".blank-hint")).to_have_text(candidate.text("delivery.blank.not_a_number"))
        expect(number).to_have_attribute("aria-label", f"第 {one.position} 题，待更正，当前")
        counted(0)
        assert wait_for(partial(stored, text))
        assert board() == 0
    candidate.browser.hand.press(find("#hand-in"))
    expect(find("dialog .strong")).to_contain_text("1 题待更正")
    page.keyboard.press("Escape")
    page.reload()
    candidate.opens()
    expect(blank).to_have_attribute("aria-invalid", "true")

    blank.fill("−５７．４")
    expect(blank).to_have_attribute("aria-invalid", "false")
    expect(number).to_have_class("num answered current")
    counted(1)
    assert wait_for(lambda: board() == 1)
    candidate.item(3).locator(".combo").first.focus()
    page.keyboard.press("ArrowRight")
    expect(candidate.item(4)).to_have_class("card item is-current")
    expect(candidate.item(3).locator(".combo").first).to_have_class(re.compile("is-open"))

    # The page and the server read the same of whatever is typed.
    dice = random.Random(14)
    texts = ["".join(dice.choices(SIGNS, k=dice.randint(1, 6))) for _ in range(3000)]
    texts += ["1,234", "12,34", "+.5", "5.", ".", "-", "1e3", "−3", "1,234.5.", "⁻⁴"]
    script = find("script[type=module]").first.get_attribute("src")
    read = page.evaluate(ALIKE, [script, texts])
    assert dict(zip(texts, read, strict=True)) == {
        text: Numeric.is_answered(json.dumps(text)) for text in texts
    }

    # The centre's time is told by the server, for zones that change theirs, too.
    turns = turns_of(
        ZoneInfo("Europe/Berlin"),
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2027, 1, 1, tzinfo=UTC),
    )
    told = [[at.timestamp() * 1000, east.total_seconds()] for at, east in turns]
    instants = [
        "2025-12-31T22:30:00Z",
        "2026-03-29T00:59:59Z",
        "2026-03-29T01:00:00Z",
        "2026-10-25T01:00:00Z",
    ]
    shown = page.evaluate(TIMES, [script, told, instants])
    assert shown == ["23:30:00", "01:59:59", "03:00:00", "02:00:00"]
