"""What waits for a decision: proposed compensations, and alerts somebody has to look into."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.candidates.models import Registration
from cbt.proctoring.board.display import MANY, todos
from cbt.proctoring.board.live import Board
from cbt.runner.models import AttemptLive, Gap
from cbt.sittings.models import Seat
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.proctoring.desk import Desk, attempt, done, log_kinds, refused, registration, row, running
from tests.proctoring.test_board import board_of
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
END = PLANNED + 45 * MINUTE


def alerts(world: World) -> list[str]:
    return [todo.kind for todo in todos(board_of(world))]


def add_gap(world: World, *, usable: bool, seconds: int = 90) -> str:
    """A disconnection of the theory sitter that ended now."""
    to_at = world.clock.now()
    with world.app.app_context(), unit_of_work() as session:
        gap = Gap(
            attempt_id=world.sitters["theory"].attempt_id,
            from_at=to_at - seconds * SECOND,
            to_at=to_at,
            usable=usable,
            resent=6 if usable else 0,
        )
        session.add(gap)
        session.flush()
        return str(gap.id)


def test_a_proposal_is_given_back_by_one_person_once(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    world.clock.advance(5 * MINUTE)
    gap = add_gap(world, usable=False)
    assert "gap" in alerts(world)
    assert "1 分 30 秒" in desk.ask("decide", "theory", gap=gap).text
    answer = {"gap": gap, "amount": "01:30", "reason_code": "network"}
    done(desk.act("decide", **answer))
    assert attempt(world, "theory").closes_at == END + 90 * SECOND
    assert refused(Desk(world, "chief_proctor").act("decide", **answer)) == "proctoring.gap_decided"
    assert attempt(world, "theory").closes_at == END + 90 * SECOND
    assert "gap" not in alerts(world)


def test_who_could_answer_meanwhile_is_proposed_nothing(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    world.clock.advance(5 * MINUTE)
    gap = add_gap(world, usable=True)
    assert "gap_usable" in alerts(world)
    assert "期间可作答，已补传 6 题，建议不补时" in desk.page()
    done(desk.act("decide", gap=gap, refuse="1", reason_code="network"))
    assert attempt(world, "theory").closes_at == END
    assert row(world, Gap).granted == timedelta(0)
    assert log_kinds(world) == ["gap_refused"]


def test_no_more_is_given_back_than_was_lost(world: World) -> None:
    running(world, "theory")
    world.clock.advance(5 * MINUTE)
    gap = add_gap(world, usable=False)
    more = Desk(world).act("decide", gap=gap, amount="01:31", reason_code="network")
    assert refused(more) == "proctoring.gap_amount"


def test_what_a_hold_gave_back_is_not_proposed_again(world: World) -> None:
    running(world, "theory")
    chief = Desk(world, "chief_proctor")
    world.clock.advance(10 * MINUTE)
    done(chief.act("hold", since="at", from_at="09:09:00", reason_code="power"))
    done(chief.act("resume_room", reason="供电恢复"))
    add_gap(world, usable=False, seconds=90)
    board = board_of(world)
    proposed = next(seat for seat in board.seats if seat.name == "王小明").proposals[0]
    assert proposed.amount == 30 * SECOND


def test_a_gap_of_another_room_does_not_exist_here(world: World) -> None:
    running(world, "theory", "elsewhere")
    with world.app.app_context(), unit_of_work() as session:
        now = world.clock.now()
        other = Gap(
            attempt_id=world.sitters["elsewhere"].attempt_id,
            from_at=now - MINUTE,
            to_at=now,
            usable=False,
            resent=0,
        )
        session.add(other)
        session.flush()
        gap = str(other.id)
    answer = Desk(world).act("decide", gap=gap, amount="00:10", reason_code="network")
    assert refused(answer) == "proctoring.no_gap"


def test_an_alert_that_was_seen_comes_back_only_with_three_more(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)

    def blur(count: int) -> None:
        with world.app.app_context(), unit_of_work() as session:
            session.get_one(AttemptLive, world.sitters["theory"].attempt_id).blurs = count

    blur(2)
    assert alerts(world) == []
    blur(3)
    assert alerts(world) == ["blurs"]
    done(desk.act("seen", "theory", alert="blurs"))
    blur(5)
    assert alerts(world) == []
    blur(6)
    assert alerts(world) == ["blurs"]


def test_undelivered_answers_of_a_machine_are_told_until_seen(world: World) -> None:
    running(world, "theory")
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(Seat, registration(world, "theory").seat_id).undelivered = 3
    assert alerts(world) == ["undelivered"]
    assert "未送达" in Desk(world).page()
    done(Desk(world).act("seen", "theory", alert="undelivered"))
    assert alerts(world) == []


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        pytest.param({"claim_hash": "h" * 64, "claim_address": "10.0.0.9"}, "claim", id="by the room code"),
        pytest.param({"claim_address": None}, "clone", id="by a token at another address"),
    ],
)
def test_a_double_claim_is_told_until_seen(world: World, columns: dict[str, str | None], kind: str) -> None:
    running(world, "theory")
    with world.app.app_context(), unit_of_work() as session:
        claimed = session.get_one(Seat, registration(world, "theory").seat_id)
        claimed.claim_alert_at = world.clock.now()
        for name, value in columns.items():
            setattr(claimed, name, value)
    assert alerts(world) == [kind]
    done(Desk(world).act("seen", "theory", alert="claim"))
    assert alerts(world) == []
    with world.app.app_context(), reading() as session:
        left = session.scalars(select(Seat).where(Seat.claim_alert_at.is_not(None))).all()
        assert left == []


def alerted(world: World, kind: str, count: int) -> Board:
    """The room with as many more seats that have an alert."""
    board = board_of(world)
    seat = replace(board.seats[0], alerts=frozenset({kind}), claim_address=None)
    return replace(board, seats=tuple(replace(seat, ref=f"re-{place}") for place in range(count)))


@pytest.mark.parametrize(
    ("alert", "kind", "ways"),
    [
        ("claim", "clone", ["seen"]),
        ("elsewhere", "elsewhere", ["seen"]),
        ("guessing", "guessing", ["seen"]),
        ("undelivered", "undelivered", ["seen"]),
        ("blurs", "blurs", ["remind", "seen"]),
    ],
)
def test_an_alert_at_many_seats_is_told_once(world: World, alert: str, kind: str, ways: list[str]) -> None:
    running(world, "theory")
    few = todos(alerted(world, alert, MANY))
    assert [todo.kind for todo in few] == [kind] * MANY
    (todo,) = todos(alerted(world, alert, MANY + 1))
    assert (todo.kind, len(todo.seats)) == (f"{kind}_many", MANY + 1)
    assert [way.act for way in todo.ways] == ways
    assert dict(todo.ways[-1].query) == {"alert": alert}


@pytest.mark.parametrize("alert", ["claim", "elsewhere", "undelivered"])
def test_an_alert_at_many_seats_is_seen_and_taken_back_at_once(world: World, alert: str) -> None:
    """Of those that were picked, whoever has it: another seat is left alone, and somebody's time counts once."""
    names = ("theory", "extra", "skills")
    running(world, *names)
    with world.app.app_context(), unit_of_work() as session:
        for name in names[:2]:
            one = registration(world, name)
            seat = session.get_one(Seat, one.seat_id)
            if alert == "claim":
                seat.claim_alert_at = world.clock.now()
            elif alert == "undelivered":
                seat.undelivered = 3
            else:
                session.get_one(Registration, one.id).elsewhere_at = world.clock.now()
    told = ["clone" if alert == "claim" else alert] * 2
    assert alerts(world) == told
    desk = Desk(world)
    seats = [world.sitters[name].registration_ref for name in names]
    answer = desk.client.post(
        f"{desk.url}/acts/seen",
        data={"seat": seats, "alert": alert},
        headers={"Accept": "application/json"},
    )
    done(answer)
    assert alerts(world) == []
    (line,) = [line for line in board_of(world).log if line.kind == f"seen_{alert}"]
    assert len(line.people) == 2
    assert refused(desk.act("seen", *names, alert=alert)) == "proctoring.none_apply"
    (undo,) = board_of(world).undo
    done(desk.act("undo", undo=undo[0]))
    assert alerts(world) == told
