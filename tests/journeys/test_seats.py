"""An officer exchanges seats by hand: dragged, carried by keys, and what the server refuses is said."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from cbt.sittings.models import Room, Sitting, SittingRoom
from cbt.storage.unit_of_work import unit_of_work
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.staff import Desk

pytestmark = [pytest.mark.journey, pytest.mark.one_process]


def drag(page: Page, one: str, other: str) -> None:
    """Drag what lies at one place onto another."""
    for selector, act in ((one, page.mouse.down), (other, page.mouse.up)):
        box = page.locator(selector).bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
        act()


def test_seats_are_exchanged_by_pointer_and_by_keys(browsers: Browsers, centre: Centre) -> None:
    with centre.app.app_context(), unit_of_work() as session:
        room = session.get_one(Room, centre.world.room_id)
        room.plan, room.door = "1 2 - 3 4\n8 7 - 6 5", "front_left"
        for table in (Sitting, SittingRoom):  # a draft's doors do not open by themselves
            session.execute(update(table).values(state="draft"))
    officer = Desk(browsers.open("officer"), "officer")
    officer.sign_in()
    page = officer.browser.page
    officer.browser.go(f"/office/sittings/{centre.world.sitting_ref}/rooms/{centre.world.room_ref}/seats")
    name = "#sit-{} .name".format
    first, second = page.inner_text(name(1)), page.inner_text(name(6))
    drag(page, "#sit-1", "#sit-6")
    expect(officer.find(name(6))).to_have_text(first)
    expect(officer.find(name(1))).to_have_text(second)
    expect(officer.find(".said-line")).to_contain_text("01 与 06 已对换")

    # By keys, over the aisle: the person is carried to a free seat, and the focus goes along.
    expect(officer.find("#sit-6")).to_be_focused()
    page.keyboard.press("Enter")
    expect(officer.find("#sit-6")).to_have_attribute("aria-pressed", "true")
    officer.browser.look("seats-picked-up")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(officer.find(name(7))).to_have_text(first)
    expect(officer.find("#sit-7")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(officer.find("#sit-7")).to_have_attribute("aria-pressed", "false")

    officer.browser.watch.allow("404")
    officer.find("[name=one]").fill("9")
    officer.find("[name=other]").fill("1")
    officer.find("#exchange button").click()
    expect(officer.find("#problem")).to_contain_text("9 号机位")
    officer.browser.look("seats-refused", zoom=True)
