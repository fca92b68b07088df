"""What was given back by itself asks nobody for a decision, and is given back once (R-26, R-27, I5)."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from cbt.proctoring.acts.room_end import ending
from cbt.proctoring.board.display import Todo, Way, todos
from cbt.proctoring.board.seat_state import Proposal
from cbt.rules import clock
from cbt.rules.clock import Pause
from cbt.runner.close import outage
from cbt.runner.close.outage import settle_rooms
from cbt.runner.models import Gap
from cbt.storage.unit_of_work import reading
from tests.delivery.driver import Page
from tests.proctoring.desk import Desk, attempt, done, refused, row, running
from tests.proctoring.test_board import board_of
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
LAST_SEEN = PLANNED + 15 * SECOND
END = PLANNED + 45 * MINUTE


def away(world: World, seconds: int, *, after: int = 5) -> None:
    """The server goes away for a while, `after` seconds behind the last heartbeat of the page."""
    with world.app.app_context():
        outage.beat(now=LAST_SEEN + after * SECOND)
        world.clock.set(LAST_SEEN + (after + seconds) * SECOND)
        outage.beat(now=world.clock.now())
        settle_rooms(now=world.clock.now())


def proposed(world: World) -> list[Proposal]:
    return list(next(seat for seat in board_of(world).seats if seat.name == "王小明").proposals)


def undecided(world: World) -> int:
    return ending(board_of(world), now=world.clock.now()).counts.undecided


@pytest.mark.parametrize(
    ("seconds", "back"),
    [
        pytest.param(16, 4, id="a short restart"),
        pytest.param(60, 3, id="the longest that is an adjustment"),
        pytest.param(40, 20, id="the page comes back a while after it"),
    ],
)
def test_a_restart_that_was_given_back_leaves_nothing_to_decide(
    world: World, seconds: int, back: int
) -> None:
    pages = running(world, "theory", "extra")
    world.clock.set(LAST_SEEN)
    for page in pages.values():
        assert page.send().status_code == 200
    away(world, seconds)
    world.clock.advance(back * SECOND)
    for page in pages.values():
        assert page.answer(1, "A").status_code == 200
    with world.app.app_context(), reading() as session:
        assert session.query(Gap).count() == 2, "the silence itself stays on record"
    assert undecided(world) == 0
    assert "connected" in [line.kind for line in board_of(world).log]
    assert attempt(world, "theory").closes_at == END + seconds * SECOND


def test_an_outage_that_held_the_room_leaves_nothing_to_decide_either(world: World) -> None:
    page = running(world, "theory")["theory"]
    world.clock.set(LAST_SEEN)
    assert page.send().status_code == 200
    away(world, 300)
    world.clock.advance(2 * MINUTE)
    done(Desk(world).act("resume_room", reason="服务器已恢复"))
    world.clock.advance(2 * SECOND)
    assert page.answer(1, "A").status_code == 200
    assert undecided(world) == 0


def test_of_a_page_that_had_to_be_opened_anew_only_the_rest_is_proposed(world: World) -> None:
    page = running(world, "theory")["theory"]
    world.clock.set(LAST_SEEN)
    assert page.send().status_code == 200
    away(world, 30)
    world.clock.advance(70 * SECOND)
    assert page.start().status_code == 200
    (one,) = proposed(world)
    assert (one.to_at - one.from_at, one.amount) == (105 * SECOND, 75 * SECOND)
    gap = str(one.gap_id)
    more = Desk(world).act("decide", gap=gap, amount="01:16", reason_code="system")
    assert refused(more) == "proctoring.gap_amount"
    done(Desk(world).act("decide", gap=gap, amount="01:15", reason_code="system"))
    assert attempt(world, "theory").closes_at == END + 105 * SECOND, "every second once"


def test_a_long_cut_around_an_outage_is_still_shown(world: World) -> None:
    page = running(world, "theory")["theory"]
    world.clock.set(LAST_SEEN)
    assert page.send().status_code == 200
    away(world, 10)
    world.clock.advance(5 * MINUTE)
    assert page.answer(1, "A").status_code == 200
    (one,) = proposed(world)
    assert (one.usable, one.amount) == (True, timedelta(0))


def test_a_silence_without_an_outage_is_proposed_in_full(world: World) -> None:
    page = running(world, "theory")["theory"]
    world.clock.set(LAST_SEEN + 50 * SECOND)
    assert page.start().status_code == 200
    (one,) = proposed(world)
    assert one.amount == LAST_SEEN + 50 * SECOND - PLANNED


def test_the_own_pause_of_a_candidate_is_not_given_back_twice(world: World) -> None:
    page = running(world, "theory")["theory"]
    world.clock.set(LAST_SEEN)
    assert page.send().status_code == 200
    desk = Desk(world)
    done(desk.act("suspend", "theory", reason="机器故障"))
    world.clock.advance(5 * MINUTE)
    done(desk.act("resume", "theory", reason="已修复"))
    world.clock.advance(40 * SECOND)
    assert page.start().status_code == 200
    (one,) = proposed(world)
    assert one.amount == 40 * SECOND
    assert refused(desk.act("decide", gap=str(one.gap_id), amount="05:40", reason_code="device")) == (
        "proctoring.gap_amount"
    )


def test_the_time_out_of_the_room_is_not_proposed(world: World) -> None:
    page = running(world, "theory")["theory"]
    world.clock.set(LAST_SEEN)
    assert page.send().status_code == 200
    desk = Desk(world)
    done(desk.act("leave", "theory", escort="李敏"))
    world.clock.advance(4 * MINUTE)
    done(desk.act("return", "theory"))
    assert page.start().status_code == 200
    assert proposed(world) == []


def test_what_needs_no_decision_cannot_be_granted_by_hand(world: World) -> None:
    page = running(world, "theory")["theory"]
    world.clock.set(LAST_SEEN)
    assert page.send().status_code == 200
    away(world, 40)
    world.clock.advance(3 * SECOND)
    assert page.answer(1, "A").status_code == 200
    gap = str(row(world, Gap).id)
    answer = Desk(world).act("decide", gap=gap, amount="00:40", reason_code="system")
    assert refused(answer) == "proctoring.no_gap"
    assert attempt(world, "theory").closes_at == END + 40 * SECOND


def cut_and_held_back(world: World) -> dict[str, Page]:
    """A power cut, a hold from the last heartbeat on, and two minutes until it is lifted."""
    pages = running(world, "theory", "extra")
    world.clock.set(LAST_SEEN)
    for page in pages.values():
        assert page.send().status_code == 200
    world.clock.advance(40 * SECOND)
    since = LAST_SEEN.astimezone(world.app.extensions["cbt_zone"]).strftime("%H:%M:%S")
    done(Desk(world).act("hold", since="at", from_at=since, reason_code="power"))
    world.clock.advance(2 * MINUTE)
    for page in pages.values():
        assert page.send().status_code == 423
    done(Desk(world).act("resume_room", reason="供电恢复"))
    world.clock.advance(2 * SECOND)
    return pages


@pytest.mark.parametrize("anew", [pytest.param(False, id="usable"), pytest.param(True, id="opened anew")])
def test_a_hold_that_was_backdated_to_the_cut_leaves_nothing_to_decide(world: World, anew: bool) -> None:
    for page in cut_and_held_back(world).values():
        assert (page.start() if anew else page.answer(1, "A")).status_code == 200
    assert undecided(world) == 0
    assert attempt(world, "theory").closes_at == END + 160 * SECOND


def blip(world: World) -> dict[str, Page]:
    """A switch fails for 50 s: three could go on answering, and send when it is back."""
    pages = running(world, "theory", "extra", "skills")
    world.clock.set(LAST_SEEN)
    for page in pages.values():
        assert page.send().status_code == 200
    world.clock.advance(50 * SECOND)
    for page in pages.values():
        assert page.send().status_code == 200
    return pages


def many(world: World) -> Todo:
    (todo,) = [one for one in todos(board_of(world)) if "gap" in one.kind]
    return todo


def decide(world: World, way: Way, **fields: str) -> TestResponse:
    seats = [seat.ref for seat in many(world).seats]
    data = {"seat": seats, **dict(way.query), "reason_code": "network", **fields}
    desk = Desk(world)
    url = f"{desk.url}/acts/{way.act}"
    assert desk.client.get(url, query_string={"seat": seats, **dict(way.query)}).status_code == 200
    return desk.client.post(url, data=data, headers={"Accept": "application/json"})


def test_a_blip_in_which_all_could_answer_is_one_decision(world: World) -> None:
    blip(world)
    todo = many(world)
    assert (todo.kind, len(todo.seats), undecided(world)) == ("gap_usable_many", 3, 3)
    refuse, _give = todo.ways
    assert (refuse.label, refuse.main) == ("refuse_all", True)
    done(decide(world, refuse))
    assert undecided(world) == 0
    assert attempt(world, "theory").closes_at == END
    (line,) = [line for line in board_of(world).log if line.kind == "gap_refused"]
    assert [one.name for one in line.people] == ["王小明", "李娜", "赵敏"]
    (undo,) = board_of(world).undo
    done(Desk(world).act("undo", undo=undo[0]))
    assert undecided(world) == 3, "taken back, each is to be decided again"


def test_all_can_be_given_what_they_lost_or_the_same(world: World) -> None:
    blip(world)
    give = many(world).ways[1]
    assert refused(decide(world, give, amount="soon")) == "proctoring.span"
    done(decide(world, give))
    assert undecided(world) == 0
    assert attempt(world, "theory").closes_at == END + 50 * SECOND
    assert attempt(world, "extra").closes_at == END + 15 * MINUTE + 50 * SECOND
    gone = Desk(world).act("decide_many", "theory", gaps=dict(give.query)["gaps"], reason_code="network")
    assert refused(gone) == "proctoring.none_apply"


def test_those_decided_alone_meanwhile_are_left_alone(world: World) -> None:
    blip(world)
    todo = many(world)
    mine = next(seat for seat in todo.seats if seat.name == "王小明").proposals[0]
    done(Desk(world).act("decide", gap=str(mine.gap_id), amount="00:20", reason_code="network"))
    seats = [seat.ref for seat in todo.seats]
    desk = Desk(world)
    answer = desk.client.post(
        f"{desk.url}/acts/decide_many",
        data={"seat": seats, **dict(todo.ways[1].query), "amount": "00:30", "reason_code": "network"},
        headers={"Accept": "application/json"},
    )
    done(answer)
    assert attempt(world, "theory").closes_at == END + 20 * SECOND
    assert attempt(world, "extra").closes_at == END + 15 * MINUTE + 30 * SECOND


def test_of_a_cut_that_took_the_pages_what_each_lost_is_proposed_for_all(world: World) -> None:
    pages = running(world, "theory", "extra")
    world.clock.set(LAST_SEEN)
    for page in pages.values():
        assert page.send().status_code == 200
    for page in pages.values():
        world.clock.advance(45 * SECOND)
        assert page.start().status_code == 200
    todo = many(world)
    assert (todo.kind, todo.ways[0].label, todo.ways[0].main) == ("gap_many", "grant_all", True)
    done(decide(world, todo.ways[0]))
    assert attempt(world, "theory").closes_at == END + 45 * SECOND
    assert attempt(world, "extra").closes_at == END + 15 * MINUTE + 90 * SECOND


spans = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=5)


@given(spans, st.integers(0, 300), st.integers(1, 300))
def test_what_is_left_is_what_no_span_covers(covered: list[tuple[int, int]], start: int, length: int) -> None:
    """Counted second by second, however the spans overlap."""
    stood = [Pause(PLANNED + low * SECOND, PLANNED + high * SECOND) for low, high in map(sorted, covered)]
    gap_from, gap_to = PLANNED + start * SECOND, PLANNED + (start + length) * SECOND
    seconds = range(start, start + length)
    free = [one for one in seconds if not any(low <= one < high for low, high in map(sorted, covered))]
    left = clock.unpaid(gap_from, gap_to, stood, now=PLANNED + 700 * SECOND)
    assert left == len(free) * SECOND


@pytest.mark.parametrize(
    ("length", "left", "usable", "decide"),
    [
        pytest.param(50, 50, False, True, id="nothing given back, not usable"),
        pytest.param(50, 50, True, True, id="nothing given back, usable: 0 and why"),
        pytest.param(50, 0, False, False, id="all given back, not usable"),
        pytest.param(50, 1, False, True, id="a second is left of a page that was gone"),
        pytest.param(50, 29, True, False, id="less than a lost connection is left, usable"),
        pytest.param(50, 30, True, True, id="a lost connection is left, usable"),
    ],
)
def test_what_is_to_be_decided(length: int, left: int, usable: bool, decide: bool) -> None:
    assert clock.to_decide(length * SECOND, left * SECOND, usable=usable) is decide


def test_the_more_was_given_back_the_less_is_left() -> None:
    gap_to = PLANNED + 100 * SECOND
    lefts = [
        clock.unpaid(PLANNED, gap_to, [Pause(PLANNED, PLANNED + given * SECOND)], now=gap_to)
        for given in (0, 1, 50, 99, 100, 200)
    ]
    assert all(more >= less for more, less in pairwise(lefts))
    assert lefts[-1] == timedelta(0)
