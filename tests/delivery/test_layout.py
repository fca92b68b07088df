"""What is kept of a form beside its attempt says the same as the form."""

from __future__ import annotations

import json
from typing import Any

from alembic import command
from sqlalchemy import select, text

from cbt.assembly.models import Form
from cbt.runner.models import Attempt
from cbt.runner.paper.layout import layout_of, read_layout
from cbt.storage.engine import WRITE
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from tests.world import World


def layouts(world: World) -> dict[int, tuple[str, str]]:
    """Return by attempt its layout and its form."""
    with world.app.app_context(), reading() as session:
        query = select(Attempt.id, Attempt.layout, Form.content).join(Form, Form.id == Attempt.form_id)
        return {row.id: (row.layout, row.content) for row in session.execute(query)}


def test_each_place_takes_what_the_form_says(world: World) -> None:
    kinds = set()
    for layout, content in layouts(world).values():
        places, positions = read_layout(layout), json.loads(content)["positions"]
        assert len(places) == len(positions)
        for place, position in zip(places, positions, strict=True):
            kinds.add(position["type"])
            assert place.shape["type"] == position["type"]
            assert list(place.shape["order"]) == sorted(position["order"])
            assert list(place.shape["lefts"]) == sorted(position.get("lefts") or [])
            assert place.shape["blanks"] == (position.get("blanks") or 0)
            assert (place.unit, place.section) == (position["unit"], position["section"])
    assert {"true_false", "single_choice"} <= kinds


def test_a_layout_is_short_and_holds_no_item(world: World) -> None:
    for layout, content in layouts(world).values():
        assert len(layout) < len(content) / 4
        assert not any(position["item"] in layout for position in json.loads(content)["positions"])


PLACE = {"position": 1, "type": "numeric", "item": "A", "version": 1, "points": "1", "order": [], "unit": 0}


def test_a_form_without_limits_has_the_layout_it_always_had() -> None:
    form = json.dumps({"positions": [PLACE | {"section": 0}, PLACE | {"section": 0, "blanks": 2}]})
    assert layout_of(form) == '[[1,"numeric",0,0,0,0,0],[1,"numeric",0,0,2,0,0]]'
    assert "limits" not in read_layout(layout_of(form))[0].shape


def test_the_limits_a_type_sets_stand_with_the_attempt_as_they_are() -> None:
    limits: list[dict[str, Any]] = [{"characters": 300}, {"characters": 300}, {"marks": 2, "size": [80, 60]}]
    layout = layout_of(json.dumps({"positions": [PLACE | {"limits": one} for one in limits]}))
    assert layout.startswith("[[2,"), "equal places are one run"
    assert [place.shape["limits"] for place in read_layout(layout)] == limits


def test_attempts_of_an_older_database_get_theirs_from_their_forms(world: World) -> None:
    before = layouts(world)
    assert before
    with world.app.app_context():
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            command.downgrade(_config(connection), "0009")
        migrate()
        with reading() as session:
            assert session.execute(text("SELECT count(*) FROM attempt WHERE layout = ''")).scalar_one() == 0
    assert layouts(world) == before
    assert all(layout == layout_of(content) for layout, content in before.values())
