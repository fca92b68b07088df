"""二级专业能力: strict units, a cut, 换机, a browser closed before the end; and pooled units with a pause."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import Registration
from cbt.paths import product_dir
from cbt.storage.unit_of_work import unit_of_work
from tests.journeys.answers import Place, places_of
from tests.journeys.browsers import Browsers
from tests.journeys.candidate import Candidate
from tests.journeys.centre import Centre
from tests.journeys.leaks import assert_nothing_leaked
from tests.journeys.staff import Board, Office
from tests.world import PLANNED

pytestmark = pytest.mark.journey

OTHERS = ("theory", "extra", "factor", "late", "second")


def unit_of(places: list[Place], unit: int) -> list[Place]:
    """Return the positions of a unit."""
    return [place for place in places if place.unit == unit]


def test_strict_skills_from_sign_in_to_score(centre: Centre, browsers: Browsers) -> None:
    board = Board(browsers.open("proctor"), "proctor")
    board.sign_in()
    board.enter()
    first = browsers.open("skills", record="skills")
    candidate = Candidate(first, "skills", language="en")
    candidate.bind()
    board.arrive("skills")
    board.check_in("skills")
    centre.stand_at(PLANNED - timedelta(minutes=15))
    candidate.enter(look=True)
    board.sees("skills", "waiting")
    opened_at = {number: PLANNED + timedelta(days=1) for number in (1, 2, 3, 4)}
    centre.stand_at(PLANNED)
    opened_at[1] = centre.now()
    board.start()
    candidate.opens()
    places = places_of(centre, "skills")

    # Unit 1: every type of item by mouse, all right; then 完成本单元, and there is no way back.
    candidate.look("unit-1", zoom=True)
    for place in unit_of(places, 1):
        candidate.answer(place, place.right())
    candidate.saved()
    candidate.look("unit-1-answered")
    expect(board.seat("skills")).to_contain_text("1/4")
    strip = candidate.find("#units")
    expect(strip.locator(".now")).to_contain_text("ends at 09:20")
    expect(strip.locator(".now")).to_contain_text("time left goes to the next unit")
    opened_at[2] = centre.now()
    candidate.complete_unit(look=True)
    second = unit_of(places, 2)
    expect(candidate.item(second[0].position)).to_be_visible()
    expect(candidate.item(1)).to_have_count(0)
    expect(board.seat("skills")).to_contain_text("2/4")

    # Unit 2: answers during a cut survive and drain; a mark and a note.
    candidate.answer(second[0], second[0].right())
    candidate.saved()
    first.watch.allow("ERR_INTERNET_DISCONNECTED")
    first.context.set_offline(True)
    candidate.answer(second[1], second[1].right())
    candidate.flag(second[1].position)
    candidate.note(second[1].position, "回来再算一遍")
    expect(candidate.find("#save.warn")).to_be_visible()
    candidate.look("offline")
    first.context.set_offline(False)
    candidate.saved()

    # 换机: the other machine is let in only with the proctor's leave, and finds everything again.
    other = browsers.open("skills-moved", record="skills")
    moved = Candidate(other, "skills", language="en")
    other.watch.allow("status of 409")
    moved.claim(spare=8, look=True)
    board.rebind("skills")
    moved.is_given_the_seat()
    moved.sign_in()
    moved.meet_screen("held", look=True)
    board.allow_move("skills", "原机器蓝屏")
    board.sees("skills", "moving")
    moved.opens()
    board.sees("skills", "answering")
    moved.look("moved")
    expect(moved.find(".is-current")).to_have_attribute("data-position", str(second[1].position))
    for place in second[:2]:
        moved.has_answer(place, place.right())
    expect(moved.item(second[1].position).locator("button.flag")).to_have_attribute("aria-pressed", "true")
    expect(moved.item(second[1].position).locator(".note textarea")).to_have_value("回来再算一遍")
    first.watch.allow("status of 409")
    candidate.meet_screen("moved", look=True)
    expect(candidate.find("#screen")).to_contain_text(f"seat {moved.sitter.seat:02d}")
    expect(candidate.find("#screen button")).to_have_count(0)
    expect(candidate.find("#clock")).to_be_hidden()
    expect(candidate.find("#save")).to_be_empty()
    first.page.close()

    # The unit's time runs out: the page moves on by itself, and what was being typed is kept.
    for place in second[2:]:
        moved.answer(place, place.right())
    opened_at[3] = PLANNED + timedelta(minutes=35)
    centre.stand_at(PLANNED + timedelta(minutes=32, seconds=1))
    expect(moved.find("#toasts .toast.warn").first).to_be_visible()
    centre.stand_at(PLANNED + timedelta(minutes=35, seconds=1))
    third = unit_of(places, 3)
    expect(moved.item(third[0].position)).to_be_visible(timeout=20_000)
    notice = moved.find("#toasts .toast.accent")
    expect(notice).to_contain_text("Everything you had typed is saved")
    moved.look("unit-3")
    other.hand.press(notice.locator("button"))
    expect(notice).to_have_count(0)
    expect(board.seat("skills")).to_contain_text("3/4")

    # The browser is closed before the end; the score is there all the same.
    moved.answer(third[0], third[0].right())
    expect(moved.item(third[0].position).locator(".saved.done")).to_be_visible()
    other.page.close()
    centre.stand_at(PLANNED + timedelta(minutes=60, seconds=6))
    board.sees("skills", "closed")
    board.mark_absent(*OTHERS)
    board.end()
    score = centre.wait_for_score("skills")
    earned = sum((place.points for place in [*unit_of(places, 1), *second, third[0]]), start=Decimal(0))
    assert score == earned

    Board(browsers.open("elsewhere"), "proctor_elsewhere").run_empty(centre.world.other_room_ref, "elsewhere")
    office = Office(browsers.open("officer"), "officer", language="en")
    office.sign_in()
    office.release("chief_proctor", look=True)
    mine = Candidate(browsers.open("at-home", record="skills"), "skills")
    mine.results(look=True)
    expect(mine.find(".my-paper .big b").first).to_have_text(f"{earned:.1f}")
    assert_nothing_leaked(centre, "skills", places, opened_at=opened_at)


def test_pooled_skills_with_a_pause_to_the_deadline(centre: Centre, browsers: Browsers) -> None:
    pool_units(centre, "skills")
    board = Board(browsers.open("proctor-pooled"), "proctor")
    board.sign_in()
    board.enter()
    candidate = Candidate(browsers.open("pooled"), "skills")
    candidate.bind()
    board.arrive("skills")
    board.check_in("skills")
    centre.stand_at(PLANNED - timedelta(minutes=15))
    candidate.enter()
    centre.stand_at(PLANNED)
    board.start()
    candidate.opens()
    places = places_of(centre, "skills")

    # Free movement: unit 3 first, then back to 1; the minutes of a unit are only shown.
    units = candidate.find("#units button")
    expect(units).to_have_count(4)
    candidate.browser.hand.press(units.nth(2))
    third = unit_of(places, 3)
    candidate.answer(third[0], third[0].right())
    candidate.browser.hand.press(units.nth(0))
    first = unit_of(places, 1)
    for place in first[:3]:
        candidate.answer(place, place.right())
    candidate.saved()
    candidate.look("units", zoom=True)
    expect(board.seat("skills")).to_contain_text("4/")

    # 暂停 blanks the paper and stops the clock, 恢复 gives the time back and the place; a reminder is read.
    candidate.browser.hand.press(candidate.find("#clock-hide"))
    candidate.note(first[2].position, "回来接着算")
    note = candidate.item(first[2].position).locator(".note textarea")
    note.evaluate("field => field.setSelectionRange(2, 2)")
    candidate.browser.watch.allow("status of 423")
    centre.stand_at(PLANNED + timedelta(minutes=10))
    board.act("suspend", "身份核验", "skills", look="suspend")
    candidate.meet_screen("suspended", look=True)
    board.sees("skills", "suspended")
    centre.move(minutes=5)
    board.act("resume", "核验完毕", "skills")
    candidate.opens()
    expect(note).to_be_focused()
    assert note.evaluate("field => field.selectionStart") == 2
    expect(candidate.find("#clock")).to_contain_text("已隐藏")
    candidate.has_answer(first[0], first[0].right())
    board.sees("skills", "answering")
    expect(board.seat("skills").locator(".differs")).to_contain_text("+05:")
    board.remind("请保持安静", "skills", look="remind")
    toast = candidate.find("#toasts .toast.accent")
    expect(toast).to_contain_text("请保持安静", timeout=20_000)
    candidate.look("reminder")
    candidate.browser.hand.press(toast.locator("button"))
    expect(toast).to_have_count(0)

    # At the deadline the server closes; the page says so and waits for the proctor.
    candidate.browser.watch.allow("status of 410")
    centre.stand_at(PLANNED + timedelta(minutes=64))
    expect(candidate.find("#clock[data-urgent]")).not_to_have_attribute("data-urgent", "")
    candidate.look("last-minutes")
    centre.stand_at(PLANNED + timedelta(minutes=67))
    candidate.meet_screen("deadline", look=True)
    board.sees("skills", "closed")
    board.browser.go(f"/proctor/rooms/{centre.world.room_ref}?view=list")
    board.browser.look("list", zoom=True)
    earned = sum((place.points for place in [third[0], *first[:3]]), start=Decimal(0))
    assert centre.wait_for_score("skills") == earned
    candidate.browser.hand.press(candidate.find("#screen a.btn"))
    expect(candidate.find("#done")).to_be_visible()
    candidate.look("done")


def pool_units(centre: Centre, name: str) -> None:
    """Give a sitter's registration the same blueprint with pooled units."""
    shipped = (product_dir("blueprints") / "customer-service-l2.toml").read_text("utf-8")
    text = shipped.replace('unit_timing = "strict"', 'unit_timing = "pooled"')
    assert text != shipped
    with centre.app.app_context(), unit_of_work() as session:
        version = store_blueprint(session, text, now=centre.now(), actor="cli")
        row = session.get_one(Registration, centre.world.sitters[name].registration_id)
        row.blueprint_version_id = version.id
