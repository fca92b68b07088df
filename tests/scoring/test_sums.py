"""From a journal to a verdict, for all four papers, by HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from cbt.assembly.models import Form
from cbt.items.models import Item, ItemVersion
from cbt.rules.items.registry import parse_content
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Attempt
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed, verify_sitting
from cbt.storage.unit_of_work import reading
from tests.delivery.driver import Page
from tests.world import PLANNED, World, form_of

MINUTE = timedelta(minutes=1)
LETTERS = "ABCDEFGH"
PAPERS = [
    pytest.param("theory", id="level 3 theory"),
    pytest.param("factor", id="level 3 skills"),
    pytest.param("second", id="level 2 theory"),
    pytest.param("skills", id="level 2 skills"),
]


def right_value(place: dict[str, Any], content: dict[str, Any]) -> Any:
    """Return the displayed answer that earns everything, worked out from the author's text alone."""
    raw = content if place["part"] is None else content["parts"][place["part"]]
    order = place["order"]
    match place["type"]:
        case "true_false":
            return "A" if raw["answer"] else "B"
        case "single_choice" | "multiple_choice":
            right = {LETTERS.index(letter) for letter in raw["answer"]}
            return "".join(LETTERS[shown] for shown, authored in enumerate(order) if authored in right)
        case "fill_blank":
            return [accepted[0] for accepted in raw["answer"]]
        case "numeric":
            return raw["answer"]
        case "matching":
            rights = [right for _, right in raw["pairs"]]
            options = [*dict.fromkeys(rights), *raw["extra_options"]]
            return [order.index(options.index(rights[left])) + 1 for left in place["lefts"]]
        case _:
            return [order.index(step) + 1 for step in range(len(order))]


def keys_of(world: World, name: str) -> tuple[dict[str, Any], dict[tuple[str, int], dict[str, Any]]]:
    """Return the frozen form of a candidate and the authors' contents of its bank."""
    with world.app.app_context(), reading() as session:
        attempt_id = world.sitters[name].attempt_id
        form = form_of(session, attempt_id)
        bank_id = session.scalars(
            select(Form.bank_id).join(Attempt, Attempt.form_id == Form.id).where(Attempt.id == attempt_id)
        ).one()
        rows = session.execute(
            select(Item.ref, ItemVersion.number, ItemVersion.content)
            .join(ItemVersion, ItemVersion.item_id == Item.id)
            .where(Item.bank_id == bank_id)
        ).all()
    return form, {(ref, number): json.loads(text) for ref, number, text in rows}


def sit(world: World, name: str, wanted: Any) -> Score:
    """Sit the whole paper, answering each position for which `wanted(index)` holds rightly."""
    world.admit_all()
    world.start()
    page = Page(world, name)
    assert page.start().status_code == 200
    form, contents = keys_of(world, name)
    level = world.sitters[name]
    units = sorted({place["unit"] for place in form["positions"]})
    index = 0
    for unit in units:
        for place in (one for one in form["positions"] if one["unit"] == unit):
            content = contents[place["item"], place["version"]]
            if wanted(index):
                reply = page.answer(place["position"], right_value(place, content))
                assert reply.status_code == 200, (level, place, reply.get_json())
            index += 1
        if unit and unit != units[-1]:
            assert page.advance(unit, completed=True).status_code == 200
    world.clock.set(PLANNED + 3 * timedelta(hours=1))
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
        score_closed(now=world.clock.now())
        with reading() as session:
            return session.scalars(select(Score).where(Score.attempt_id == level.attempt_id)).one()


@pytest.mark.parametrize("name", PAPERS)
def test_every_answer_right_is_100_and_passes(world: World, name: str) -> None:
    score = sit(world, name, lambda index: True)
    assert (score.score, score.passed) == (Decimal("100.0"), True)
    with world.app.app_context():
        assert all(one.ok for one in verify_sitting(world.sitting_ref))


@pytest.mark.parametrize("name", PAPERS)
def test_no_answer_is_0_and_fails(world: World, name: str) -> None:
    score = sit(world, name, lambda index: False)
    assert (score.score, score.passed) == (Decimal("0.0"), False)


@pytest.mark.parametrize(
    ("right", "shown", "passed"),
    [
        pytest.param(59, "59.0", False, id="59 right"),
        pytest.param(60, "60.0", True, id="60 right passes: 及以上"),
    ],
)
def test_the_pass_mark_of_theory(world: World, right: int, shown: str, passed: bool) -> None:
    score = sit(world, "theory", lambda index: index < right)
    assert (score.score, score.passed) == (Decimal(shown), passed)


def test_the_shipped_contents_are_readable_by_the_rules(world: World) -> None:
    _, contents = keys_of(world, "skills")
    assert all(parse_content(content).type for content in contents.values())
