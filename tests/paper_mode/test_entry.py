"""Answers from paper enter the journal, and what comes of them is what a browser would have left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cbt.demo.build import places_in
from cbt.errors import Conflict, InvalidInput
from cbt.rules.states import ClosedBy
from cbt.runner.models import Attempt, AttemptLive, HandwrittenAnswer, JournalEntry
from cbt.runner.paper_answers import Handwriting, JournalAnswers, enter_answers
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.world import PLANNED, World

COLLECTED = PLANNED + timedelta(minutes=40)
LATER = PLANNED + timedelta(hours=3)


def same_form(world: World, one: str, other: str) -> dict[int, Any]:
    """Give two sitters one form; return a right answer of each position but every fifth, one of them wrong."""
    with world.app.app_context(), unit_of_work() as session:
        first, second = (session.get_one(Attempt, world.sitters[name].attempt_id) for name in (one, other))
        second.form_id, second.layout = first.form_id, first.layout
        places = places_in(session, first.id)
        values = {place.position: place.right() for place in places if place.position % 5}
        values[1] = "B" if values[1] == "A" else "A"
    return values


def enter(
    world: World,
    name: str,
    values: dict[int, Any],
    *,
    closed_by: ClosedBy | None = ClosedBy.CANDIDATE,
    handwriting: tuple[Handwriting, ...] = (),
) -> None:
    attempt_id = world.sitters[name].attempt_id
    with world.app.app_context(), unit_of_work() as session:
        answers = JournalAnswers.of(session.get_one(Attempt, attempt_id).layout, values)
        enter_answers(
            session,
            attempt_id,
            answers,
            started_at=PLANNED,
            collected_at=COLLECTED,
            closed_by=closed_by,
            handwriting=handwriting,
            now=LATER,
            actor="staff:test",
        )


@pytest.mark.parametrize(("machine", "paper"), [("theory", "extra"), ("skills", "late")])
def test_the_same_answers_score_alike_from_a_machine_and_from_paper(
    world: World, machine: str, paper: str
) -> None:
    world.admit_all()
    world.start()
    values = same_form(world, machine, paper)
    page = Page(world, machine)
    page.start()
    with world.app.app_context(), reading() as session:
        units = [place.unit for place in places_in(session, world.sitters[machine].attempt_id)]
    for unit in sorted(set(units)):
        page.send(
            *(page.entry(number, value) for number, value in values.items() if units[number - 1] == unit)
        )
        if unit < max(units):
            page.advance(unit, completed=True)
    world.clock.set(COLLECTED)
    assert page.submit().status_code == 200
    world.clock.set(LATER)
    enter(world, paper, values)
    with world.app.app_context():
        score_closed(now=LATER)
        with reading() as session:
            scores = [
                session.scalars(select(Score).where(Score.attempt_id == world.sitters[name].attempt_id)).one()
                for name in (machine, paper)
            ]
            assert scores[0].sheet == scores[1].sheet
            assert scores[0].sha256 == scores[1].sha256
            assert scores[0].score == scores[1].score
            live = [session.get_one(AttemptLive, world.sitters[name].attempt_id) for name in (machine, paper)]
            assert live[0].answered_map == live[1].answered_map
            assert live[0].answered == live[1].answered == len(values)
            attempt = session.get_one(Attempt, world.sitters[paper].attempt_id)
            assert (attempt.state, attempt.closed_by, attempt.closed_at) == ("scored", "candidate", COLLECTED)
            assert (attempt.started_at, attempt.submitted_at) == (PLANNED, COLLECTED)
            assert attempt.receipt
            assert attempt.journal_digest


def test_a_blank_sheet_is_there_and_wrote_nothing(world: World) -> None:
    world.admit_all()
    world.start()
    enter(world, "theory", {}, closed_by=None)
    with world.app.app_context(), reading() as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        assert (attempt.state, attempt.started_at, attempt.closed_by) == ("closed", None, "deadline")
        assert session.scalars(select(JournalEntry).where(JournalEntry.attempt_id == attempt.id)).all() == []


def test_nothing_is_entered_twice_or_over_what_a_browser_opened(world: World) -> None:
    world.admit_all()
    world.start()
    enter(world, "theory", {1: "A"})
    Page(world, "extra").start()
    for name in ("theory", "extra"):
        with pytest.raises(Conflict, match=r"paper_mode\.entered"):
            enter(world, name, {1: "B"})
    with world.app.app_context(), reading() as session:
        rows = session.execute(select(JournalEntry.attempt_id, JournalEntry.value)).all()
    assert [tuple(row) for row in rows] == [(world.sitters["theory"].attempt_id, '"A"')]


def test_who_wrote_nothing_has_no_answers(world: World) -> None:
    world.admit_all()
    world.start()
    with pytest.raises(Conflict, match=r"paper_mode\.unanswered"):
        enter(world, "theory", {1: "A"}, closed_by=None)


def test_what_is_no_answer_is_named_and_leaves_nothing(world: World) -> None:
    world.admit_all()
    world.start()
    with pytest.raises(InvalidInput) as refusal:
        enter(world, "theory", {1: "A", 2: "AB"})
    assert (refusal.value.code, refusal.value.params["position"]) == ("paper_mode.answer", 2)
    with world.app.app_context(), reading() as session:
        assert session.get_one(Attempt, world.sitters["theory"].attempt_id).state == "ready"


def test_handwriting_is_kept_by_its_position(world: World) -> None:
    world.admit_all()
    world.start()
    enter(world, "theory", {1: "A"}, handwriting=(Handwriting(3, b"picture", "sp-1"),))
    with world.app.app_context(), reading() as session:
        kept = session.scalars(select(HandwrittenAnswer)).one()
        assert (kept.position, kept.image, kept.page_ref) == (3, b"picture", "sp-1")
