"""`python -m tests.journeys.pictures` takes the READMEs' pictures anew: a demo in Chinese, with a room at work."""

from __future__ import annotations

import io
import tempfile
from contextlib import ExitStack
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from cbt.paths import product_dir
from tests.browser import find_shell
from tests.journeys.browsers import ARGUMENTS, chromium_path
from tests.journeys.newcomer import Demo, Window

IMAGES = product_dir("templates").parent / "docs" / "images"
AT_WORK = 15
"""So many of the room are at their papers; the second one's is shown."""
PAUSED, LOST = 8, 13
COLOURS = 200
GONE_MS = 45_000
"""A machine is lost after three heartbeats (R-26)."""


def main() -> None:
    """Take both pictures."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as until_the_end:
        demo = until_the_end.enter_context(Demo(Path(folder), "zh").served())
        playwright = until_the_end.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=chromium_path(find_shell), args=ARGUMENTS)
        seats = [Window(chromium, demo, f"seat{number}") for number in range(AT_WORK)]
        for seat, ticket in zip(seats, demo.tickets, strict=False):
            seat.bind(ticket.seat)
            seat.type_ticket(ticket)
            seat.waits()
        desk = Window(chromium, demo, "desk")
        desk.first_time("zhukao")
        desk.enter_room("第 1 场")
        desk.ask_room("start")
        desk.confirm()
        for number, seat in enumerate(seats):
            seat.answers_some(2 + number * 5 % 7)
        _keep(seats[1], "runner.png")
        desk.pick(demo.tickets[PAUSED].seat)
        desk.choose("suspend")
        desk.find("#asked [name=reason]").fill("更换键盘")
        desk.confirm()
        seats[LOST].page.close()
        desk.page.wait_for_timeout(GONE_MS)
        _keep(desk, "board.png")


def _keep(window: Window, name: str) -> None:
    window.page.evaluate("scrollTo(0, 0)")
    expect(window.find("body")).to_be_visible()
    picture = Image.open(io.BytesIO(window.page.screenshot()))
    picture.convert("RGB").quantize(COLOURS).save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
