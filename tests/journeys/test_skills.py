"""二级专业能力: strict units, a cut, 换机, a browser closed before the end; and pooled units with a pause."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

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
    opened_at[2] = centre.now()
    candidate.complete_unit(look="unit-ask")
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
    moved.bind_anew()
    moved.sign_in()
    other.watch.allow("status of 409")
    moved.meet_held_lease(look=True)
    board.allow_move("skills", "原机器蓝屏")
    board.sees("skills", "moving")
    moved.opens()
    board.sees("skills", "answering")
    moved.look("moved")
    for place in second[:2]:
        moved.has_answer(place, place.right())
    expect(moved.item(second[1].position).locator("button.flag")).to_have_attribute("aria-pressed", "true")
    expect(moved.item(second[1].position).locator(".note textarea")).to_have_value("回来再算一遍")
    first.watch.allow("status of 409")
    expect(candidate.find("#screen h2")).to_have_text(candidate.text("delivery.screen.lost.title"), timeout=20_000)
    candidate.look("taken-over")
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
    moved.look("unit-3")
    expect(board.seat("skills")).to_contain_text("3/4")

    # The browser is closed before the end; the score is there all the same.
    moved.answer(third[0], third[0].right())
    moved.saved()
    other.page.close()
    centre.stand_at(PLANNED + timedelta(minutes=60, seconds=6))
    board.sees("skills", "closed")
    board.look_after_closing("skills", *OTHERS)
    score = centre.wait_for_score("skills")
    earned = sum(
        (place.points for place in [*unit_of(places, 1), *second, third[0]]), start=type(score.score)(0)
    )
    assert score.score == earned

    Board(browsers.open("elsewhere"), "proctor_elsewhere").run_empty(centre.world.other_room_ref, "elsewhere")
    office = Office(browsers.open("officer", ), "officer", language="en")
    office.sign_in()
    office.release("chief_proctor", look=True)
    mine = Candidate(browsers.open("at-home", record="skills"), "skills")
    mine.results(look=True)
    expect(mine.find(".my-paper .big b").first).to_have_text(f"{earned:.1f}")
    assert_nothing_leaked(centre, "skills", places, opened_at=opened_at)
