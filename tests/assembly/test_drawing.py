"""Frozen forms: one seed one form, comparable within a sitting, neighbours with different cases."""

from __future__ import annotations

import json
import random
from collections import defaultdict

import pytest
from sqlalchemy import select

from cbt.assembly.models import Form
from cbt.assembly.steps import cases_of, draw_content
from cbt.bank.store import drawables
from cbt.candidates.models import Registration
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.models import Attempt
from cbt.delivery.paper.drawing import draw_for_sitting
from cbt.exams.store import current_version
from cbt.rules.assembly.form import comparable
from cbt.rules.canonical import canonical_json, digest
from cbt.sittings.models import Seat
from tests.world import START, World


@pytest.mark.parametrize("level", ["l3", "l2"])
@pytest.mark.parametrize("paper", ["theory", "skills"])
def test_the_same_seed_gives_the_same_form(world: World, level: str, paper: str) -> None:
    with world.app.app_context(), reading() as session:
        version = current_version(session, f"customer-service-{level}").id
        one, again, other = (draw_content(session, version, paper, seed=seed) for seed in (5, 5, 6))
    assert canonical_json(one) == canonical_json(again)
    assert canonical_json(one) != canonical_json(other)


def test_a_stored_form_is_what_its_seed_draws_and_its_hash_says(world: World) -> None:
    with world.app.app_context(), reading() as session:
        for form in session.scalars(select(Form)):
            again = draw_content(session, form.blueprint_version_id, form.paper, seed=form.seed)
            assert canonical_json(again) == form.content
            assert digest(form.content) == form.sha256


@pytest.mark.parametrize("level", ["l3", "l2"])
def test_thirty_theory_forms_are_comparable(world: World, level: str) -> None:
    rng = random.Random(3)
    with world.app.app_context(), reading() as session:
        version = current_version(session, f"customer-service-{level}")
        forms = [draw_content(session, version.id, "theory", seed=rng.getrandbits(40)) for _ in range(30)]
        bank_id = session.scalars(
            select(Form.bank_id).where(Form.blueprint_version_id == version.id).limit(1)
        ).one()
        items, _, _ = drawables(session, bank_id)
    assert comparable(forms, items) == []


def test_neighbours_get_different_cases_and_every_candidate_a_form_of_their_own(world: World) -> None:
    with world.app.app_context(), reading() as session:
        rows = session.execute(
            select(Registration.sitting_room_id, Seat.number, Form.id, Form.content)
            .join(Attempt, Attempt.registration_id == Registration.id)
            .join(Form, Form.id == Attempt.form_id)
            .join(Seat, Seat.id == Registration.seat_id)
        ).all()
    assert len({row.id for row in rows}) == len(rows)
    cases: dict[int, dict[int, dict[int, str]]] = defaultdict(dict)
    for room_id, number, _, content in rows:
        cases[room_id][number] = cases_of(json.loads(content))
    for room in cases.values():
        for number, own in room.items():
            neighbour = room.get(number + 1, {})
            assert not {unit for unit, case in own.items() if neighbour.get(unit) == case}


def test_drawing_again_draws_nothing(world: World) -> None:
    with world.app.app_context():
        assert draw_for_sitting(world.sitting_ref, now=START, actor="staff:test") == 0


def test_editing_the_bank_changes_no_frozen_form(world: World) -> None:
    from cbt.bank.models import Item, ItemVersion

    with world.app.app_context():
        with reading() as session:
            before = dict(session.execute(select(Form.id, Form.content)).all())  # type: ignore[arg-type]  # rows of two columns are pairs
        with unit_of_work() as session:
            item = session.scalars(select(Item).limit(1)).one()
            session.add(
                ItemVersion(
                    item_id=item.id, number=2, content="{}", sha256="0", actor="cli", created_at=START
                )
            )
            item.version = 2
        with reading() as session:
            assert dict(session.execute(select(Form.id, Form.content)).all()) == before  # type: ignore[arg-type]  # rows of two columns are pairs
