"""How one answer travels: what is taken, what is refused, what is repeated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.runner.attempt_changes import allow_move
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Attempt, AttemptLive, Gap, JournalEntry, LateEntry
from cbt.runner.save.digest import answers_in, journal_texts
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page, opened_page
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
MS = timedelta(milliseconds=1)


@pytest.fixture
def page(world: World) -> Page:
    """王小明 (theory, level 3) has opened the paper at 统一开考."""
    return opened_page(world)


def saved(world: World, name: str = "theory") -> dict[int, str]:
    attempt_id = world.sitters[name].attempt_id
    with world.app.app_context(), reading() as session:
        entries = answers_in(journal_texts(session, [attempt_id])[attempt_id])
    return {int(place): value for place, value in entries.items() if value and place.isdecimal()}


def test_the_paper_is_refused_before_the_room_starts(world: World) -> None:
    world.admit_all()
    reply = Page(world, "theory").start()
    assert reply.status_code == 425
    assert reply.get_json()["code"] == "not_started"


def test_a_start_returns_the_whole_theory_paper_and_the_clock(page: Page) -> None:
    paper, clock = page.opened["paper"], page.opened["clock"]
    assert [section["type"] for section in paper["sections"]] == ["true_false", "single_choice"]
    assert [item["position"] for item in paper["items"]] == list(range(1, 101))
    assert clock["closes_at"] == "2026-11-24T01:45:00Z"
    assert clock["earliest_submit_at"] == "2026-11-24T01:30:00Z"
    assert clock["warnings"] == [900, 300, 60]


def test_an_answer_is_acknowledged_only_with_its_row_in_the_journal(page: Page, world: World) -> None:
    reply = page.answer(41, "B")
    assert reply.status_code == 200
    assert [receipt["seq"] for receipt in reply.get_json()["receipts"]] == [1]
    assert saved(world) == {41: '"B"'}


def test_a_repeat_gets_the_first_receipt_and_adds_nothing(page: Page, world: World) -> None:
    entry = page.entry(41, "B")
    first = page.send(entry).get_json()["receipts"]
    world.clock.advance(timedelta(seconds=5))
    assert page.send(entry).get_json()["receipts"] == first
    with world.app.app_context(), reading() as session:
        assert len(session.scalars(select(JournalEntry)).all()) == 1


def test_a_stale_save_never_beats_a_newer_one(page: Page, world: World) -> None:
    older, newer = page.entry(41, "A"), page.entry(41, "C")
    page.send(newer)
    page.send(older)
    assert saved(world) == {41: '"C"'}


def test_clearing_is_a_row_of_its_own(page: Page, world: World) -> None:
    page.answer(41, "A")
    page.answer(41, None)
    assert saved(world) == {}
    with world.app.app_context(), reading() as session:
        assert [row.value for row in session.scalars(select(JournalEntry).order_by(JournalEntry.id))] == [
            '"A"',
            None,
        ]


@pytest.mark.parametrize(
    ("position", "value"),
    [
        pytest.param(41, "E", id="a letter that is not shown"),
        pytest.param(41, "AB", id="two letters in a single choice"),
        pytest.param(41, 1, id="a number"),
        pytest.param(101, "A", id="a position beyond the form"),
        pytest.param(0, "A", id="an answer to no position"),
    ],
)
def test_a_value_the_form_does_not_know_is_refused_whole(
    page: Page, world: World, position: int, value: object
) -> None:
    good, bad = page.entry(1, "A"), page.entry(position, value)
    reply = page.send(good, bad)
    assert reply.status_code == 422
    assert reply.get_json()["code"] == "answer.invalid"
    assert reply.get_json()["seq"] == bad["seq"]
    assert saved(world) == {}


@pytest.mark.parametrize(
    ("after_close", "code", "in_grace"),
    [
        pytest.param(-MS, 200, False, id="a millisecond before the end"),
        pytest.param(timedelta(0), 200, True, id="at the end, within the grace"),
        pytest.param(timedelta(seconds=3) - MS, 200, True, id="a millisecond before the grace ends"),
        pytest.param(timedelta(seconds=3), 410, None, id="at the end of the grace"),
    ],
)
def test_the_end_of_the_paper(
    page: Page, world: World, after_close: timedelta, code: int, in_grace: bool | None
) -> None:
    world.clock.set(PLANNED + 45 * MINUTE + after_close)
    reply = page.answer(1, "A")
    assert reply.status_code == code
    with world.app.app_context(), reading() as session:
        rows = session.scalars(select(JournalEntry.in_grace)).all()
        late = session.scalars(select(LateEntry)).all()
    assert [bool(row) for row in rows] == ([] if in_grace is None else [in_grace])
    assert len(late) == (1 if code == 410 else 0)


def test_the_sweep_closes_no_earlier_than_end_plus_grace_plus_margin(page: Page, world: World) -> None:
    end = PLANNED + 45 * MINUTE
    with world.app.app_context():
        world.clock.set(end + timedelta(seconds=5) - MS)
        assert expire_overdue(now=world.clock.now()) == 0
        world.clock.set(end + timedelta(seconds=5))
        assert expire_overdue(now=world.clock.now()) == 1
        assert expire_overdue(now=world.clock.now()) == 0
        with reading() as session:
            attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
            assert (attempt.state, attempt.closed_by, attempt.closed_at) == ("closed", "deadline", end)


def test_a_second_tab_of_the_same_login_takes_over_and_the_first_is_told(page: Page, world: World) -> None:
    page.answer(1, "A")
    other = Page(world, "theory")
    other.client = page.client
    assert other.start().status_code == 200
    assert other.opened["journal"]["answers"] == {"1": "A"}
    refused = page.answer(2, "A")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "lease.lost")
    assert other.answer(2, "B").status_code == 200
    assert saved(world) == {1: '"A"', 2: '"B"'}


def test_a_second_device_is_refused_while_the_first_writes(page: Page, world: World) -> None:
    reply = Page(world, "theory", machine="seat-5").start()
    assert (reply.status_code, reply.get_json()["code"]) == (409, "lease.held")


@pytest.mark.parametrize(
    ("silence", "code"),
    [
        pytest.param(timedelta(seconds=20) - MS, 409, id="silent for just under 20 s"),
        pytest.param(timedelta(seconds=20), 200, id="silent for 20 s"),
    ],
)
def test_the_same_machine_resumes_after_a_killed_browser(
    page: Page, world: World, silence: timedelta, code: int
) -> None:
    world.clock.advance(silence)
    assert Page(world, "theory").start().status_code == code


def test_allow_move_brings_answers_flags_notes_and_settings_to_another_machine(
    page: Page, world: World
) -> None:
    page.send(
        page.entry(1, "A"),
        page.entry(2, True, "flag"),
        page.entry(3, "想一想", "note"),
        page.entry(41, "AC", "strike"),
        page.entry(41, [[0, 3, 9], [0, 1, 2]], "mark"),
        page.entry(0, {"size": "large", "scheme": "dark", "ruler": True}, "setting"),
    )
    with world.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        allow_move(session, attempt, now=world.clock.now(), actor="staff:test")
    moved = Page(world, "theory", machine="seat-7")
    assert moved.start().status_code == 200
    assert moved.opened["journal"] == {
        "answers": {"1": "A"},
        "flags": [2],
        "notes": {"3": "想一想"},
        "strikes": {"41": "AC"},
        "marks": {"41": [[0, 1, 2], [0, 3, 9]]},
        "settings": {"size": "large", "scheme": "dark", "ruler": True},
    }
    assert moved.opened["paper"]["items"] == page.opened["paper"]["items"]
    assert page.answer(5, "A").status_code == 409
    assert moved.answer(5, "A").status_code == 200


def test_the_board_row_counts_answered_positions_and_keeps_a_gap(page: Page, world: World) -> None:
    page.send(page.entry(1, "A"), page.entry(2, "B"))
    page.answer(2, None)
    world.clock.advance(timedelta(seconds=50))
    assert page.send().status_code == 200
    with world.app.app_context(), reading() as session:
        live = session.get_one(AttemptLive, world.sitters["theory"].attempt_id)
        assert (live.answered, live.seen_at) == (1, world.clock.now())
        gap = session.scalars(select(Gap)).one()
        assert (gap.usable, gap.to_at - gap.from_at) == (True, timedelta(seconds=50))


def test_somebody_elses_attempt_is_not_found(world: World) -> None:
    world.admit_all()
    world.start()
    page = Page(world, "theory")
    page.client = world.candidate("second")
    assert page.start().status_code == 404


def test_a_save_without_the_lease_is_refused(page: Page, world: World) -> None:
    page.lease = "guessed"
    assert page.answer(1, "A").status_code == 409
    reply = page.client.post(f"/attempts/{page.ref}/answers", json={"epoch": 1, "entries": []})
    assert reply.status_code == 403
    assert saved(world) == {}
