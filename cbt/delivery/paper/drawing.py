"""组卷 for a sitting: one frozen form and one attempt per registration, before anybody starts.

Source: R-8, R-43.
"""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.assembly.sources import DrawSources
from cbt.assembly.steps import cases_of, draw_and_freeze, items_of
from cbt.audit import chain
from cbt.bank.models import ItemBank
from cbt.candidates.models import Registration
from cbt.db.unit_of_work import unit_of_work
from cbt.delivery.models import Attempt
from cbt.delivery.paper.others import Others, has_cases
from cbt.delivery.steps import create_attempt
from cbt.errors import Conflict
from cbt.exams.store import blueprint_of, paper_of
from cbt.rules.planning.room_plan import RoomPlan, plan_of
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import sitting_by_ref

Cases = tuple[int, dict[int, str]]
"""The bank of a form (another's cases may have the same codes), and its case of each unit."""
_OVER = frozenset(
    {
        SittingState.ENDED,
        SittingState.SCORED,
        SittingState.RELEASED,
        SittingState.CANCELLED,
        SittingState.ABORTED,
    }
)


def draw_for_sitting(sitting_ref: str, *, now: datetime, actor: str, seed: int | None = None) -> int:
    """Draw a form for every registration of a sitting that has none; return how many were drawn.

    `seed` makes the run repeatable (rehearsals, tests); otherwise chance decides and each form keeps its
    own seed. Candidates at neighbouring seats (beside, before and behind, by the room's plan) do not get the
    same case in the same unit when the bank has another, and what is 互斥 does not meet in the papers of one
    candidate in a batch where the bank allows it: how many forms it did not allow stands in the log.

    Raise Conflict("draw.over") once the sitting is behind us or cancelled, ("draw.nobody") while nobody is
    registered, ("draw.no_bank") naming every bank that is not there, and as draw_and_freeze does.
    """
    with unit_of_work() as session:
        # Locked, so that nobody changes a paper while its form is drawn.
        sitting = sitting_by_ref(session, sitting_ref, lock=True)
        waiting = _without_form(session, sitting)
        met = draw_forms(session, sitting, waiting, now=now, rng=drawing_chance(seed))
        if waiting:
            chain.record(
                session,
                at=now,
                actor=actor,
                act="sitting.draw_forms",
                subject=f"sitting:{sitting.ref}",
                after={"forms": len(waiting), **({"enemies_met": met} if met else {})},
            )
        return len(waiting)


def drawing_chance(seed: int | None = None) -> random.Random:
    """Return the chance a draw goes by; with a `seed` it can be repeated."""
    return random.Random(secrets.randbits(64) if seed is None else seed)


def draw_forms(
    session: Session,
    sitting: Sitting,
    waiting: list[tuple[Registration, int]],
    *,
    now: datetime,
    rng: random.Random,
) -> int:
    """Draw a form and add the attempt for each of these registrations of a locked sitting, with their seat numbers.

    Return how many forms hold what is 互斥 with another paper of their candidate. Raise as `draw_for_sitting` does.
    """
    # Who has both papers here gets the cases first: of items there are many to go round, of cases a few.
    waiting.sort(key=lambda one: not has_cases(session, one[0]))
    _drawable(session, sitting, [registration for registration, _ in waiting])
    plans = _plans(session, waiting)
    near = _cases_by_seat(session, plans.keys())
    sources = DrawSources(session)
    others = Others(session, [registration for registration, _ in waiting], sources)
    met = 0
    for registration, seat_number in waiting:
        place = (registration.sitting_room_id, seat_number)
        foes = others.foes_of(registration, rng)
        beside = plans[place[0]].neighbours(seat_number)
        bank = sources.bank_of(registration.blueprint_version_id).id
        found = [near[place[0], number] for number in beside if (place[0], number) in near]
        neighbours = [cases for of_bank, cases in found if of_bank == bank]
        form = draw_and_freeze(
            session,
            sources,
            blueprint_version_id=registration.blueprint_version_id,
            paper_code=registration.paper,
            now=now,
            rng=rng,
            clashes=partial(clashes_of, neighbours),
            without=foes,
        )
        content = json.loads(form.content)
        near[place] = bank, cases_of(content)
        others.note(registration, items_of(content))
        met += not foes.isdisjoint(items_of(content))
        paper = paper_of(session, registration.blueprint_version_id, registration.paper)
        create_attempt(
            session,
            registration_id=registration.id,
            sitting_room_id=registration.sitting_room_id,
            form_id=form.id,
            grace=paper.clock.grace,
        )
    return met


def drawn_count_of(session: Session, sitting_ref: str) -> tuple[int, int]:
    """Return how many registrations of a sitting have a form, and how many there are."""
    sitting = sitting_by_ref(session, sitting_ref)
    needed = session.scalar(select(func.count()).where(Registration.sitting_id == sitting.id)) or 0
    drawn = session.scalar(
        select(func.count(Attempt.id))
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting.id)
    )
    return drawn or 0, needed


def _drawable(session: Session, sitting: Sitting, waiting: Sequence[Registration]) -> None:
    """Refuse a draw that cannot succeed, with what is to be done first."""
    if SittingState(sitting.state) in _OVER:
        raise Conflict("draw.over")
    registered = select(Registration.id).where(Registration.sitting_id == sitting.id).limit(1)
    if session.scalar(registered) is None:
        raise Conflict("draw.nobody")
    needed = {
        blueprint_of(session, version).bank for version in {one.blueprint_version_id for one in waiting}
    }
    there = set(session.scalars(select(ItemBank.ref).where(ItemBank.ref.in_(needed))))
    if needed - there:
        raise Conflict("draw.no_bank", banks=sorted(needed - there))


def _without_form(session: Session, sitting: Sitting) -> list[tuple[Registration, int]]:
    rows = session.execute(
        select(Registration, Seat.number)
        .join(Seat, Seat.id == Registration.seat_id)
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .where(Registration.sitting_id == sitting.id, Attempt.id.is_(None))
        .order_by(Registration.sitting_room_id, Seat.number)
    )
    return [(registration, number) for registration, number in rows]


def alike_beside(session: Session, registration: Registration, seat_number: int) -> list[int]:
    """Return the seats beside, before and behind this one whose forms have one of its cases in the same unit.

    Source: R-8.
    """
    place = registration.sitting_room_id
    plan = _plans(session, [(registration, seat_number)])[place]
    near = _cases_by_seat(session, [place])
    if (place, seat_number) not in near:
        return []
    bank, own = near[place, seat_number]
    beside = {
        number: near[place, number] for number in plan.neighbours(seat_number) if (place, number) in near
    }
    return sorted(number for number, (of, cases) in beside.items() if of == bank and clashes_of([cases], own))


def _cases_by_seat(session: Session, room_ids: Collection[int]) -> dict[tuple[int, int], Cases]:
    rows = session.execute(
        select(Registration.sitting_room_id, Seat.number, Form.bank_id, Form.content)
        .join(Attempt, Attempt.registration_id == Registration.id)
        .join(Form, Form.id == Attempt.form_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Registration.sitting_room_id.in_(room_ids))
    )
    return {
        (room_id, number): (bank, cases_of(json.loads(content))) for room_id, number, bank, content in rows
    }


def _plans(session: Session, waiting: Sequence[tuple[Registration, int]]) -> dict[int, RoomPlan]:
    """Return the plan of each sitting-room that somebody is drawn for."""
    rows = session.execute(
        select(SittingRoom.id, Room.plan, Room.door, Seat.number)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.room_id == Room.id)
        .where(SittingRoom.id.in_({registration.sitting_room_id for registration, _ in waiting}))
        .order_by(SittingRoom.id, Seat.number)
    )
    rooms: dict[tuple[int, str, str], list[int]] = {}
    for room_id, plan, door, number in rows:
        rooms.setdefault((room_id, plan, door), []).append(number)
    return {room_id: plan_of(plan, door, tuple(numbers)) for (room_id, plan, door), numbers in rooms.items()}


def clashes_of(neighbours: Sequence[Mapping[int, str]], own: Mapping[int, str]) -> int:
    """Return how many cases of one paper a neighbour has in the same unit. Source: R-8."""
    return sum(cases.get(unit) == case for cases in neighbours for unit, case in own.items())
