"""`python -m tests.journeys.pictures` takes the pictures of the READMEs and of the handbooks anew.

Each language has a demo of its own with a room at work; the READMEs' two are those in Chinese.
"""

from __future__ import annotations

import io
import tempfile
from contextlib import ExitStack
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from cbt.paths import product_dir
from cbt.translations.compiler import LANGUAGES
from tests.browser import find_shell
from tests.journeys.browsers import ARGUMENTS, chromium_path
from tests.journeys.newcomer import Demo, Window

IMAGES = product_dir("templates").parent / "docs" / "images"
HELP = product_dir("static") / "help"
OF_HANDBOOKS = frozenset(
    {
        *("waiting", "answering"),
        *("door", "board", "overview"),
        *("checklist", "application", "conditions"),
        *("editor", "people"),
    }
)
"""What the handbooks show, each in its language (docs/handbooks)."""
AT_WORK = 15
"""So many of the room are at their papers; the second one's is shown."""
PAUSED, LOST = 8, 13
COLOURS = 200
FEWER = (96, 64, 48, 32)
"""In a text, where several are fetched: as many as fit in so many bytes."""
MOST_BYTES = 60_000
GONE_MS = 45_000
"""A machine is lost after three heartbeats (R-26)."""
ITEM = "/bank/customer-service-l2/items/A-A-A-001-S1/edit"


class Album:
    """The pictures of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.kept: set[str] = set()

    def keep(self, window: Window, name: str) -> None:
        """Keep what a window shows for the handbooks."""
        picture = _shown(window)
        file = HELP / f"{name}.{self.language}.png"
        for colours in FEWER:
            picture.quantize(colours).save(file, optimize=True)
            if file.stat().st_size <= MOST_BYTES:
                break
        self.kept.add(name)

    def keep_for_readmes(self, window: Window, name: str) -> None:
        """Keep what a window shows where the READMEs show it, if it is in their language."""
        if self.language == "zh":
            _shown(window).quantize(COLOURS).save(IMAGES / name, optimize=True)


def _shown(window: Window) -> Image.Image:
    """Return what a window shows from the top of its page on, with nothing in focus."""
    window.page.evaluate("scrollTo(0, 0)")
    window.page.evaluate("document.activeElement?.blur()")
    expect(window.find("body")).to_be_visible()
    return Image.open(io.BytesIO(window.page.screenshot())).convert("RGB")


def main() -> None:
    """Take all pictures."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(find_shell), args=ARGUMENTS)
        for language in LANGUAGES:
            album = Album(language)
            with tempfile.TemporaryDirectory() as folder, ExitStack() as until_the_end:
                demo = until_the_end.enter_context(Demo(Path(folder), language).served())
                _desks(chromium, demo, album)
                _room(chromium, demo, album)
            assert album.kept == OF_HANDBOOKS


def _desks(chromium: Browser, demo: Demo, album: Album) -> None:
    """Look at the desks of those who work before the day."""
    for login, name, path, links in (
        ("admin", "people", "/staff/people", ()),
        ("mingti", "editor", ITEM, ()),
        ("kaowu", "checklist", "/office/batches", ("main a[href*='/office/batches/ba-'] >> nth=1",)),
        ("kaowu", "application", "/office/applications", ("main a[href*='/office/applications/ap-'] >> nth=1",)),
        (
            "danwei1", "conditions", "/unit/applications",
            ("main a[href*='/unit/applications/ap-'] >> nth=0", "main a[href*='/people/pe-'] >> nth=0"),
        ),
    ):  # fmt: skip
        desk = Window(chromium, demo, f"{login}-{name}")
        if name == "application":
            desk.sign_in(login, "a window over the harbour")
        else:
            desk.first_time(login)
        desk.go(path)
        for link in links:
            desk.find(link).click()
            desk.page.wait_for_load_state()
        album.keep(desk, name)
        desk.page.context.close()


def _room(chromium: Browser, demo: Demo, album: Album) -> None:
    """Look at a room from the door to the papers, as candidates and as those who watch."""
    seats = [Window(chromium, demo, f"seat{number}") for number in range(AT_WORK)]
    for seat, ticket in zip(seats, demo.tickets, strict=False):
        seat.bind(ticket.seat)
        seat.type_ticket(ticket)
        seat.waits()
    album.keep(seats[1], "waiting")
    desk = Window(chromium, demo, "desk")
    desk.first_time("zhukao")
    desk.go("/proctor")
    desk.find("main a[href$='/door']").first.click()
    desk.find("#look input[name=q]").fill(demo.tickets[-1].seat)
    desk.page.keyboard.press("Enter")
    expect(desk.find("main")).to_contain_text(demo.tickets[-1].ticket)
    album.keep(desk, "door")
    desk.enter_room("第 1 场")
    desk.ask_room("start")
    desk.confirm()
    for number, seat in enumerate(seats):
        seat.answers_some(2 + number * 5 % 7)
    album.keep(seats[0], "answering")
    album.keep_for_readmes(seats[1], "runner.png")
    desk.pick(demo.tickets[PAUSED].seat)
    desk.choose("suspend")
    desk.find("#asked [name=reason]").fill("更换键盘" if demo.language == "zh" else "Another keyboard")
    desk.confirm()
    seats[LOST].page.close()
    desk.page.wait_for_timeout(GONE_MS)
    album.keep(desk, "board")
    album.keep_for_readmes(desk, "board.png")
    inspector = Window(chromium, demo, "inspector")
    inspector.first_time("dudao")
    inspector.go("/proctor/now")
    album.keep(inspector, "overview")


if __name__ == "__main__":
    main()
