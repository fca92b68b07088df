"""One proctor at the door: forty people come in by scanner and keys alone, and every act is counted."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from cbt.candidates.models import Registration
from cbt.demo.world import Entrant, Identity, Variant, seat_everybody
from cbt.sittings.models import Seat, SittingRoom
from cbt.storage.unit_of_work import unit_of_work
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.staff import Desk
from tests.world import PLANNED

pytestmark = pytest.mark.journey
PEOPLE = 40
SECONDS_FOR_ALL = 600
ACTS_EACH = 2
"""A scan, and the end of the document: a reader of cards types that, too."""


def fill(centre: Centre) -> list[Identity]:
    """Have forty more people expected in the room, with the card each will show."""
    theory = Variant("customer-service-l3", "theory")
    people = [
        Identity(f"考生{number:02d}", f"H{number:07d}A", f"2611900{number:05d}", "测试单位")
        for number in range(1, PEOPLE + 1)
    ]
    with centre.app.app_context(), unit_of_work() as session:
        room = session.get_one(SittingRoom, centre.world.sitting_room_id)
        session.add_all(
            Seat(room_id=room.room_id, number=number, spare=False, undelivered=0)
            for number in range(20, 20 + PEOPLE)
        )
        session.flush()
        entrants = [Entrant(0, theory, person=person) for person in people]
        seat_everybody(
            session,
            entrants,
            {theory: replace(centre.world.papers[theory], forms=())},
            [room],
            now=centre.now(),
        )
    return people


def test_forty_people_come_in_by_scanner_and_keys_alone(browsers: Browsers, centre: Centre) -> None:
    people = fill(centre)
    centre.stand_at(PLANNED - timedelta(minutes=35))
    proctor = Desk(browsers.open("proctor"), "proctor")
    proctor.sign_in()
    proctor.browser.go(f"/proctor/rooms/{centre.world.room_ref}")
    proctor.find("#to-door").click()
    line, keys = proctor.find("#f-q"), proctor.browser.page.keyboard
    expect(line).to_be_focused()
    proctor.browser.look("door-empty")
    acts = 0
    for number, person in enumerate(people):
        keys.insert_text(person.ticket if number % 2 else person.document)
        keys.press("Enter")
        acts += 1
        expect(proctor.find("#person-name")).to_have_text(person.name)
        if number % 2:
            expect(proctor.find("[name=last_four]")).to_be_focused()
            keys.insert_text(person.document[-4:])
        else:
            expect(proctor.find("#at-door .btn-main")).to_be_focused()
            if number == 0:
                proctor.browser.look("door-person", zoom=True)
                proctor.find("#at-door .btn-main").focus()
        keys.press("Enter")
        acts += 1
        expect(proctor.find(".told .said")).to_contain_text(person.name)
        expect(line).to_be_focused()
    assert acts == PEOPLE * ACTS_EACH
    assert SECONDS_FOR_ALL / acts >= 7
    with centre.session() as session:
        checked = (
            select(func.count()).select_from(Registration).where(Registration.checked_in_at.is_not(None))
        )
        assert session.scalar(checked) == PEOPLE

    # Nobody by that line; a list to choose from, by keys; and back to the line.
    keys.insert_text("没有这个人")
    keys.press("Enter")
    expect(proctor.find(".nobody")).to_be_visible()
    expect(line).to_be_focused()
    keys.insert_text("26110001")
    keys.press("Enter")
    expect(proctor.find(".nobody")).to_contain_text("26110001")
    expect(line).to_have_value("")
    keys.insert_text("娜")
    keys.press("Enter")
    expect(proctor.find("#person-name")).to_have_text("李娜")
    expect(proctor.find("[name=last_four]")).to_be_focused()
    keys.press("Escape")
    expect(line).to_be_focused()

    # Who does not agree is refused in a dialog over the door, and the door says so.
    keys.insert_text("李娜")
    keys.press("Enter")
    proctor.find("#at-door a[href*='document_mismatch']").click()
    expect(proctor.find("#asked")).to_be_visible()
    proctor.browser.look("door-refuse")
    proctor.find("#asked .dialog-foot button").click()
    expect(proctor.find("#asked")).to_be_hidden()
    expect(proctor.find(".told")).to_contain_text("李娜")
    centre.stand_at(PLANNED - timedelta(minutes=15))
    proctor.browser.go(f"/proctor/rooms/{centre.world.room_ref}/door/absent")
    proctor.browser.look("door-absent")
    proctor.find("main form button[type=submit]").first.click()
    expect(proctor.find(".flashes")).to_contain_text(re.compile("缺考"))
