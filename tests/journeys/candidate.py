"""What a candidate does in a browser, from binding the machine to reading the result."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, expect

from cbt.rules.items.content import ItemType
from tests.journeys.answers import Place
from tests.journeys.browsers import Browser
from tests.journeys.centre import text_of
from torture.sites.waiting import wait_for

SAVED = "#save.ok"

ON_DISK = """() => new Promise((resolve, reject) => {
  const request = indexedDB.open("cbt-outbox");
  request.onerror = () => reject(request.error);
  request.onsuccess = () => {
    const found = request.result.transaction("entries").objectStore("entries").getAll();
    found.onsuccess = () => {
      request.result.close();
      resolve(found.result.filter(({ kind, evidence }) => kind === "answer" && !evidence).length);
    };
  };
})"""
"""How many answers wait on the disk of this machine, once what was written before is there."""


class Candidate:
    """A candidate at a machine; `language` is the one chosen on the seat page."""

    def __init__(self, browser: Browser, name: str, *, language: str = "zh") -> None:
        self.browser = browser
        self.world = browser.centre.world
        self.sitter = self.world.sitters[name]
        self.language = language

    def find(self, selector: str) -> Locator:
        """Return what `selector` names on the page."""
        return self.browser.find(selector)

    def text(self, key: str, **params: object) -> str:
        """Return a text in this person's language."""
        return text_of(self.language, key, **params)

    def sees(self, key: str) -> None:
        """Wait until the page says this text."""
        expect(self.find("body")).to_contain_text(self.text(key))

    def look(self, name: str, *, zoom: bool = False) -> None:
        """Look at the page (axe, pictures)."""
        self.browser.look(name, zoom=zoom)

    # The door

    def bind(self, *, look: bool = False) -> None:
        """Bind the machine to the candidate's seat by the room code, in the candidate's language."""
        self._claim(look=look)
        expect(self.find(".door-number b")).to_have_text(f"{self.sitter.seat:02d}")
        if look:
            self.look("seat", zoom=True)

    def claim(self, *, spare: int, look: bool = False) -> None:
        """Ask for the seat at the machine of a spare one: it says that the seat has one, and who decides."""
        self._claim(look=False, number=spare)
        expect(self.find(".door-number b")).to_have_text(f"{spare:02d}")
        self.browser.hand.press(self.find(".door-foot summary"))
        self._claim(look=False, page=False)
        expect(self.find("#bind .notice.stop")).to_be_visible()
        if look:
            self.look("claimed")

    def is_given_the_seat(self) -> None:
        """Look again after the proctor's act."""
        self.browser.go("/")
        expect(self.find(".door-number b")).to_have_text(f"{self.sitter.seat:02d}")

    def _claim(self, *, look: bool, number: int = 0, page: bool = True) -> None:
        hand = self.browser.hand
        if page:
            self.browser.go("/")
        if page and self.language == "en":
            hand.press(self.find("#prefs button[name=locale][value=en]"))
            expect(self.find("html")).to_have_attribute("lang", "en")
        if look:
            self.look("unbound")
        hand.write(self.find("#bind input[name=room_code]"), self.world.room_code)
        hand.write(self.find("#bind input[name=number]"), str(number or self.sitter.seat))
        hand.press(self.find("#bind button[type=submit]"))

    def sign_in(self) -> None:
        """Sign in with ticket and document."""
        hand = self.browser.hand
        hand.write(self.find("#sign_in input[name=ticket]"), self.sitter.ticket)
        hand.write(self.find("#sign_in input[name=document]"), self.sitter.document[-6:])
        hand.press(self.find("#sign_in button[type=submit]"))

    def enter(self, *, look: bool = False) -> None:
        """Sign in, confirm who one is, pledge, and sit in the waiting room."""
        self.sign_in()
        self.confirm(look=look)
        self.pledge(look=look)
        expect(self.find("#wait")).to_be_visible()
        if look:
            self.look("wait", zoom=True)

    def confirm(self, *, look: bool = False) -> None:
        """信息无误."""
        button = self.find("form[action$='/exam/confirm'] button")
        expect(button).to_be_visible()
        if look:
            self.look("confirm")
            self._may_object()
        self.browser.hand.press(button)

    def _may_object(self) -> None:
        """Open 信息有误 and close it again: nothing under the pointer moves, neither it nor 信息无误."""
        places = self.find("form[action$='/exam/confirm'] button"), self.find(".door-wrong summary")
        before = [place.bounding_box() for place in places]
        places[1].click()
        expect(self.find(".door-wrong [name=about]").first).to_be_visible()
        assert [place.bounding_box() for place in places] == before
        self.look("objects", zoom=True)
        places[1].click()

    def pledge(self, *, look: bool = False) -> None:
        """我已阅读并同意."""
        box = self.find("input[name=agree]")
        expect(box).to_be_visible()
        if look:
            self.look("notice")
        self.browser.hand.tick(box)
        self.browser.hand.press(self.find(".door-pledge button"))

    # The paper

    def opens(self) -> None:
        """Wait until the paper is open."""
        expect(self.find("#paper")).to_be_visible(timeout=20_000)
        expect(self.find("#hand-in")).to_be_visible()

    def saved(self) -> None:
        """Wait until everything is saved."""
        expect(self.find(SAVED)).to_be_visible(timeout=20_000)

    def kept(self, count: int) -> None:
        """Wait until so many answers that wait are on this machine's disk, which a busy one takes a moment for."""
        assert wait_for(lambda: self.browser.page.evaluate(ON_DISK) >= count)

    def item(self, position: int) -> Locator:
        """Return the card of an item."""
        return self.find(f"article.item[data-position='{position}']")

    def go_to(self, number: int) -> None:
        """Go to an item by the palette of its section."""
        self.browser.hand.press(self.find(".palette button").nth(number - 1))

    def answer(self, place: Place, value: Any) -> None:
        """Answer the item of `place` with a displayed value."""
        card, hand = self.item(place.position), self.browser.hand
        match place.type:
            case ItemType.TRUE_FALSE | ItemType.SINGLE_CHOICE | ItemType.MULTIPLE_CHOICE:
                for letter in value:
                    hand.tick(card.locator(f".choice input[value={letter}]"))
            case ItemType.FILL_BLANK:
                for number, text in enumerate(value):
                    hand.write(card.locator("input.blank").nth(number), text)
            case ItemType.NUMERIC:
                hand.write(card.locator("input.blank"), value)
            case ItemType.MATCHING:
                for number, option in enumerate(value):
                    hand.pick(card.locator(".combo").nth(number), option)
            case ItemType.ORDERING:
                self._order(card, value)

    def _order(self, card: Locator, wanted: list[int]) -> None:
        """Put steps in order by their number fields, as the keyboard does too."""
        shown = sorted(wanted)
        if shown == wanted:
            self.browser.hand.press(card.locator(".order-foot button"))
        for place, step in enumerate(wanted):
            at = shown.index(step)
            if at != place:
                field = card.locator(".order .place").nth(at)
                self.browser.hand.write(field, str(place + 1))
                field.press("Enter")
                shown.insert(place, shown.pop(at))

    def type_through(self, answers: list[str]) -> None:
        """Answer item after item by a letter and PageDown, from the current one on."""
        for index, letter in enumerate(answers):
            if index:
                self.browser.page.keyboard.press("PageDown")
            self.browser.page.keyboard.press(letter.lower())

    def flag(self, position: int) -> None:
        """Mark an item."""
        self.browser.hand.press(self.item(position).locator("button.flag"))
        expect(self.item(position).locator("button.flag")).to_have_attribute("aria-pressed", "true")

    def note(self, position: int, text: str) -> None:
        """Write a note beside an item."""
        card = self.item(position)
        self.browser.hand.press(card.locator("header button[aria-expanded]"))
        self.browser.hand.write(card.locator(".note textarea"), text)

    def has_answer(self, place: Place, value: Any) -> None:
        """Check that an item shows this displayed answer."""
        card = self.item(place.position)
        match place.type:
            case ItemType.TRUE_FALSE | ItemType.SINGLE_CHOICE | ItemType.MULTIPLE_CHOICE:
                for letter in value:
                    expect(card.locator(f".choice input[value={letter}]")).to_be_checked()
                expect(card.locator(".choice input:checked")).to_have_count(len(value))
            case ItemType.FILL_BLANK | ItemType.NUMERIC:
                for number, text in enumerate(value if isinstance(value, list) else [value]):
                    expect(card.locator("input.blank").nth(number)).to_have_value(text)
            case ItemType.MATCHING:
                for number, option in enumerate(value):
                    expect(card.locator(".combo").nth(number)).to_contain_text(f"{option}.")
            case _:
                expect(card.locator(".order.untouched")).to_have_count(0)

    def meet_screen(self, name: str, *, look: bool = False) -> None:
        """Wait for a whole-page state."""
        title = self.text(f"delivery.screen.{name}.title")
        expect(self.find("#screen h2")).to_have_text(title, timeout=20_000)
        expect(self.find("#paper")).to_be_hidden()
        if look:
            self.look(name)

    def complete_unit(self, *, look: bool = False) -> None:
        """完成本单元, with its one confirmation."""
        self.browser.hand.press(self.find("#hand-in"))
        if look:
            self.look("unit-ask")
        self.browser.hand.press(self.find("dialog .dialog-foot .btn-main"))

    def hand_in(self, *, look: bool = False) -> None:
        """交卷 in its two steps."""
        hand = self.browser.hand
        hand.press(self.find("#hand-in"))
        if look:
            self.look("hand-in-1")
        hand.press(self.find("dialog .dialog-foot .btn-main"))
        if look:
            self.look("hand-in-2")
        hand.press(self.find("dialog .dialog-foot .btn-stop"))

    def hand_in_is_early(self) -> None:
        """Press 交卷 before R-23 allows it: the page says how long to wait, and nothing is handed in."""
        button = self.find("#hand-in")
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(self.find("#hand-in-note")).not_to_be_empty()
        button.click(force=True)
        expect(self.find(".hand-in .refusal")).to_be_visible()
        expect(self.find("dialog[open]")).to_have_count(0)

    def receipt(self) -> str:
        """Wait for 交卷成功 and return the receipt number."""
        shown = self.find(".receipt dd").first
        expect(shown).to_be_visible(timeout=20_000)
        return shown.inner_text()

    # Afterwards

    def results(self, *, look: bool = False) -> None:
        """Ask for one's results by ticket and document."""
        hand = self.browser.hand
        self.browser.go("/my/results")
        if look:
            self.look("ask-results")
        hand.write(self.find("input[name=ticket]"), self.sitter.ticket)
        hand.write(self.find("input[name=document]"), self.sitter.document[-6:])
        hand.press(self.find("main form button[type=submit]"))
        expect(self.find(".mine-head")).to_be_visible()
        if look:
            self.look("results")
