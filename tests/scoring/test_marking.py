"""阅卷: marked twice by two people, a third where they differ, then scored; nobody gets one answer twice."""

from __future__ import annotations

import json
import threading
from decimal import Decimal

import pytest
from sqlalchemy import func, insert, literal, select

from cbt.accounts.models import Staff
from cbt.accounts.staff import create_staff, reset_password
from cbt.accounts.store import staff_principal
from cbt.audit.models import AuditEntry
from cbt.errors import CbtError
from cbt.http.auth.login import Principal
from cbt.rules.marking import LEASE
from cbt.rules.roles import Role
from cbt.scoring.marking.desk import end_desk, name_marker, open_desk, release_marker, set_threshold
from cbt.scoring.marking.figures import queue_figures
from cbt.scoring.marking.models import CountedMark, DeskMarker, Mark, MarkedAnswer, SeedMark
from cbt.scoring.marking.overview import next_answer, seed_page
from cbt.scoring.marking.turns import MarkForm, change, give, set_aside, set_seed, take, take_back
from cbt.scoring.service import verify_sitting
from cbt.storage.types import DecimalText, UtcDateTime, db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries
from tests.results.appeal_scene import score_of
from tests.scoring.marking_scene import WRITERS, MarkingScene, waiting
from tests.world import World

OFFICER = "staff:test"
LAST = 2**62
"""Behind every place of the mix."""


@pytest.fixture
def scene(world: World) -> MarkingScene:
    return waiting(world)


def refused(code: str) -> pytest.RaisesExc[CbtError]:
    return pytest.raises(CbtError, check=lambda error: error.code == code)


def made(scene: MarkingScene, login: str, *, by: str) -> Principal:
    """Return a marker of the desk whose account somebody made just now."""
    now = scene.world.clock.now()
    create_staff(login=login, name="另名", roles=[Role.MARKER], now=now, actor=by)
    with reading() as session:
        ref = session.scalars(select(Staff.ref).where(Staff.login == login)).one()
        principal = staff_principal(session, ref)
    assert principal is not None
    name_marker(scene.ref, ref, now=now, actor=OFFICER)
    return principal


def full(scene: MarkingScene, share: Decimal = Decimal(1)) -> dict[str, list[Decimal]]:
    """Return points for each queue: this share of what its criteria give."""
    return {
        queue.ref: [share * one for one in ([4, 3, 3] if queue.full == 10 else [queue.full])]
        for queue in scene.queues()
    }


def test_two_mark_a_third_decides_and_the_papers_are_scored(scene: MarkingScene) -> None:
    world = scene.world
    with world.app.app_context():
        with refused("marking.not_open"):
            end_desk(scene.ref, now=world.clock.now(), actor=OFFICER)
        assert scene.open() == 6
        rubric, whole = sorted(scene.queues(), key=lambda queue: queue.full)
        assert [(one.full, one.points, one.threshold) for one in (rubric, whole)] == [
            (10, 20, 2),
            (20, 20, 4),
        ]
        assert scene.open() == 6, "opening it again brings nothing in twice"
        assert scene.states() == ["first"] * 6
        assert scene.mark_all(0, full(scene)) == 6
        assert scene.take(rubric, 0) is None, "nobody marks an answer twice"
        with refused("marking.unfinished"):
            end_desk(scene.ref, now=world.clock.now(), actor=OFFICER)
        # 10 and 8 agree at a threshold of 2; 20 and 15 do not at 4.
        second = {rubric.ref: ["4", "2", "2"], whole.ref: ["15"]}
        assert scene.mark_all(1, second) == 6
        assert scene.states() == ["done"] * 3 + ["third"] * 3
        assert scene.take(whole, 0) is None
        assert scene.take(whole, 1) is None
        assert scene.mark_all(2, {whole.ref: ["16.5"]}) == 3
        before = {name: score_of(world, name) for name in WRITERS}
        assert {one.score for one in before.values()} == {None}
        assert end_desk(scene.ref, now=world.clock.now(), actor=OFFICER) == 3
        for name, former in before.items():
            score = score_of(world, name)
            sheet = json.loads(score.sheet)
            marked = [one for one in sheet["positions"] if "marks" in one]
            assert sorted((one["earned"], len(one["marks"])) for one in marked) == [("16.5", 1), ("18", 2)]
            assert (score.number, score.score, score.passed) == (former.number + 1, Decimal("34.5"), False)
        papers = {world.sitters[name].attempt_ref for name in WRITERS}
        again = [one for one in verify_sitting(scene.ref) if one.attempt_ref in papers]
        assert [one.ok for one in again] == [True] * 3, "scored again from forms, journals and marks"
        assert end_desk(scene.ref, now=world.clock.now(), actor=OFFICER) == 0
        with refused("marking.nothing"):
            open_desk(scene.ref, now=world.clock.now(), actor=OFFICER)
        with refused("marking.not_open"):
            scene.take(whole, 2)
        with reading() as session:
            acts = dict(
                session.execute(
                    select(AuditEntry.act, func.count())
                    .where(AuditEntry.act.startswith("marking."))
                    .group_by(AuditEntry.act)
                ).all()
            )
            assert session.scalar(select(func.count()).select_from(CountedMark)) == 6
        assert acts == {"marking.open": 1, "marking.name": 3, "marking.give": 15, "marking.end": 1}


def test_an_answer_is_held_for_a_while_and_points_are_checked(scene: MarkingScene) -> None:
    world = scene.world
    with world.app.app_context():
        scene.open()
        (queue, *_) = sorted(scene.queues(), key=lambda queue: queue.full)
        ref = scene.take(queue, 0)
        assert ref == scene.take(queue, 0)
        assert ref is not None
        for wrong in (["4.5", "0", "0"], ["1.2", "0", "0"], ["-1", "0", "0"], ["", "0", "0"], ["4", "3"]):
            with refused("marking.points"):
                scene.give(ref, 0, wrong)
        with refused("marking.not_held"):
            scene.give(ref, 1, ["1", "1", "1"])
        world.clock.advance(LEASE)
        with refused("marking.not_held"):
            scene.give(ref, 0, ["1", "1", "1"])
        assert {scene.take(queue, number) for number in (0, 1, 2)} >= {ref}
        release_marker(scene.ref, scene.markers[0].subject_ref, now=world.clock.now(), actor=OFFICER)
        with refused("marking.not_named"):
            scene.take(queue, 0)
        with refused("marking.nobody"):
            officer = world.people["officer"].ref
            name_marker(scene.ref, officer, now=world.clock.now(), actor=OFFICER)
        set_threshold(queue.ref, "0", now=world.clock.now(), actor=OFFICER)
        with refused("marking.threshold"):
            set_threshold(queue.ref, "10.5", now=world.clock.now(), actor=OFFICER)


def test_a_mark_is_changed_by_another_one_with_a_reason(scene: MarkingScene) -> None:
    world = scene.world
    with world.app.app_context():
        scene.open()
        (queue, *_) = sorted(scene.queues(), key=lambda queue: queue.full)
        points = full(scene)
        scene.mark_all(0, points)
        scene.mark_all(1, points)
        with reading() as session:
            own = select(Mark.ref).where(Mark.staff == scene.markers[1].logged_as).order_by(Mark.id)
            ref = session.scalars(own.limit(1)).one()
        now = world.clock.now()
        with refused("marking.reason"):
            change(ref, MarkForm(["0", "0", "0"]), scene.markers[1], now=now)
        with refused("marking.not_yours"):
            change(ref, MarkForm(["0", "0", "0"], reason="误点"), scene.markers[0], now=now)
        assert change(ref, MarkForm(["0", "0", "0"], reason="看错行"), scene.markers[1], now=now) == queue.ref
        assert scene.states() == ["done"] * 5 + ["third"]
        with refused("marking.final"):
            change(ref, MarkForm(["4", "0", "0"], reason="再改"), scene.markers[1], now=now)
        with reading() as session:
            kept = session.execute(
                select(Mark.number, Mark.points, Mark.reason).where(Mark.turn == "second").order_by(Mark.id)
            ).all()
        assert [tuple(one) for one in (kept[0], kept[-1])] == [(1, 10, ""), (2, 0, "看错行")]
        with refused("marking.marked_twice"):
            set_threshold(queue.ref, "1", now=now, actor=OFFICER)


def test_two_accounts_of_one_person_are_one_marker(scene: MarkingScene) -> None:
    world = scene.world
    with world.app.app_context():
        scene.open(markers=1)
        scene.mark_all(0, full(scene))
        now = world.clock.now()
        twin = made(scene, "twin", by=scene.markers[0].logged_as)
        name_marker(scene.ref, scene.markers[1].subject_ref, now=now, actor=OFFICER)
        for queue in scene.queues():
            with refused("marking.one_person"):  # made by who marked them all
                take(queue.ref, twin, now=now)
            assert scene.take(queue, 1) is not None
        queue = scene.queues()[0]
        held = scene.take(queue, 1)
        assert held is not None
        reset_password(login="marker-2", now=now, actor=scene.markers[0].logged_as)
        with pytest.raises(CbtError, check=lambda error: error.code.startswith("second.")):
            scene.give(held, 1, full(scene)[queue.ref])


def test_seed_papers_come_up_unknown_among_others(scene: MarkingScene) -> None:
    world = scene.world
    with world.app.app_context():
        scene.open()
        queue = scene.queues()[0]
        points = full(scene)
        first = scene.take(queue, 2)
        assert first is not None
        form = MarkForm([str(one) for one in points[queue.ref]], reason="三人议定")
        set_seed(first, form, now=world.clock.now(), actor=OFFICER)
        with refused("marking.seed_there"):
            set_seed(first, form, now=world.clock.now(), actor=OFFICER)
        with unit_of_work() as session:
            for marker in session.scalars(select(DeskMarker)):
                marker.given = 30
        seeds = {scene.take(queue, number) for number in (0, 1)}
        assert len(seeds) == 1
        (ref,) = seeds
        assert str(ref)[:3] == first[:3]
        with reading() as session:
            shown, refs = seed_page(session, queue.ref, "").ref, []
            while shown:
                refs.append(shown)
                shown = next_answer(session, queue.ref, shown)
            own = session.scalars(select(MarkedAnswer.ref).where(MarkedAnswer.queue_id == queue.id)).all()
        assert sorted(refs) == sorted({*own} - {first}), "a seed paper is not offered again"
        aside = set_aside(str(ref), "两可", scene.markers[1], now=world.clock.now())
        assert aside == queue.ref, "as any other answer"
        other = scene.take(queue, 1)
        assert other not in {ref, None}
        set_aside(str(other), "两可", scene.markers[1], now=world.clock.now())
        assert take_back(str(ref), scene.markers[1], now=world.clock.now()) == ref
        for number in (0, 1):
            scene.give(str(ref), number, points[queue.ref])
            with refused("marking.not_held"):
                scene.give(str(ref), number, points[queue.ref])
            assert scene.take(queue, number) not in {ref, None}
        now, maker = world.clock.now(), scene.markers[0].logged_as
        twin = made(scene, "twin", by=maker)
        with unit_of_work() as session:
            session.scalars(select(DeskMarker).where(DeskMarker.staff_id == twin.subject_id)).one().given = 30
        assert take(queue.ref, twin, now=now) != ref, "made by who marked the seed paper"
        with pytest.raises(CbtError, check=lambda error: error.code.startswith("second.")):
            give(str(ref), MarkForm([str(one) for one in points[queue.ref]]), twin, now=now)
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(SeedMark)) == 2
            assert session.scalar(select(func.count()).select_from(Mark)) == 0, "no mark of a candidate"


def test_a_doubtful_answer_is_set_aside_with_a_word(scene: MarkingScene) -> None:
    world = scene.world
    with world.app.app_context():
        scene.open()
        queue, now = scene.queues()[0], world.clock.now()
        ref = str(scene.take(queue, 0))
        with refused("marking.word"):
            set_aside(ref, " ", scene.markers[0], now=now)
        with refused("marking.not_held"):
            set_aside(ref, "不是我的", scene.markers[1], now=now)
        assert set_aside(ref, "答了两个要点中的哪个？", scene.markers[0], now=now) == queue.ref
        others = {scene.take(queue, 0)}
        while others < (others := others | {scene.take(queue, 0)}):
            pass
        assert ref not in others
        with reading() as session:
            assert [one.word for one in queue_figures(session, queue).asides] == ["答了两个要点中的哪个？"]
        with refused("marking.not_held"):
            take_back(ref, scene.markers[1], now=now)
        with unit_of_work() as session:
            answer = session.scalars(select(MarkedAnswer).where(MarkedAnswer.ref == ref)).one()
            answer.held_by, answer.held_until = scene.markers[1].logged_as, now + LEASE
        with refused("marking.not_held"):
            take_back(ref, scene.markers[0], now=now)
        world.clock.advance(LEASE)
        assert take_back(ref, scene.markers[0], now=world.clock.now()) == ref
        scene.give(ref, 0, full(scene)[queue.ref])
        with reading() as session:
            acts = session.scalars(
                select(AuditEntry.act).where(AuditEntry.subject == f"marking:{ref}").order_by(AuditEntry.id)
            )
            assert list(acts) == ["marking.set_aside", "marking.take_back", "marking.give"]


def test_ten_thousand_answers_ask_the_database_no_more(scene: MarkingScene) -> None:
    world = scene.world
    with world.app.app_context():
        scene.open()
        queue = scene.queues()[0]
        ref = str(scene.take(queue, 0))
        scene.give(ref, 0, full(scene)[queue.ref])
    pages = {
        "/marking": "officer",
        f"/marking/desks/{scene.ref}": "officer",
        f"/marking/queues/{queue.ref}": "officer",
        f"/marking/queues/{queue.ref}/seed": "officer",
        "/staff": "marker-1",
        f"/marking/own/{scene.ref}": "marker-1",
    }

    def asked() -> list[int]:
        counts = []
        for url, role in pages.items():
            browser = world.staff(role)
            with count_queries(world.app) as seen:
                assert browser.get(url).status_code == 200
            counts.append(len(seen))
        return counts

    few = asked()
    assert max(few) <= 40
    with world.app.app_context():
        with unit_of_work() as session:
            copied = session.scalars(select(MarkedAnswer).where(MarkedAnswer.ref == ref)).one()
            session.execute(
                insert(MarkedAnswer),
                [
                    {
                        "ref": f"an-{number:08d}",
                        "queue_id": queue.id,
                        "attempt_id": copied.attempt_id,
                        "position": copied.position,
                        "sha256": f"{number:064d}",
                        "place": LAST + number,
                        "state": ("first", "second", "done")[number % 3],
                        "held_by": "",
                    }
                    for number in range(10_000)
                ],
            )
            session.execute(
                insert(Mark).from_select(
                    [
                        "ref",
                        "answer_id",
                        "turn",
                        "number",
                        "staff",
                        "criteria",
                        "points",
                        "remark",
                        "reason",
                        "given_at",
                    ],
                    select(
                        literal("mk-").concat(MarkedAnswer.ref),
                        MarkedAnswer.id,
                        literal("first"),
                        literal(1),
                        literal(scene.markers[0].logged_as),
                        literal("[]"),
                        literal(queue.full, DecimalText()),
                        literal(""),
                        literal(""),
                        literal(world.clock.now(), UtcDateTime()),
                    ).where(MarkedAnswer.state.in_(("second", "done")), MarkedAnswer.place >= LAST),
                )
            )
        with count_queries(world.app) as seen:
            assert scene.take(queue, 1) is not None
        assert len(seen) <= 20
        if db.engine.dialect.name == "sqlite":
            statements = [one for one in seen if "ORDER BY marked_answer.place" in one]
            with db.engine.connect() as connection:
                for statement in statements:
                    plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement.replace("?", "1"))
                    steps = [row[3] for row in plan]
                    assert any("ix_marked_answer_queue (queue_id=? AND state=?)" in one for one in steps), (
                        steps
                    )
                    assert not any("TEMP B-TREE" in one for one in steps), steps
    assert asked() == few


def test_two_who_take_at_once_never_get_the_same_answer(scene: MarkingScene) -> None:
    world = scene.world
    with world.app.app_context():
        scene.open()
        queues = scene.queues()
    taken: list[str | None] = []
    gate = threading.Barrier(3)

    def takes(number: int) -> None:
        with world.app.app_context():
            gate.wait()
            taken.append(scene.take(queues[0], number))

    threads = [threading.Thread(target=takes, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in taken
    assert len(set(taken)) == 3
