"""Confirming and pledging go along with what others write; whatever changed meanwhile is looked at again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.audit.verification import verify
from cbt.candidates.models import Registration
from cbt.door import service
from cbt.errors import CbtError, Conflict, Gone
from cbt.rules.states import SittingState
from cbt.sittings.models import SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.world import World

Step = Callable[[World], None]


def confirm(world: World) -> None:
    service.confirm(world.sitters["theory"].registration_id, now=world.clock.now())


def pledge(world: World) -> None:
    service.pledge(world.sitters["theory"].registration_id, agreed=True, now=world.clock.now())


def fresh(world: World, **moments: Any) -> None:
    """Nothing of theirs is recorded but these moments."""
    blank = {"confirmed_at": None, "pledged_at": None, "query_at": None}
    with world.app.app_context(), unit_of_work() as session:
        found = session.get_one(Registration, world.sitters["theory"].registration_id)
        for name, value in {**blank, **moments}.items():
            setattr(found, name, value)


def recorded(world: World) -> tuple[bool, bool, list[str]]:
    """Whether each moment is recorded, and what the log says of them, which is whole."""
    with world.app.app_context(), reading() as session:
        found = session.get_one(Registration, world.sitters["theory"].registration_id)
        told = session.scalars(
            select(AuditEntry.act)
            .where(AuditEntry.act.in_(["door.confirm", "door.pledge"]))
            .where(AuditEntry.subject == f"registration:{found.ref}", AuditEntry.actor.like("candidate:%"))
            .order_by(AuditEntry.id)
        ).all()
        assert verify(session).broken_at is None
        return found.confirmed_at is not None, found.pledged_at is not None, list(told)


@pytest.mark.once
def test_a_moment_needs_no_transaction_of_its_own_and_is_recorded_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh(world)
    monkeypatch.setattr(service, "one_writes", lambda: True)
    monkeypatch.setattr(service, "unit_of_work", lambda: pytest.fail("it goes along with what others write"))
    with world.app.app_context():
        for step in (confirm, confirm, pledge, pledge):
            step(world)
    assert recorded(world) == (True, True, ["door.confirm", "door.pledge"])


def test_without_somebody_to_go_along_with_it_is_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh(world)
    monkeypatch.setattr(service, "one_writes", lambda: False)
    with world.app.app_context():
        for step in (confirm, confirm, pledge, pledge):
            step(world)
    assert recorded(world) == (True, True, ["door.confirm", "door.pledge"])


def ask_for_a_proctor(world: World) -> None:
    fresh(world, query_at=world.clock.now())


def end_the_room(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(SittingRoom, world.sitting_room_id).state = SittingState.ENDED


def confirm_elsewhere(world: World) -> None:
    fresh(world, confirmed_at=world.clock.now())


@pytest.mark.once
@pytest.mark.parametrize(
    ("step", "meanwhile", "refused"),
    [
        pytest.param(confirm, ask_for_a_proctor, Conflict("door.query_open"), id="a query"),
        pytest.param(confirm, end_the_room, Gone("door.over"), id="the room is over"),
        pytest.param(confirm, confirm_elsewhere, None, id="a second tab"),
        pytest.param(pledge, fresh, Conflict("door.unconfirmed"), id="the confirmation was taken back"),
    ],
)
def test_what_changed_meanwhile_is_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch, step: Step, meanwhile: Step, refused: CbtError | None
) -> None:
    fresh(world, confirmed_at=None if step is confirm else world.clock.now())
    put_down = service.put_down

    def late(*rows: Any, **how: Any) -> bool:
        meanwhile(world)
        return put_down(*rows, **how)

    monkeypatch.setattr(service, "one_writes", lambda: True)
    monkeypatch.setattr(service, "put_down", late)
    with world.app.app_context():
        if refused is None:
            step(world)
        else:
            with pytest.raises(type(refused), match=refused.code):
                step(world)
    monkeypatch.undo()
    assert recorded(world) == (step is confirm and refused is None, False, [])
