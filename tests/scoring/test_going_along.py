"""Scores go along with what others save; what is not as it was read gets a transaction of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from cbt.audit.models import AuditEntry
from cbt.audit.verification import verify
from cbt.errors import Unavailable
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Attempt
from cbt.scoring import service
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed, verify_sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page, opened_page
from tests.world import PLANNED, World

NAMES = ("theory", "second")


@pytest.fixture
def closed(world: World) -> World:
    """Two papers are closed, and nobody has scored them."""
    page = opened_page(world)
    page.answer(1, "A")
    assert Page(world, "second").start().status_code == 200
    world.clock.set(PLANNED + timedelta(minutes=90))
    with world.app.app_context():
        assert expire_overdue(now=world.clock.now()) == len(NAMES)
    return world


def scores(world: World) -> list[tuple[str, int]]:
    """Return state and number of each score there is, by attempt; and see that the log goes with them."""
    with world.app.app_context(), reading() as session:
        rows = session.execute(
            select(Attempt.state, Score.number)
            .join(Score, Score.attempt_id == Attempt.id)
            .order_by(Attempt.id, Score.number)
        )
        found = [(state, number) for state, number in rows]
        told = session.scalars(select(AuditEntry.subject).where(AuditEntry.act == "attempt.score")).all()
        assert len(told) == len(found)
        assert verify(session).broken_at is None
    return found


def test_a_first_score_needs_no_transaction_of_its_own(
    closed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as alone, closed.app.app_context():
        alone.setattr(service, "unit_of_work", lambda: pytest.fail("it goes along with the saves"))
        assert score_closed(now=closed.clock.now()) == len(NAMES)
        assert [one.ok for one in verify_sitting(closed.sitting_ref)] == [True, True]
    assert scores(closed) == [("scored", 1)] * 2


def test_a_journal_that_was_sealed_anew_meanwhile_is_scored_as_it_is_now(
    closed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_down = service.put_down

    def late(*rows: Any, **more: Any) -> bool:
        with unit_of_work() as session:
            changed = {"id": closed.sitters["theory"].attempt_id}
            session.execute(text("UPDATE attempt SET journal_digest = 'other' WHERE id = :id"), changed)
        return put_down(*rows, **more)

    monkeypatch.setattr(service, "put_down", late)
    with closed.app.app_context():
        assert score_closed(now=closed.clock.now()) == len(NAMES)
        with reading() as session:
            sealed = session.scalars(select(Score.journal_digest).order_by(Score.attempt_id)).all()
    assert "other" in sealed
    assert scores(closed) == [("scored", 1)] * 2


def test_what_has_a_score_gets_another_one_and_the_piece_is_written_whole(
    closed: World, caplog: pytest.LogCaptureFixture
) -> None:
    with closed.app.app_context():
        assert score_closed(now=closed.clock.now()) == len(NAMES)
        with unit_of_work() as session:
            session.execute(text("UPDATE attempt SET state = 'closed' WHERE state = 'scored'"))
            spared = {"id": closed.sitters["second"].attempt_id}
            session.execute(text("DELETE FROM score WHERE attempt_id = :id"), spared)
        assert score_closed(now=closed.clock.now()) == len(NAMES)
        with reading() as session:
            rows = session.execute(
                select(Attempt.id, Score.number).join(Score, Score.attempt_id == Attempt.id)
            )
            numbers = sorted((attempt_id, number) for attempt_id, number in rows)
    first, second = (closed.sitters[name].attempt_id for name in NAMES)
    assert numbers == sorted([(first, 1), (first, 2), (second, 1)])
    assert not caplog.records, "nothing failed, nobody else's batch was undone"


def test_nobody_is_scored_twice_where_nobody_knows_what_became_of_it(
    closed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_down = service.put_down

    def unknown(*rows: Any, **more: Any) -> bool:
        assert put_down(*rows, **more)
        raise Unavailable("db.write")

    monkeypatch.setattr(service, "put_down", unknown)
    with closed.app.app_context():
        assert score_closed(now=closed.clock.now()) == 0, "they are scored already"
    assert scores(closed) == [("scored", 1)] * 2


def test_where_nothing_was_written_each_is_scored_alone(
    closed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_rows: Any, **_more: Any) -> bool:
        raise Unavailable("db.write")

    monkeypatch.setattr(service, "put_down", fail)
    with closed.app.app_context():
        with unit_of_work() as session:
            session.execute(text("DELETE FROM arrangement"))
        assert score_closed(now=closed.clock.now()) == len(NAMES)
        with reading() as session:
            kept = session.scalar(text("SELECT count(*) FROM arrangement"))
    assert kept == len(NAMES), "what their forms lacked is kept with their scores"
    assert scores(closed) == [("scored", 1)] * 2
