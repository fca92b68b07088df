"""What is prepared of a form for scoring says what the form says, and nothing that lies is believed."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import select, text

from cbt.assembly.draw import arrange, arrangements, checked
from cbt.assembly.models import Arrangement, Form
from cbt.rules.canonical import digest
from cbt.rules.form_score import arranged
from cbt.runner.close.closure import expire_overdue
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed, verify_sitting
from cbt.storage.engine import WRITE
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.world import PLANNED, World

NAMES = ("theory", "second", "skills")


@pytest.fixture
def closed(world: World) -> World:
    """Three papers with an answer each, their time up and closed; nothing is scored yet."""
    world.admit_all()
    world.start()
    for name in NAMES:
        page = Page(world, name)
        assert page.start().status_code == 200
        page.answer(1, "A")
    world.clock.set(PLANNED + timedelta(hours=3))
    with world.app.app_context():
        assert expire_overdue(now=world.clock.now()) == len(NAMES)
    return world


def kept() -> dict[int, str]:
    """Return the arrangements as they lie there, by form."""
    with reading() as session:
        return {row.form_id: row.text.partition("\n")[2] for row in session.scalars(select(Arrangement))}


def sheets_of(world: World) -> list[str]:
    """Score everything and return the sheets; each fits its form and journal."""
    assert score_closed(now=world.clock.now()) == len(NAMES)
    assert [one.ok for one in verify_sitting(world.sitting_ref)] == [True] * len(NAMES)
    with reading() as session:
        return list(session.scalars(select(Score.sheet).order_by(Score.attempt_id)))


def test_it_is_kept_when_a_form_is_drawn_and_names_no_key(world: World) -> None:
    with world.app.app_context():
        found = kept()
        with reading() as session:
            forms = dict(session.execute(select(Form.id, Form.content)).all())
            assert checked(session, forms).keys() == forms.keys()
            by_form = {number: (one.bank_id, one.text) for number, one in arrange(session, forms).items()}
            for found_by in (arrangements, checked):
                assert {n: (one.bank_id, one.text) for n, one in found_by(session, forms).items()} == by_form
    assert found == {form_id: arranged(json.loads(content)) for form_id, content in forms.items()}
    assert all(len(one) < len(forms[form_id]) / 3 for form_id, one in found.items())
    assert not any("answer" in one for one in found.values())


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param("DELETE FROM arrangement", id="a form of before has none"),
        pytest.param("UPDATE arrangement SET text = replace(text, '[0,1]', '[1,0]')", id="another order"),
        pytest.param(
            "UPDATE arrangement SET text = (SELECT max(text) FROM arrangement)", id="another form's"
        ),
        pytest.param("UPDATE arrangement SET text = ''", id="nothing"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_made_of_the_form_again(
    closed: World, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closed.app.app_context():
        before = kept()
        with unit_of_work() as session:
            session.execute(text(harm))
        with caplog.at_level(logging.ERROR):
            harmed = sheets_of(closed)
        assert ("not what was kept" in caplog.text) is not harm.startswith("DELETE")
        scored = {form_id: one for form_id, one in kept().items() if before[form_id] == one}
        assert len(scored) >= len(NAMES), "those that were scored are as they were"
        with unit_of_work() as session:
            session.execute(text("UPDATE attempt SET state = 'closed' WHERE state = 'scored'"))
        assert sheets_of(closed)[-1] in harmed, "the same bytes as by what is kept"


def test_a_text_of_another_form_is_noticed_even_with_its_own_seal(closed: World) -> None:
    with closed.app.app_context():
        with unit_of_work() as session:
            row, other = session.scalars(select(Arrangement).order_by(Arrangement.form_id).limit(2)).all()
            row.text, row.seal = other.text, other.seal
            assert row.seal != digest(row.text), "the seal is of the form's number, too"
            number = row.form_id
        with reading() as session:
            assert arrangements(session, [number]) == {}


def test_a_database_of_before_is_carried_along(closed: World) -> None:
    with closed.app.app_context():
        before = kept()
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            command.downgrade(_config(connection), "0046")
        migrate()
        assert kept() == {}
        assert len(sheets_of(closed)) == len(NAMES)
        filled = kept()
    assert filled == {form_id: before[form_id] for form_id in filled}
    assert len(filled) == len(NAMES)
