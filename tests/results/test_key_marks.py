"""按新标准重评: what people marked is marked anew by a corrected rubric, and counts once two have decided."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from sqlalchemy import select, update

from cbt.audit.models import AuditEntry
from cbt.blueprints.store import paper_of
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.results.appeals.fresh_mark import ask_marks
from cbt.results.key_corrections import effect
from cbt.results.key_corrections.effect import AskedItem
from cbt.results.key_corrections.fresh_marks import RoundScope, ask_round, call_off_round
from cbt.results.models import Result
from cbt.rules.canonical import canonical_json
from cbt.rules.exam import Paper
from cbt.rules.marking import AnswerState
from cbt.scoring.marking.desk import end_desk
from cbt.scoring.marking.fresh_marks import end_purpose
from cbt.scoring.marking.models import CountedMark, FreshRequest, MarkedAnswer, MarkingQueue
from cbt.scoring.marking.rubric_round import ask_round_piece
from cbt.scoring.models import KeyCorrection, Score
from cbt.scoring.service import verify_sitting
from cbt.sittings.models import Sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows
from tests.helpers import count_queries, flat
from tests.results.appeal_scene import score_of
from tests.results.scene import SECOND, release
from tests.results.test_fresh_marks import (
    GIVEN,
    answers_of,
    appeal_of,
    desk_state,
    mark_all,
    queue_of,
    refused,
)
from tests.scoring.marking_scene import WRITERS, MarkingScene, waiting
from tests.world import World

T = TypeVar("T")
REASON = "评分标准漏列第三个要点，经专家组论证更正。"


@pytest.fixture
def scene(world: World) -> MarkingScene:
    """A sitting whose short answers two markers marked; the third had none of them."""
    scene = waiting(world)
    marked_twice(scene)
    return scene


def marked_twice(scene: MarkingScene) -> None:
    """Have two mark every answer, one of them with little, and end the desk."""
    now = scene.world.clock.now()
    with scene.world.app.app_context():
        scene.open()
        weak = answers_of(scene, "late", 20)
        for number, given in enumerate(GIVEN):
            for queue in scene.queues():
                while (ref := scene.take(queue, number)) is not None:
                    scene.give(ref, number, ["2"] if ref == weak else given[int(queue.full)])
        end_desk(scene.ref, now=now, actor="staff:test")


def item_of(scene: MarkingScene, full: int) -> AskedItem:
    """Return the item of the queue of so many points."""
    with reading() as session:
        bank, ref, version, part = session.execute(
            select(ItemBank.ref, Item.ref, ItemVersion.number, MarkingQueue.part)
            .join(Item, Item.bank_id == ItemBank.id)
            .join(ItemVersion, ItemVersion.item_id == Item.id)
            .join(MarkingQueue, MarkingQueue.item_version_id == ItemVersion.id)
            .where(MarkingQueue.full == full)
        ).one()
    return AskedItem(scene.ref, bank, ref, version, part)


def correct_rubric(item: AskedItem) -> int:
    """Have the bank hold a version of the item with another rubric, of two criteria; return its number."""
    with unit_of_work() as session:
        row = session.scalars(select(Item).where(Item.ref == item.ref)).one()
        former = session.scalars(
            select(ItemVersion).where(ItemVersion.item_id == row.id, ItemVersion.number == item.version)
        ).one()
        content = json.loads(former.content) | {
            "answer": "更正后的参考答案",
            "rubric": [{"points": "6", "text": "三个要点齐全"}, {"points": "6", "text": "表述清楚"}],
        }
        columns = {c.name: getattr(former, c.name) for c in ItemVersion.__table__.columns if c.name != "id"}
        number = item.version + 1
        fresh = {"number": number, "content": canonical_json(content), "sha256": "f" * 64}
        session.add(ItemVersion(**columns | fresh))
        session.execute(update(Item).where(Item.id == row.id).values(version=number))
    return number


def page_of(item: AskedItem) -> str:
    part = "" if item.part is None else f"?part={item.part + 1}"
    return f"/results/{item.sitting}/items/{item.bank}/{item.ref}/{item.version}{part}"


def test_answers_are_marked_by_the_corrected_rubric_and_count_once_two_decided(scene: MarkingScene) -> None:
    world = scene.world
    release(world)
    before = {name: score_of(world, name) for name in WRITERS}
    with world.app.app_context():
        item = item_of(scene, 10)
        version = correct_rubric(item)
    url, officer = page_of(item), world.staff("officer")
    page = flat(officer.get(url).text)
    for words in ("送阅卷员重新评阅", f"题库现行标准（第 {version} 版）", "按新标准重评"):
        assert words in page
    assert "改答案" not in page
    for role in ("chief_proctor", "inspector", "marker-3"):
        assert world.staff(role).post(f"{url}/marks", data={"scope": "all"}).status_code == 403
    for form, what in (
        ({"rubric": str(version)}, "没有选择送评范围"),
        ({"scope": "all"}, "没有选择评分标准"),
        ({"scope": "all", "rubric": "99"}, ""),
    ):
        answer = officer.post(f"{url}/marks", data=form)
        assert (answer.status_code >= 400, what in answer.text) == (True, True)
    early = officer.post(f"{url}/preview", data={"kind": "rubric", "rubric": str(version)})
    assert "还没有按这个标准评过的答案" in early.text
    asked = officer.post(f"{url}/marks", data={"scope": "all", "rubric": str(version)})
    assert asked.status_code == 303, flat(asked.text)
    assert "没有需要送评的答案" in officer.post(f"{url}/marks", data={"scope": "all", "rubric": version}).text
    waits = officer.post(f"{url}/preview", data={"kind": "rubric", "rubric": str(version)})
    assert "还有 3 份答案待评" in waits.text

    marker = world.staff("marker-3")
    with world.app.app_context():
        queue = queue_of(scene, 10)
        assert (scene.states(), desk_state()) == (["done"] * 3 + ["fresh"] * 3, "open")
        assert [scene.take(queue, number) for number in (0, 1)] == [None, None], "they marked these before"
    taken = marker.post(f"/marking/queues/{queue.ref}/take")
    shown = flat(marker.get(taken.location).text)
    assert all(words in shown for words in ("三个要点齐全", "表述清楚", "更正后的参考答案"))
    assert all(
        words not in shown for words in ("更正前", "复核", *(world.sitters[one].name for one in WRITERS))
    )
    with world.app.app_context():
        appeal = appeal_of(scene, "extra")
        with refused("marking.no_fresh"):  # a mark by another rubric is of no use to an appeal
            ask_marks(appeal, [answers_of(scene, "extra", 10)], now=world.clock.now(), actor="staff:test")
        assert len(mark_all(scene, 2, 10, ["6", "5"])) == 3
        assert {name: score_of(world, name).number for name in WRITERS} == {
            name: score.number for name, score in before.items()
        }, "nothing counts yet"
    assert "已评完，尚未计入成绩" in officer.get(url).text

    preview = officer.post(f"{url}/preview", data={"kind": "rubric", "rubric": str(version)})
    at = preview.location.partition("#")[0]
    seen = re.search(r'name="seen" value="(\w+)"', officer.get(at).text)
    job = re.search(r"preview=([\w-]+)", at)
    assert seen
    assert job
    form = {"preview": job.group(1), "seen": seen.group(1), "reason": REASON}
    alone = officer.post(url, data=form)
    assert alone.status_code in {303, 422}
    assert score_of(world, "extra").number == before["extra"].number
    done = officer.post(url, data={**form, **SECOND})
    assert done.status_code == 303, flat(done.text)
    # 6.5 of 10 counted; of a place worth 20 it is 11 of 12 now, 18.3 for 13, and nothing is edited.
    for name in WRITERS:
        after = score_of(world, name)
        assert (after.number, after.score) == (before[name].number + 1, before[name].score + Decimal("5.3"))
    with world.app.app_context():
        assert desk_state() == "ended"
        assert all(one.ok for one in verify_sitting(scene.ref) if one.attempt_ref in _refs(world))
        with reading() as session:
            points = session.scalars(
                select(CountedMark.points)
                .join(MarkedAnswer, MarkedAnswer.id == CountedMark.answer_id)
                .where(MarkedAnswer.queue_id == queue.id)
            )
            assert sorted(points) == [Decimal("6.5")] * 3 + [Decimal(11)] * 3
            made = session.scalars(select(KeyCorrection)).one()
            assert (made.kind, json.loads(made.answers)) == ("rubric", [version])
            released = session.scalars(
                select(Result.score).join(Score, Score.id == Result.score_id).where(Score.key_revision == 1)
            ).all()
            assert sorted(released) == sorted(before[name].score + Decimal("5.3") for name in WRITERS)
            acts = session.scalars(
                select(AuditEntry.act).where(AuditEntry.act.like("key.%")).order_by(AuditEntry.id)
            ).all()
            assert acts == ["key.marks", "key.correct", "key.corrected"]
    told = flat(world.staff("inspector").get(done.location).text)
    assert all(words in told for words in ("按新标准重评", "三个要点齐全", REASON))


def _refs(world: World) -> set[str]:
    return {world.sitters[name].attempt_ref for name in WRITERS}


def test_only_who_could_cross_is_asked_for_among_others_and_the_rest_is_called_off(
    scene: MarkingScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = scene.world
    assert [score_of(world, name).score for name in WRITERS] == [25, 25, 15], "13 points each are of the item"
    with world.app.app_context():
        item, now = item_of(scene, 10), world.clock.now()
        with refused("key.no_answers"):  # with all its points nobody comes to 60
            ask_round(item, item.version, RoundScope.CROSSING, now=now, actor="staff:test")
        assert scene.states() == ["done"] * 6

        def paper_with_less(*asked: Any) -> Paper:
            return replace(paper_of(*asked), pass_points=Decimal(30))

        monkeypatch.setattr(effect, "paper_of", paper_with_less)
        ask_round(item, item.version, RoundScope.CROSSING, now=now, actor="staff:test")
        with reading() as session:
            rows = session.execute(
                select(MarkedAnswer.attempt_id, FreshRequest.is_company).join(
                    FreshRequest, FreshRequest.answer_id == MarkedAnswer.id
                )
            )
            meant = {name: world.sitters[name].attempt_id for name in WRITERS}
            assert dict(map(tuple, rows)) == {
                meant["theory"]: False, meant["extra"]: False, meant["late"]: True,
            }  # fmt: skip
        assert call_off_round(item, item.version, now=now, actor="staff:test") == {"count": len(WRITERS)}
        assert (set(scene.states()), desk_state()) == ({AnswerState.DONE.value}, "ended")
        with refused("key.nothing_waits"):
            call_off_round(item, item.version, now=now, actor="staff:test")
        ask_round(item, item.version, RoundScope.ALL, now=now, actor="staff:test")
        assert scene.states() == ["done"] * 3 + ["fresh"] * 3, "what was called off can be asked for again"


class Stopped(Exception):
    """The job was stopped between two pieces."""


class StoppingWork:
    """Long work that ends after its first piece, as a job does that is stopped; `so_far` is what that kept."""

    def __init__(self, so_far: Mapping[str, Any] | None = None, *, stops: bool = False) -> None:
        self.so_far: Mapping[str, Any] = so_far or {}
        self.stops = stops

    def in_front(self, write: Callable[[], T]) -> T:
        return write()

    def tell(self, done: int, total: int) -> None:
        if self.stops:
            raise Stopped

    def keeping(self, **so_far: Any) -> Sequence[Rows]:
        self.so_far = so_far
        return ()


def test_a_round_that_stopped_goes_on_with_nothing_twice_and_nothing_missing(
    scene: MarkingScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cbt.results.key_corrections.fresh_marks.pieces_of", lambda of: [[x] for x in of])
    now = scene.world.clock.now()
    with scene.world.app.app_context():
        item = item_of(scene, 10)
        version = correct_rubric(item)

        def waiting_now() -> list[int]:
            with reading() as session:
                asks = FreshRequest.ended_at.is_(None)
                return sorted(session.scalars(select(FreshRequest.answer_id).where(asks)))

        def told(act: str) -> int:
            with reading() as session:
                return len(session.scalars(select(AuditEntry.id).where(AuditEntry.act == act)).all())

        first = StoppingWork(stops=True)
        with pytest.raises(Stopped):
            ask_round(item, version, RoundScope.ALL, now=now, actor="staff:test", work=first)
        assert len(waiting_now()) == 1
        rest = StoppingWork(first.so_far)
        asked = ask_round(item, version, RoundScope.ALL, now=now, actor="staff:test", work=rest)
        everybody = waiting_now()
        assert asked == {"count": len(everybody)}
        assert len(everybody) == len(set(everybody)) > 2
        assert told("key.marks") == 1
        first = StoppingWork(stops=True)
        with pytest.raises(Stopped):
            call_off_round(item, version, now=now, actor="staff:test", work=first)
        assert waiting_now() == everybody[1:]
        rest = StoppingWork(first.so_far)
        ended = call_off_round(item, version, now=now, actor="staff:test", work=rest)
        assert (ended, waiting_now()) == (asked, [])
        assert told("key.marks_off") == 1


def test_a_piece_of_a_round_takes_as_many_statements_as_a_single_answer(scene: MarkingScene) -> None:
    now = scene.world.clock.now()
    with scene.world.app.app_context():
        with reading() as session:
            ids = list(session.scalars(select(MarkedAnswer.id).order_by(MarkedAnswer.id)))

        def statements(subject: str, few: list[int]) -> list[int]:
            with reading() as session:
                sitting = session.scalars(select(Sitting).where(Sitting.ref == scene.ref)).one()
            counts = []
            for act in (
                lambda own: ask_round_piece(
                    own, sitting, subject, dict.fromkeys(few, False), now=now, actor="staff:test"
                ),
                lambda own: end_purpose(own, sitting, subject, now=now, actor="staff:test", among=few),
            ):
                with count_queries(scene.world.app, here=True) as queries, unit_of_work() as session:
                    act(session)
                counts.append(len([query for query in queries if "audit_" not in query]))
            return counts

        single, piece = statements("key:1", ids[:1]), statements("key:2", ids)
    assert len(ids) > 3
    assert piece == single
