"""Two ways of using a page: the mouse, and the keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

MOST_TABS = 400
BEHIND = "xpath=self::*[not(self::summary)]/ancestor::details[contains(@class, 'further')][not(@open)][1]"
"""What a place lies behind that is opened by one button (更多), while it is closed."""
HAS_FOCUS = "(each) => each.isConnected ? each === document.activeElement : null"


def _listed(field: Locator, number: int) -> Locator:
    return field.page.locator(f"#{field.get_attribute('id')}-{number}")


class Mouse:
    """Uses a page as most people do."""

    def press(self, target: Locator) -> None:
        """Click a button, link or label."""
        self.unfold(target)
        target.click()

    def unfold(self, target: Locator) -> None:
        """Open the places at the head of a page that are behind one button, where the target is among them."""
        behind = target.locator(f"{BEHIND}/summary")
        if behind.count():
            behind.click()

    def write(self, target: Locator, text: str) -> None:
        """Put `text` into a field."""
        target.fill(text)

    def tick(self, target: Locator) -> None:
        """Tick a box or choose a radio, by its label."""
        target.locator("xpath=ancestor::label[1]").click()

    def select(self, target: Locator, value: str) -> None:
        """Choose an option."""
        target.select_option(value)

    def pick(self, field: Locator, number: int) -> None:
        """Choose the option with this number from the list that a field opens."""
        field.click()
        _listed(field, number).click()


class Keyboard:
    """Uses a page with nothing but keys: Tab to the thing, then the keys of its kind."""

    def reach(self, target: Locator) -> None:
        """Tab on until `target` has the focus; it must be reachable."""
        expect(target).to_be_visible()
        if target.evaluate("(each) => each.tabIndex < 0 && each.closest('[data-roving]') !== null"):
            self._rove_to(target)
        each = target.element_handle()
        for _ in range(MOST_TABS):
            here = each.evaluate(HAS_FOCUS)
            if here is None:  # the page has drawn it anew meanwhile
                each = target.element_handle()
                here = each.evaluate(HAS_FOCUS)
            if here:
                return
            target.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {target}")

    def _rove_to(self, target: Locator) -> None:
        """Tab to the one stop of a list of buttons, then go on by its arrows."""
        buttons = target.locator("xpath=ancestor::*[@data-roving][1]").locator("button")
        self._reach_any(buttons)
        target.page.keyboard.press("Home")
        for _ in range(buttons.count()):
            if target.evaluate("(each) => each === document.activeElement"):
                return
            target.page.keyboard.press("ArrowRight")

    def press(self, target: Locator) -> None:
        """Press a button or follow a link."""
        behind = target.locator(f"{BEHIND}/summary")
        if behind.count():
            self.press(behind)
        self.reach(target)
        target.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        """Type over what a field holds."""
        self.reach(target)
        target.page.keyboard.press("Control+a")
        target.page.keyboard.type(text)

    def tick(self, target: Locator) -> None:
        """Tick a box, or go to a radio by the arrows of its group."""
        page = target.page
        if target.get_attribute("type") == "radio":
            group = page.locator(f"input[type=radio][name='{target.get_attribute('name')}']")
            self._reach_any(group)
            for _ in range(group.count()):
                if target.is_checked():
                    return
                page.keyboard.press("ArrowDown")
                if target.is_checked():
                    return
            page.keyboard.press("Space")
        else:
            self._walk(target)
            page.keyboard.press("Space")
        expect(target).to_be_checked()

    def _walk(self, target: Locator) -> None:
        """Go to a box; where a list of them is one stop of the Tab key, by Home and the arrows from there."""
        if target.get_attribute("tabindex") != "-1":
            self.reach(target)
            return
        group = target.locator("xpath=ancestor::ol[1]//input[@type='checkbox']")
        self._reach_any(group)
        target.page.keyboard.press("Home")
        for _ in range(group.count()):
            if target.evaluate("(each) => each === document.activeElement"):
                return
            target.page.keyboard.press("ArrowRight")
        raise AssertionError(f"the arrows do not reach {target}")

    @staticmethod
    def _reach_any(group: Locator) -> None:
        for _ in range(MOST_TABS):
            if group.evaluate_all("(all) => all.includes(document.activeElement)"):
                return
            group.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {group}")

    def select(self, target: Locator, value: str) -> None:
        """Go to an option by the arrow keys."""
        self.reach(target)
        for _ in range(target.locator("option").count()):
            if target.input_value() == value:
                return
            target.page.keyboard.press("ArrowDown")
        expect(target).to_have_value(value)

    def pick(self, field: Locator, number: int) -> None:
        """Open the list of a field, go to the option with this number, and take it."""
        self.reach(field)
        keys = field.page.keyboard
        keys.press("ArrowDown")
        keys.press("Home")
        for _ in range(number):
            keys.press("ArrowDown")
        expect(field).to_have_attribute("aria-activedescendant", f"{field.get_attribute('id')}-{number}")
        keys.press("Enter")


class Counting(Mouse):
    """Uses a page as most people do, and counts how often it clicks."""

    def __init__(self) -> None:
        self.clicks = 0

    def press(self, target: Locator) -> None:
        """Click a button, link or label."""
        self.clicks += 1
        super().press(target)

    def unfold(self, target: Locator) -> None:
        """Open the places behind one button: a click more."""
        behind = target.locator(BEHIND)
        self.clicks += behind.count()
        super().unfold(target)

    def tick(self, target: Locator) -> None:
        """Tick a box or choose a radio, by its label."""
        self.clicks += 1
        super().tick(target)


class CountingKeys(Keyboard):
    """Uses a page with nothing but keys, and counts what others would click."""

    def __init__(self) -> None:
        self.clicks = 0

    def press(self, target: Locator) -> None:
        """Press a button or follow a link."""
        self.clicks += 1
        super().press(target)

    def tick(self, target: Locator) -> None:
        """Tick a box."""
        self.clicks += 1
        super().tick(target)


Hand = Mouse | Keyboard
