"""A sitting with a wrong key: who answered what is true misses the mark by a point, who went by the key has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.demo.build import FormPlace, places_in
from cbt.items.models import ItemBank
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.items.content import LETTERS, ItemType
from cbt.runner.models import Attempt, JournalEntry
from cbt.runner.save.digest import journal_texts
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.results.scene import ENDED, USUAL, finish
from tests.world import PLANNED, World

TRUE, WRONG, OTHER = "theory", "extra", "elsewhere"
"""Who answered the item by what is true (59 points), by the wrong key (60), and by the wrong key with 70."""
RIGHT = {TRUE: 59, WRONG: 59, OTHER: 69}
"""How many of the other items each has right."""
REASON = "教材第 58 页与原答案不符"


@dataclass(frozen=True)
class WrongKey:
    """The item, as everybody was asked it."""

    world: World
    ref: str
    version: int
    bank: str
    key: str
    true: str
    """The letters of the key and of what is true, as the author sees them."""

    @cached_property
    def url(self) -> str:
        """Return where the item is corrected."""
        return f"/results/{self.world.sitting_ref}/items/{self.bank}/{self.ref}/{self.version}"


def wrong_key(world: World) -> WrongKey:
    """End the sitting with real answers, scored; return the item whose key is wrong."""
    names = tuple(RIGHT)
    finish(world, USUAL | dict.fromkeys(names, "unscored"))
    with world.app.app_context():
        with reading() as session:
            places = {name: places_in(session, world.sitters[name].attempt_id) for name in names}
            bank = _bank_of(session, world)
        asked = [
            {one.shape["item"] for one in own if one.type is ItemType.SINGLE_CHOICE}
            for own in places.values()
        ]
        ref = min(set.intersection(*asked))
        (place,) = [one for one in places[TRUE] if one.shape["item"] == ref]
        key = int(place.content.answer_key[0])  # type: ignore[index,arg-type]  # of a single choice
        true = (key + 1) % len(place.shape["order"])
        with unit_of_work() as session:
            for name, own in places.items():
                _answer(session, world, name, own, ref, true if name == TRUE else key)
        assert score_closed(now=ENDED) == len(names)
    world.clock.set(ENDED + timedelta(hours=1))
    return WrongKey(world, ref, place.shape["version"], bank, LETTERS[key], LETTERS[true])


def _bank_of(session: Session, world: World) -> str:
    return session.execute(
        select(ItemBank.ref)
        .join(Form, Form.bank_id == ItemBank.id)
        .join(Attempt, Attempt.form_id == Form.id)
        .where(Attempt.id == world.sitters[TRUE].attempt_id)
    ).scalar_one()


def _answer(
    session: Session, world: World, name: str, places: list[FormPlace], ref: str, authored: int
) -> None:
    attempt = session.get_one(Attempt, world.sitters[name].attempt_id)
    others = [one for one in places if one.shape["item"] != ref]
    answers = {one.position: one.right() for one in others[: RIGHT[name]]}
    (place,) = [one for one in places if one.shape["item"] == ref]
    answers[place.position] = LETTERS[place.shape["order"].index(authored)]
    session.add_all(
        JournalEntry(
            attempt_id=attempt.id,
            lease_epoch=1,
            seq=position,
            position=position,
            kind="answer",
            value=canonical_json(answer),
            received_at=PLANNED + timedelta(seconds=20 * position),
            in_grace=False,
        )
        for position, answer in sorted(answers.items())
    )
    session.flush()
    attempt.journal_digest = digest(journal_texts(session, [attempt.id])[attempt.id])


def scores_of(world: World, name: str) -> list[tuple[int, int, Decimal | None]]:
    """Return every score of a sitter: number, key revision, points."""
    with world.app.app_context(), reading() as session:
        rows = session.scalars(
            select(Score).where(Score.attempt_id == world.sitters[name].attempt_id).order_by(Score.number)
        )
        return [(row.number, row.key_revision, row.score) for row in rows]
