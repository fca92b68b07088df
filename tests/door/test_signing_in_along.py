"""A sign-in at one's own seat goes along with what others write; whatever changed meanwhile is looked at again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cbt.audit.verification import verify
from cbt.door import sign_in as steps
from cbt.http.auth import throttle
from cbt.http.auth.rate_limit import MAX_FAILURES, WINDOW
from cbt.http.models import LoginSession, Throttle
from cbt.rules.states import SittingState
from cbt.sittings.models import SittingRoom
from cbt.storage.unit_of_work import reading
from tests.door.door import (
    CHECK_IN_OPENS,
    MINUTE,
    acts,
    bind,
    machine,
    machine_at,
    pass_the_door,
    registration,
    seat,
    sign_in,
    work,
)
from tests.world import World

Meanwhile = Callable[[World], None]


@pytest.fixture
def own_seat(world: World) -> FlaskClient:
    """The machine of somebody whom the proctor has let in; their room admits."""
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    return client


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gets a transaction of their own."""
    for module in (steps, throttle):
        monkeypatch.setattr(
            module, "unit_of_work", lambda: pytest.fail("it goes along with what others write")
        )


@pytest.mark.once(on="sqlite")
@pytest.mark.usefixtures("alone")
def test_it_needs_no_transaction_of_its_own(world: World, own_seat: FlaskClient) -> None:
    assert sign_in(world, own_seat, "theory", document="000000").status_code == 422
    assert sign_in(world, own_seat, "theory").status_code == 303
    first = world.clock.now()
    world.clock.advance(timedelta(seconds=5))
    assert sign_in(world, own_seat, "theory").status_code == 303
    with world.app.app_context(), reading() as session:
        assert registration(session, world, "theory").signed_in_at == first
        ended = session.scalars(select(LoginSession.revoked_at).order_by(LoginSession.id)).all()
        assert ended == [world.clock.now(), None]  # the login that this browser had
        assert acts(session)[-2:] == ["door.sign_in", "door.sign_in"]
        assert verify(session).broken_at is None
        counters = session.scalars(select(Throttle.tries).where(Throttle.scope.in_(["seat", "ticket"])))
        # The wrong one stays counted at the seat; the ticket has its budget back, but for that one of all machines.
        assert sorted(counters) == [1, 1, 1]


@pytest.mark.once(on="sqlite")
def test_a_budget_that_is_used_up_has_room_again_when_its_window_is_over(
    world: World, own_seat: FlaskClient, request: pytest.FixtureRequest
) -> None:
    for _ in range(MAX_FAILURES):
        sign_in(world, own_seat, "theory", document="000000")
    assert sign_in(world, own_seat, "theory").status_code == 429
    world.clock.advance(WINDOW)
    request.getfixturevalue("alone")
    assert sign_in(world, own_seat, "theory").status_code == 303


@pytest.mark.once(on="sqlite")
@pytest.mark.usefixtures("alone")
def test_whoever_may_not_enter_is_told_without_one(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "skills")
    assert sign_in(world, client, "theory").status_code == 403  # not checked in
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(LoginSession)).all() == []
        assert registration(session, world, "theory").signed_in_at is None
        counted = select(Throttle.tries).where(Throttle.scope.in_(["seat", "ticket"]))
        assert session.scalars(counted).all() == []  # it was right, so nothing was guessed


def nothing(world: World) -> None:
    """All is as it was."""


def with_registration(**values: Any) -> Meanwhile:
    def change(world: World) -> None:
        with work(world) as session:
            found = registration(session, world, "theory")
            for name, value in values.items():
                setattr(found, name, value(world) if callable(value) else value)

    return change


def end_the_room(world: World) -> None:
    with work(world) as session:
        session.get_one(SittingRoom, world.sitting_room_id).state = SittingState.ENDED


def begin_early(world: World) -> None:
    with work(world) as session:
        session.get_one(SittingRoom, world.sitting_room_id).started_at = world.clock.now()


def another_machine_takes_the_seat(world: World) -> None:
    with work(world) as session:
        seat(session, world, 1).machine_hash = "f" * 64
        seat(session, world, 1).machine_address = "10.9.9.9"


def at_the_moment(world: World) -> Any:
    return world.clock.now()


@pytest.mark.once(on="sqlite")
@pytest.mark.parametrize(
    ("meanwhile", "status"),
    [
        pytest.param(nothing, 303, id="nothing"),
        pytest.param(with_registration(absent_at=at_the_moment), 403, id="marked absent"),
        pytest.param(with_registration(left_at=at_the_moment), 423, id="sent out"),
        pytest.param(with_registration(checked_in_at=None), 403, id="the check was taken back"),
        pytest.param(with_registration(arrived_at=None), 303, id="the arrival was taken back"),
        pytest.param(with_registration(sign_in_allowed_at=at_the_moment), 303, id="let in"),
        pytest.param(with_registration(login_code_hash="0" * 64), 303, id="a code was printed"),
        pytest.param(with_registration(login_code_until=at_the_moment), 303, id="a code ran out"),
        pytest.param(end_the_room, 410, id="the room is over"),
        pytest.param(begin_early, 303, id="the room began"),
        pytest.param(another_machine_takes_the_seat, 403, id="another machine took the seat"),
    ],
)
def test_what_changed_meanwhile_is_looked_at_again(
    world: World, own_seat: FlaskClient, monkeypatch: pytest.MonkeyPatch, meanwhile: Meanwhile, status: int
) -> None:
    alone, put_down = [], steps.put_down

    def late(*rows: Any, **how: Any) -> bool:
        meanwhile(world)
        alone.append(put_down(*rows, **how))
        return alone[-1]

    monkeypatch.setattr(steps, "put_down", late)
    assert sign_in(world, own_seat, "theory").status_code == status
    assert alone == [meanwhile is nothing]
    with world.app.app_context(), reading() as session:
        logins = session.scalars(select(LoginSession)).all()
        assert len(logins) == (status == 303)
        assert acts(session).count("door.sign_in") == (status == 303)
        assert verify(session).broken_at is None


@pytest.mark.once(on="sqlite")
def test_whoever_comes_first_opens_the_doors_in_a_transaction(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    with work(world) as session:
        session.get_one(SittingRoom, world.sitting_room_id).state = SittingState.PUBLISHED
    world.clock.set(CHECK_IN_OPENS + 25 * MINUTE)
    assert sign_in(world, client, "theory").status_code == 303
    with world.app.app_context(), reading() as session:
        assert session.get_one(SittingRoom, world.sitting_room_id).state == SittingState.ADMITTING


@pytest.mark.parametrize("way", ["along", "alone"])
def test_a_machine_is_followed_to_its_new_address(
    world: World, own_seat: FlaskClient, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "alone":
        monkeypatch.setattr(steps, "one_writes", lambda: False)
    own_seat.environ_base["REMOTE_ADDR"] = "10.0.7.7"
    assert sign_in(world, own_seat, "theory").status_code == 303
    with world.app.app_context(), reading() as session:
        assert seat(session, world, 1).machine_address == "10.0.7.7"
        assert seat(session, world, 1).claim_alert_at is None
    bind(world, own_seat, 1)
    machine_at(world, 2)
    own_seat.environ_base["REMOTE_ADDR"] = "10.0.0.2"  # another seat's: a cloned disk
    assert sign_in(world, own_seat, "theory").status_code == 303
    with world.app.app_context(), reading() as session:
        found = seat(session, world, 1)
        assert (found.claim_alert_at, found.claim_address) == (world.clock.now(), "10.0.0.2")
        assert found.machine_address == "10.0.7.7"


@pytest.mark.parametrize("way", ["along", "alone"])
def test_a_seat_goes_on_with_the_machine_whose_token_was_wiped(
    world: World, own_seat: FlaskClient, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "alone":
        monkeypatch.setattr(steps, "one_writes", lambda: False)
    with work(world) as session:
        former = seat(session, world, 1).machine_hash
    wiped = machine(world, address="10.0.0.1")
    assert sign_in(world, wiped, "theory").status_code == 303
    with world.app.app_context(), reading() as session:
        assert acts(session)[-2:] == ["seat.restored", "door.sign_in"]
        login = session.scalars(select(LoginSession)).one()
        assert login.former_machine == former
        assert login.machine == seat(session, world, 1).machine_hash != former


@pytest.mark.once(on="sqlite")
def test_an_address_that_another_seat_took_meanwhile_is_a_claim(
    world: World, own_seat: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_seat.environ_base["REMOTE_ADDR"] = "10.0.7.7"
    put_down = steps.put_down

    def late(*rows: Any, **how: Any) -> bool:
        with work(world) as session:
            seat(session, world, 2).machine_address = "10.0.7.7"
        return put_down(*rows, **how)

    monkeypatch.setattr(steps, "put_down", late)
    assert sign_in(world, own_seat, "theory").status_code == 303
    with world.app.app_context(), reading() as session:
        assert seat(session, world, 1).claim_address == "10.0.7.7"
        assert seat(session, world, 1).machine_address == "10.0.0.1"
