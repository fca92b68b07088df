"""Signing in where one belongs: seats, swaps, moves, and two open papers."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from sqlalchemy import select, update

from cbt.candidates.models import Registration
from cbt.door.seats import move_to_seat
from cbt.door.sign_in import _nearest
from cbt.errors import Conflict
from cbt.runner.models import Attempt
from cbt.sittings.models import SittingRoom
from tests.door.door import (
    MINUTE,
    SIGN_IN_OPEN,
    let_unbound_in,
    machine,
    machine_at,
    pass_the_door,
    registration,
    seat,
    sign_in,
    work,
)
from tests.world import PLANNED, World

SECOND = timedelta(seconds=1)


def test_at_a_wrong_seat_the_page_names_the_right_one(world: World) -> None:
    client = machine_at(world, 2)
    pass_the_door(world, "theory")
    reply = sign_in(world, client, "theory")
    assert reply.status_code == 409
    assert "您的机位是" in reply.text
    assert '<b class="num">01</b>' in reply.text


def test_in_a_wrong_room_the_page_names_the_right_one(world: World) -> None:
    client = machine_at(world, 1)
    world.clock.set(PLANNED - 35 * MINUTE)
    pass_the_door(world, "elsewhere")
    reply = sign_in(world, client, "elsewhere")
    assert reply.status_code == 409
    assert "机房 B" in reply.text


def test_a_machine_without_a_seat_lets_people_in_and_tells_their_seat(world: World) -> None:
    let_unbound_in(world)
    client = machine(world)
    pass_the_door(world, "skills")
    assert sign_in(world, client, "skills").status_code == 303
    assert '<b class="door-chip num">02</b>' in client.get("/exam/confirm").text


def test_after_a_swap_people_sign_in_at_each_others_seats(world: World) -> None:
    first, second = machine_at(world, 1), machine_at(world, 2)
    pass_the_door(world, "theory", "skills")
    with work(world) as session:
        row = registration(session, world, "theory")
        other = move_to_seat(session, row, seat(session, world, 2), now=SIGN_IN_OPEN, actor="staff:test")
        assert other is not None
        assert other.ref == world.sitters["skills"].registration_ref
    assert sign_in(world, second, "theory").status_code == 303
    assert sign_in(world, first, "skills").status_code == 303


def test_with_a_move_allowed_a_spare_seat_takes_the_person_over(world: World) -> None:
    spare = machine_at(world, 7)
    pass_the_door(world, "theory")
    assert sign_in(world, spare, "theory").status_code == 409
    with work(world) as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        attempt.move_allowed_at = SIGN_IN_OPEN
    assert sign_in(world, spare, "theory").status_code == 303
    with work(world) as session:
        assert registration(session, world, "theory").seat_id == seat(session, world, 7).id


def second_paper(world: World) -> str:
    """Give the theory candidate the seat of another person's registration in the same room."""
    with work(world) as session:
        mine = registration(session, world, "theory")
        other = registration(session, world, "skills")
        session.execute(
            update(Registration)
            .where(Registration.id == other.id)
            .values(ticket_id=mine.ticket_id, candidate_id=mine.candidate_id)
        )
        return other.ref


def test_two_open_papers_are_asked_for(world: World) -> None:
    let_unbound_in(world)
    client = machine(world)
    pass_the_door(world, "theory", "skills")
    other = second_paper(world)
    reply = sign_in(world, client, "theory")
    assert reply.location == "/sign-in/paper"
    page = client.get("/sign-in/paper").text
    assert "理论知识" in page
    assert other in page
    assert client.get("/exam/confirm").status_code == 303
    assert client.post("/sign-in/paper", data={"paper": other}).location == "/exam/confirm"
    with work(world) as session:
        assert registration(session, world, "skills").signed_in_at == SIGN_IN_OPEN
        assert registration(session, world, "theory").signed_in_at is None


def test_only_a_proved_paper_can_be_picked(world: World) -> None:
    let_unbound_in(world)
    client = machine(world)
    pass_the_door(world, "theory", "skills", "extra")
    second_paper(world)
    stranger = world.sitters["extra"].registration_ref
    assert client.post("/sign-in/paper", data={"paper": stranger}).status_code == 410
    sign_in(world, client, "theory")
    assert client.post("/sign-in/paper", data={"paper": stranger}).status_code == 404
    world.clock.advance(timedelta(minutes=2))
    own = world.sitters["theory"].registration_ref
    assert client.post("/sign-in/paper", data={"paper": own}).status_code == 410


def test_at_a_seat_only_the_paper_of_that_seat_opens(world: World) -> None:
    client = machine_at(world, 2)
    pass_the_door(world, "theory", "skills")
    second_paper(world)
    assert sign_in(world, client, "theory").location == "/exam/confirm"


def test_of_several_papers_the_one_ahead_explains_the_refusal(world: World) -> None:
    let_unbound_in(world)
    client = machine(world)
    pass_the_door(world, "theory")
    other = second_paper(world)
    with work(world) as session:
        row = session.scalars(select(Registration).where(Registration.ref == other)).one()
        closed = session.get_one(SittingRoom, row.sitting_room_id)
        session.execute(
            update(Registration)
            .where(Registration.ref == world.sitters["theory"].registration_ref)
            .values(absent_at=SIGN_IN_OPEN, absent_cause="gave_up")
        )
        assert closed.state == "admitting"
    reply = sign_in(world, client, "theory")
    assert "登记为缺考" in reply.text


def test_who_has_several_papers_is_told_of_the_one_that_goes_on_or_comes() -> None:
    """Of those that are over the last, but only where no other is ahead."""
    over, ahead = (
        ("ended", "scored", "released", "aborted", "cancelled"),
        ("published", "admitting", "running", "held"),
    )

    def told(*states: str) -> str:
        doors = [SimpleNamespace(sitting_room=SimpleNamespace(state=state)) for state in states]
        return _nearest(doors, [Conflict(state) for state in states]).code  # type: ignore[arg-type]  # of rooms alone

    for state in ahead:
        for past in over:
            assert told(past, state) == told(state, past) == state
        assert told(state, "draft", "held") == state
    for past in over:
        assert told("draft", past) == past
    doors = [SimpleNamespace(sitting_room=SimpleNamespace(state="running"))] * 2
    assert _nearest(doors, [None, Conflict("x")]).code == "x"  # type: ignore[arg-type]
