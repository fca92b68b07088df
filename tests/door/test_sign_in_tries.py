"""Wrong tries are counted per ticket and per seat, never per address."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from cbt.http.auth.rate_limit import MAX_FAILURES, SLOWER, WINDOW
from cbt.http.models import Throttle
from tests.door.door import (
    SIGN_IN_OPEN,
    bind,
    let_unbound_in,
    machine,
    machine_at,
    pass_the_door,
    sign_in,
    work,
)
from tests.world import World

SECOND = timedelta(seconds=1)


def test_guessing_is_stopped_more_slowly_for_a_ticket_on_whatever_machine(world: World) -> None:
    let_unbound_in(world)
    pass_the_door(world, "theory")
    for number in range(SLOWER.tries):
        wrong = sign_in(world, machine(world, address=f"10.1.0.{number}"), "theory", document="000000")
        assert wrong.status_code == 422
    assert sign_in(world, machine(world, address="10.1.1.1"), "theory").status_code == 429
    world.clock.advance(SLOWER.window - SECOND)
    assert sign_in(world, machine(world, address="10.1.1.1"), "theory").status_code == 429
    world.clock.advance(SECOND)
    assert sign_in(world, machine(world, address="10.1.1.1"), "theory").status_code == 303


def test_guessing_is_stopped_per_ticket_and_machine(world: World) -> None:
    let_unbound_in(world)
    pass_the_door(world, "theory")
    there, here = machine(world, address="10.1.0.1"), machine(world, address="10.1.0.2")
    for client in (there, here):
        client.get("/")
    for _ in range(MAX_FAILURES):
        assert sign_in(world, there, "theory", document="000000").status_code == 422
    assert sign_in(world, there, "theory").status_code == 429
    assert sign_in(world, here, "theory").status_code == 303
    world.clock.advance(WINDOW)
    assert sign_in(world, there, "theory").status_code == 303


def test_guessing_is_stopped_per_seat_over_many_tickets(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory", "skills")
    for number in range(MAX_FAILURES):
        sign_in(world, client, "theory", ticket=f"99{number:04d}", document="000000")
    assert sign_in(world, client, "theory").status_code == 429


def test_the_other_seats_of_an_address_go_on(world: World) -> None:
    """A whole room stands behind one address: nothing is counted against it."""
    shared = [machine(world, address="10.9.9.9") for _ in range(2)]
    for client, number in zip(shared, (1, 2), strict=True):
        bind(world, client, number, replace="1")
    pass_the_door(world, "theory", "skills")
    for _ in range(MAX_FAILURES):
        sign_in(world, shared[0], "theory", document="000000")
    assert sign_in(world, shared[1], "skills").status_code == 303


def test_success_gives_the_ticket_its_tries_back_and_not_the_seat(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    sign_in(world, client, "theory", document="000000")
    sign_in(world, client, "theory")
    with work(world) as session:
        left = {(row.scope, row.machine != ""): row.tries for row in session.scalars(select(Throttle))}
    assert left == {("seat", True): 1, ("seat", False): 1, ("ticket", False): 1}


def test_a_refusal_at_the_door_is_no_wrong_try(world: World) -> None:
    client = machine_at(world, 1)
    world.clock.set(SIGN_IN_OPEN)
    reply = sign_in(world, client, "theory")
    assert reply.status_code == 403
    assert "还没有完成入场核验" in reply.text
    with work(world) as session:
        assert session.scalars(select(Throttle)).all() == []
