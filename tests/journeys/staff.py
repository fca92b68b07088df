"""What staff do in their browsers: sign in, run a room from its board, end it, release the results."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.journeys.browsers import Browser
from tests.journeys.centre import text_of
from tests.world import PASSWORD


class Desk:
    """A staff member at a browser."""

    def __init__(self, browser: Browser, role: str, *, language: str = "zh") -> None:
        self.browser = browser
        self.world = browser.centre.world
        self.login = self.world.people[role].login
        self.language = language

    def find(self, selector: str) -> Locator:
        """Return what `selector` names on the page."""
        return self.browser.find(selector)

    def word(self, key: str) -> str:
        """Return a text in this person's language."""
        return text_of(self.language, key)

    def sign_in(self, *, look: bool = False) -> None:
        """Sign in on the staff page, in this person's language."""
        hand = self.browser.hand
        self.browser.go("/staff/sign-in")
        if look:
            self.browser.look("sign-in")
        hand.write(self.find("input[name=login]"), self.login)
        hand.write(self.find("input[name=password]"), PASSWORD)
        hand.press(self.find("main form button[type=submit]"))
        expect(self.find("header .who")).to_be_visible()
        if self.language == "en":
            hand.press(self.find("header button[name=locale][value=en]"))
            expect(self.find("html")).to_have_attribute("lang", "en")
        if look:
            self.browser.look("home")


class Board(Desk):
    """A proctor at the board of a room of the world."""

    def enter(self, room_ref: str = "", *, look: bool = False) -> None:
        """Go from the list of rooms into the room."""
        self.browser.go("/proctor")
        if look:
            self.browser.look("rooms")
        self.browser.hand.press(
            self.find(f"main a[href$='/proctor/rooms/{room_ref or self.world.room_ref}']")
        )
        expect(self.find("#live")).to_be_visible()
        self.browser.page.wait_for_load_state()

    def seat(self, name: str) -> Locator:
        """Return the seat of a sitter on the map."""
        return self.find(f"#seat-{self.world.sitters[name].registration_ref}")

    def sees(self, name: str, state: str) -> None:
        """Wait for the state of a seat: the board shows a change within its two seconds, without reload."""
        expect(self.seat(name).locator(".state")).to_contain_text(self.word(f"proctoring.state.{state}"))

    def arrive(self, *names: str) -> None:
        """签到: with names those, without everybody."""
        if names:
            self.pick(*names)
            self.choose("arrive")
        else:
            self.browser.hand.press(self.find("#arrive-all"))
        self.confirm()

    def check_in(self, name: str, *, look: str = "") -> None:
        """Compare person, photo and document, and record the document's last four."""
        self.pick(name)
        self.choose("check_in")
        if look:
            self.browser.look(look)
        self.browser.hand.write(self.find("#asked input[name=last_four]"), "001X")
        self.confirm()

    def pick(self, *names: str) -> None:
        """Select seats."""
        for name in names:
            box = self.find(f"#pick-{self.world.sitters[name].registration_ref}")
            self.browser.hand.tick(box)
        expect(self.find("#pick-none")).to_be_visible()

    def choose(self, code: str) -> None:
        """Choose an action for the selection."""
        button = self.find(f"#picked-acts button[formaction$='/acts/{code}']")
        if not button.is_visible():
            self.browser.hand.press(self.find("#picked-acts summary"))
        self.browser.hand.press(button)
        expect(self.find("#asked")).to_be_visible()

    def ask_room(self, code: str) -> None:
        """Open the preview of an action about the room."""
        self.browser.hand.press(self.find(f"#live-bar a[href$='/acts/{code}']"))
        expect(self.find("#asked #act-title")).to_be_visible()

    def confirm(self) -> None:
        """Do what the preview says."""
        self.browser.hand.press(self.find("#asked .dialog-foot button"))
        expect(self.find("#asked")).to_be_hidden()
        expect(self.find("#problem")).to_be_empty()

    def give_reason(self, text: str) -> None:
        """Write the reason an action asks for."""
        self.browser.hand.write(self.find("#asked [name=reason]"), text)

    def start(self, *, look: str = "") -> None:
        """统一开考 after its preview."""
        self.ask_room("start")
        if look:
            self.browser.look(look)
        self.confirm()
        expect(self.find("#picked-acts button[formaction$='/acts/suspend']")).to_have_count(1)

    def mark_absent(self, *names: str) -> None:
        """缺考 for those who did not come."""
        self.pick(*names)
        self.choose("absent")
        self.browser.hand.tick(self.find("#asked input[name=cause][value=not_arrived]"))
        self.confirm()

    def rebind(self, name: str) -> None:
        """换绑到新机器, from the list of what waits, after its preview."""
        ref = self.world.sitters[name].registration_ref
        way = self.find(f"#live-todo a[href*='/acts/rebind'][href*='{ref}']")
        expect(way).to_be_visible()
        self.browser.look("board-claim")
        self.browser.hand.press(way)
        expect(self.find("#asked .facts")).to_be_visible()
        self.confirm()
        expect(way).to_have_count(0)

    def allow_move(self, name: str, reason: str) -> None:
        """允许换机, at the same seat."""
        self.act("move", reason, name)

    def act(self, code: str, reason: str, *names: str, look: str = "") -> None:
        """Do an action that asks for a reason to these seats."""
        self.pick(*names)
        self.choose(code)
        if look:
            self.browser.look(look)
        self.give_reason(reason)
        self.confirm()

    def remind(self, text: str, *names: str, look: str = "") -> None:
        """提醒: send a message."""
        self.pick(*names)
        self.choose("remind")
        if look:
            self.browser.look(look)
        self.browser.hand.write(self.find("#asked input[name=text]"), text)
        self.confirm()

    def decide_nothing(self, name: str) -> None:
        """Refuse a proposed compensation, with a reason."""
        ref = self.world.sitters[name].registration_ref
        way = self.find(f"#live-todo a[href*='refuse=1'][href*='{ref}']")
        self.browser.hand.press(way)
        expect(self.find("#asked #act-title")).to_be_visible()
        expect(self.find("#asked select[name=reason_code]")).to_have_value("")
        self.browser.hand.select(self.find("#asked select[name=reason_code]"), "network")
        self.confirm()

    def run_empty(self, room_ref: str, *names: str) -> None:
        """Run a room nobody came to: start, 缺考, end."""
        self.sign_in()
        self.enter(room_ref)
        self.start()
        self.mark_absent(*names)
        self.end()

    def end(self, *, look: str = "") -> None:
        """结束场次 through its gate."""
        self.ask_room("end")
        if look:
            self.browser.look(look)
        self.confirm()
        expect(self.find("#picked")).to_have_count(0)
        expect(self.find("#live-log .undo")).to_have_count(0)


class Office(Desk):
    """An officer who releases results with a second person."""

    def release(self, second: str, *, look: bool = False) -> None:
        """Release the sitting's results with the credential of `second`."""
        hand = self.browser.hand
        self.browser.go("/results")
        if look:
            self.browser.look("results")
        hand.press(self.find(f"main a[href$='/results/{self.world.sitting_ref}']"))
        expect(self.find("#balance")).to_be_visible()
        if look:
            self.browser.look("sheet")
        hand.press(self.find(f"a[href$='/results/{self.world.sitting_ref}/release']").first)
        expect(self.find(".second-card")).to_be_visible()
        if look:
            self.browser.look("release")
        hand.press(self.find(".second-card .second summary"))
        hand.write(self.find("input[name=second_login]"), self.world.people[second].login)
        hand.write(self.find("input[name=second_password]"), PASSWORD)
        hand.press(self.find(".second-card button[type=submit]"))
        expect(self.find(".page-head .pill.ok")).to_be_visible()
        if look:
            self.browser.look("released")
