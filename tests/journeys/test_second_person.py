"""强制收卷 by two people in two browsers: asked on the board, approved on a phone, refused, by a code, too late."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.attacks.second_scene import allow
from tests.journeys.browsers import SHOTS, Browsers
from tests.journeys.centre import Centre
from tests.journeys.seated import begin, seat
from tests.journeys.staff import Board, Desk

pytestmark = pytest.mark.journey
PHONE = {"width": 390, "height": 780}
LONG = (
    "多次提醒后仍与邻座交谈并拒绝服从管理，考评员与监考员均在场，已当场告知其后果并请其在考场情况记录表上签字"
)


class Phone(Desk):
    """The second person, on a page of their own."""

    def told(self, act: str) -> None:
        """Wait until every page says that something waits, without a reload."""
        expect(self.find("#asks .ask").last).to_contain_text(self.word(f"approval.act.{act}"))

    def opens(self, act: str) -> None:
        """Follow what the strip says to the request."""
        self.told(act)
        self.browser.hand.press(self.find("#asks .ask .btn-main").last)
        expect(self.find("#approval")).to_be_visible()

    def answers(self, step: str) -> None:
        """Press a button of the request."""
        self.browser.hand.press(self.find(f"form[action$='/{step}'] button"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_second_person_approves_refuses_or_reads_a_code_out(
    centre: Centre, browsers: Browsers, language: str
) -> None:
    begin(centre)
    allow(centre.world.on(centre.app, centre.app.extensions["cbt_clock"]), by_password=False)
    for name in ("theory", "second", "late"):
        machine = browsers.open(f"{name}-{language}")
        machine.watch.allow("status of 410")  # the heartbeat that learns of the closing
        seat(centre, machine, name)
    board = Board(browsers.open(f"asks-{language}"), "proctor", language=language)
    board.sign_in()
    board.enter()
    board.browser.watch.allow("status of 409", "status of 422", "status of 304")
    phone = Phone(browsers.open(f"second-{language}"), "officer", language=language)
    phone.browser.watch.allow("status of 409", "status of 422")
    phone.sign_in()
    phone.browser.page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # Playwright's own dict type

    # Asked on the board: pick, choose, say why, confirm. Nobody else types anything here.
    ask(board, "theory", LONG)
    board.browser.look("waiting")
    phone.told("force")
    phone.browser.look("home-asked", zoom=True)
    phone.opens("force")
    phone.browser.page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # Playwright's own dict type
    shoot(phone, "request-phone")
    phone.browser.look("request", zoom=True)
    phone.answers("approve")
    expect(phone.find("#approval.done .notice.ok")).to_be_visible()
    # The dialog closes by itself and the board says what was done.
    expect(board.find("#asked")).to_be_hidden()
    expect(board.find("#said")).not_to_be_empty()
    phone.browser.look("approved", zoom=True)
    board.sees("theory", "closed")
    board.browser.look("done")

    # Refused, with a reason that the first person reads.
    ask(board, "second", "x")
    phone.browser.go("/approvals")
    expect(phone.find(".waiting-card")).to_have_count(1)
    phone.browser.look("list", zoom=True)
    phone.opens("force")
    phone.browser.hand.press(phone.find(".refusing summary"))
    phone.browser.hand.write(phone.find("#approval input[name=reason]"), "先警告，再观察")
    phone.answers("refuse")
    expect(board.find("#approval.refused .notice.stop")).to_contain_text("先警告，再观察")
    board.browser.look("refused")
    board.browser.hand.press(board.find("#approval .dialog-foot a"))

    # With a code read out: one more click than an approval, and none of the second person at this browser.
    board.browser.page.reload()
    board.browser.hand.press(board.find("#pick-none"))
    ask(board, "second", "x 再次")
    phone.browser.go("/approvals")
    phone.opens("force")
    phone.answers("code")
    phone.browser.page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # Playwright's own dict type
    shoot(phone, "code-phone")
    code = phone.find(".one-code .code").inner_text().replace(" ", "")
    assert len(code) == 6
    phone.browser.look("code", zoom=True)
    board.browser.hand.write(
        board.find("#approval input[name=code]"), "000000" if code != "000000" else "1" * 6
    )
    board.browser.hand.press(board.find(".code-form button"))
    expect(board.find("#approval .notice.stop, #approval .field-error").first).to_be_visible()
    board.browser.look("code-wrong")
    board.browser.hand.write(board.find("#approval input[name=code]"), code)
    board.browser.hand.press(board.find(".code-form button"))
    expect(board.find("#asked")).to_be_hidden()
    board.sees("second", "closed")

    # Nobody answers: after five minutes it says so itself, and nothing was done.
    ask(board, "late", "x")
    centre.move(seconds=301, heard=True)
    expect(board.find("#approval.expired")).to_be_visible()
    board.browser.look("expired")
    board.sees("late", "answering")


def ask(board: Board, name: str, reason: str) -> None:
    """强制收卷 for one, until it waits for its second person."""
    board.pick(name)
    board.choose("force")
    board.browser.look(f"form-{name}")
    board.give_reason(reason)
    board.browser.hand.press(board.find("#asked .dialog-foot button"))
    expect(board.find("#approval.pending")).to_be_visible()


def shoot(desk: Desk, name: str) -> None:
    """Take a picture at the size of a phone, when pictures are wanted."""
    folder = os.environ.get(SHOTS)
    if folder:
        desk.browser.page.screenshot(path=Path(folder) / f"{desk.browser.watch.name}-{name}.png")
