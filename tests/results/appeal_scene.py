"""A sitting with real sheets of answers, a score that misses marks, and a third officer who had no part in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.accounts.staff import create_staff
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import Role
from cbt.runner.models import Attempt, JournalEntry
from cbt.runner.save.digest import journal_texts
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.results.scene import ENDED, USUAL, finish
from tests.world import PLANNED, Person, World

ANSWERED = range(1, 61)


def written(world: World, *names: str, positions: Iterable[int] = ANSWERED) -> World:
    """End the sitting with answers of these sitters, scored; return the world with a third officer."""
    finish(world, USUAL | dict.fromkeys(names, "unscored"))
    with world.app.app_context():
        with unit_of_work() as session:
            for name in names:
                _answer(session, world.sitters[name].attempt_id, positions)
        assert score_closed(now=ENDED) == len(names)
        third = third_officer()
    world.clock.set(ENDED + timedelta(hours=1))
    return replace(world, people=world.people | {"third": third})


def _answer(session: Session, attempt_id: int, positions: Iterable[int]) -> None:
    """Put answers into the journal of a closed attempt, and seal it."""
    session.add_all(
        JournalEntry(
            attempt_id=attempt_id,
            lease_epoch=1,
            seq=position,
            position=position,
            kind="answer",
            value='"A"',
            received_at=PLANNED + timedelta(seconds=20 * position),
            in_grace=False,
        )
        for position in positions
    )
    session.flush()
    attempt = session.get_one(Attempt, attempt_id)
    attempt.journal_digest = digest(journal_texts(session, [attempt_id])[attempt_id])
    attempt.receipt = f"R{attempt_id:06d}"


def third_officer() -> Person:
    create_staff(login="third", name="孙立", roles=[Role.OFFICER], now=ENDED, actor="cli")
    with unit_of_work() as session:
        usual = session.scalars(select(Staff.password_hash).where(Staff.login == "inspector")).one()
        staff = session.scalars(select(Staff).where(Staff.login == "third")).one()
        staff.password_hash, staff.must_change_password = usual, False
        return Person(staff.ref, staff.login, staff.id)


def score_of(world: World, name: str) -> Score:
    """Return the score that counts of a sitter."""
    with world.app.app_context(), reading() as session:
        own = select(Score).where(Score.attempt_id == world.sitters[name].attempt_id)
        return session.scalars(own.order_by(Score.number.desc()).limit(1)).one()


def miss_marks(world: World, name: str, lost: int) -> Decimal:
    """Take points from the score on record of a sitter; return what it should be. Below 0 gives them."""
    with world.app.app_context(), unit_of_work() as session:
        score = session.get_one(Score, score_of(world, name).id)
        sheet, right = json.loads(score.sheet), Decimal(str(score.score))
        for place in [one for one in sheet["positions"] if one["earned"] == "1"][: max(lost, 0)]:
            place["earned"] = "0"
        group = sheet["groups"][0]
        group["earned"] = str(Decimal(group["earned"]) - lost)
        score.raw = score.score = right - lost
        score.sheet = canonical_json(sheet | {"raw": str(score.raw), "score": str(score.score)})
        score.sha256 = digest(score.sheet)
    return right


def mark_by_people(world: World, name: str, total: str) -> None:
    """Complete a score that waits, as people would who mark its answers."""
    with world.app.app_context(), unit_of_work() as session:
        score = session.get_one(Score, score_of(world, name).id)
        sheet = json.loads(score.sheet)
        for one in (*sheet["positions"], *sheet["groups"]):
            one["earned"] = one["points"] if one["earned"] is None else one["earned"]
        score.raw = score.score = Decimal(total)
        score.passed = True
        score.sheet = canonical_json(sheet | {"raw": total, "score": total, "passed": True})
        score.sha256 = digest(score.sheet)
