"""Keys in force (试题更正): scores are made, kept and checked by the revision they belong to."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from sqlalchemy import select, update

from cbt.assembly.draw import arrangements
from cbt.rules.canonical import digest_of
from cbt.rules.form_score import items_in, place_of
from cbt.rules.key_corrections import CorrectionKind
from cbt.runner.models import Attempt
from cbt.scoring.key_corrections import AS_PUBLISHED, keys_in_force, revision_named
from cbt.scoring.models import KeyCorrection, Score
from cbt.scoring.score_sheets import Scorers
from cbt.scoring.service import score_closed, verify_sitting
from cbt.scoring.store import NewScore, score_rows
from cbt.sittings.models import Sitting
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in
from tests.results.late_scene import Scene
from tests.world import World


def test_a_correction_counts_from_its_revision_on_and_for_the_version_in_the_form(world: World) -> None:
    scene = Scene(world)
    first, second = (world.sitters[name].attempt_id for name in scene.names)
    with world.app.app_context(), reading() as session:
        sitting_id = session.scalars(select(Sitting.id).where(Sitting.ref == world.sitting_ref)).one()
        form_id = session.get_one(Attempt, first).form_id
        form = arrangements(session, [form_id])[form_id]
        asked = place_of(form.text.split("\n")[1 + 70])  # nobody answered so far down
        assert (asked["item"], asked["version"]) in items_in(form.text.split("\n")[1:])

    def correct(number: int, version: int, kind: str = "give_all", answers: str = "[]") -> None:
        with world.app.app_context(), unit_of_work() as session:
            session.add(
                KeyCorrection(
                    ref=new_ref("kc"),
                    sitting_id=sitting_id,
                    number=number,
                    bank_id=form.bank_id,
                    item_ref=asked["item"],
                    item_version=version,
                    part=asked["part"],
                    kind=kind,
                    answers=answers,
                    reason="答案有误",
                    at=world.clock.now(),
                    by="staff:one",
                    second="staff:two",
                    people=2,
                    ended_at=None,
                )
            )

    def points(number: int) -> Decimal | None:
        with world.app.app_context(), reading() as session:
            keys = keys_in_force(session, sitting_id, number)
            scored = Scorers().score(session, [first], keys=keys)[first]
        assert scored.key_revision == keys.number
        return scored.sheet.score

    with world.app.app_context(), reading() as session:
        assert keys_in_force(session, sitting_id) is AS_PUBLISHED
        given = revision_named(
            *(session, form.bank_id, asked["item"], asked["version"], asked["part"]),
            kind=CorrectionKind.GIVE_ALL,
            answers=(),
        )
        for revision, expected in ((given, "59.0"), (replace(given, version=99), "58.0")):
            shown = Scorers().score(session, [first], keys=AS_PUBLISHED.with_next(form.bank_id, revision))
            assert (str(shown[first].sheet.score), shown[first].key_revision) == (expected, 1)
    correct(1, asked["version"])
    assert [str(points(number)) for number in (0, 1)] == ["58.0", "59.0"]
    scene.holds()  # what was scored before is checked by the keys of then

    with world.app.app_context(), unit_of_work() as session:
        keys = keys_in_force(session, sitting_id)
        scored = Scorers().score(session, [first], keys=keys)[first]
        sealed = digest_of(scored.sheet.content)
        journal = session.get_one(Attempt, first).journal_digest or ""
        made = NewScore(first, 2, scored.key_revision, journal, scored.sheet, sealed)
        assert put_down_in(session, score_rows([made], at=world.clock.now()))
        # Whoever is scored for the first time now is by what is in force now.
        session.execute(Score.__table__.delete().where(Score.attempt_id == second))
        session.execute(update(Attempt).where(Attempt.id == second).values(state="closed"))
    with world.app.app_context():
        assert score_closed(now=world.clock.now()) == 1
        with reading() as session:
            kept = session.execute(
                select(Score.attempt_id, Score.number, Score.key_revision, Score.score)
            ).all()
            assert {tuple(row) for row in kept if row.attempt_id == first} == {
                (first, 1, 0, Decimal("58.0")),
                (first, 2, 1, Decimal("59.0")),
            }
            assert [row.key_revision for row in kept if row.attempt_id == second] == [1]
    with world.app.app_context():
        assert all(one.ok for one in verify_sitting(world.sitting_ref))
    correct(2, asked["version"], "void")
    with world.app.app_context(), reading() as session:
        again = Scorers().score(session, [first, second])
        assert {one.key_revision for one in again.values()} == {1}, (
            "a score stays with the keys it was made by"
        )
        assert str(again[first].sheet.score) == "59.0"
    assert str(points(2)) != "59.0"
