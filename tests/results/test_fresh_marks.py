"""复评 in an appeal: a marker who never had the answer marks it unknowing, and only the decision makes it count."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.accounts.staff import create_staff
from cbt.accounts.store import staff_principal
from cbt.audit.models import AuditEntry
from cbt.errors import CbtError
from cbt.results.appeals import decision
from cbt.results.appeals.decision import CountedAppeal, counted, decide
from cbt.results.appeals.fresh_mark import ask_marks, call_off_marks
from cbt.results.appeals.request import AppealForm, ask, withdraw
from cbt.rules.marking import LEASE, AnswerState
from cbt.rules.roles import Role
from cbt.scoring.marking.desk import end_desk, name_marker
from cbt.scoring.marking.models import (
    CountedMark,
    FreshRequest,
    Mark,
    MarkedAnswer,
    MarkingDesk,
    MarkingQueue,
)
from cbt.scoring.marking.store import marks_on
from cbt.scoring.marking.turns import MarkForm, give, take
from cbt.scoring.service import verify_sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import flat
from tests.printing.paper import papers_of
from tests.results.appeal_scene import score_of, third_officer
from tests.results.scene import SECOND, release, release_url
from tests.scoring.marking_scene import MarkingScene, waiting
from tests.world import World

OFFICER, CHIEF = "officer", "chief_proctor"
GIVEN = ({10: ["3", "2", "1"], 20: ["12"]}, {10: ["3", "2", "2"], 20: ["12"]})


def refused(code: str) -> pytest.RaisesExc[CbtError]:
    return pytest.raises(CbtError, check=lambda error: error.code == code)


@pytest.fixture
def scene(world: World) -> MarkingScene:
    """A sitting whose results are out; the first two markers gave every answer its marks, the third none."""
    scene = waiting(world)
    with world.app.app_context():
        scene.open()
        full = {queue.ref: int(queue.full) for queue in scene.queues()}
        for number, given in enumerate(GIVEN):
            scene.mark_all(number, {ref: given[points] for ref, points in full.items()})
        end_desk(scene.ref, now=world.clock.now(), actor="staff:test")
    release(world)
    return scene


def appeal_of(scene: MarkingScene, name: str) -> str:
    ref = scene.world.sitters[name].registration_ref
    form = AppealForm(("missed",), "第 2 题请复核。")
    return ask(ref, form, now=scene.world.clock.now(), actor=f"candidate:{ref}")


def answers_of(scene: MarkingScene, name: str, full: int) -> str:
    """Return the ref of a sitter's answer in the queue of so many points."""
    with reading() as session:
        query = (
            select(MarkedAnswer.ref, MarkingQueue.full)
            .join(MarkingQueue, MarkingQueue.id == MarkedAnswer.queue_id)
            .where(MarkedAnswer.attempt_id == scene.world.sitters[name].attempt_id)
        )
        return next(ref for ref, points in session.execute(query) if points == full)


def queue_of(scene: MarkingScene, full: int) -> MarkingQueue:
    return next(queue for queue in scene.queues() if queue.full == full)


def mark_all(scene: MarkingScene, number: int, full: int, points: Sequence[str]) -> list[str]:
    """Have a marker mark what waits in a queue; return the refs in the order in which they got them."""
    refs, queue = [], queue_of(scene, full)
    while (ref := scene.take(queue, number)) is not None:
        scene.give(ref, number, points)
        refs.append(ref)
    return refs


def desk_state() -> str:
    with reading() as session:
        return session.scalars(select(MarkingDesk.state)).one()


def test_a_fresh_mark_counts_only_where_the_decision_takes_it(scene: MarkingScene, tmp_path: Path) -> None:
    world = scene.world
    released = score_of(world, "extra")
    officer = world.staff(OFFICER)
    with world.app.app_context():
        appeal, target = appeal_of(scene, "extra"), answers_of(scene, "extra", 10)
        other = answers_of(scene, "theory", 10)
    one = f"/results/appeals/{appeal}"
    for role in ("inspector", "marker-3", "proctor", "author"):
        assert world.staff(role).post(f"{one}/fresh", data={"answer": target}).status_code == 403
        assert world.staff(role).post(f"{one}/fresh/off").status_code == 403
    assert world.staff("inspector").get(one).text.count("请求复评") == 0
    page = flat(officer.get(one).text)
    assert ("请求复评" in page, "可以复评的阅卷员 1 人" in page) == (True, True)
    for wrong, what in (({}, "没有选择要复评的题"), ({"answer": other}, "选中的答案不能复评")):
        answer = officer.post(f"{one}/fresh", data=wrong)
        assert (answer.status_code in {409, 422}, what in answer.text) == (True, True)
    assert officer.post(f"{one}/fresh", data={"answer": target}).status_code == 303
    assert officer.post(f"{one}/fresh", data={"answer": target}).status_code == 409
    chief = world.staff(CHIEF)
    for verdict in ("keep", "change"):
        with world.app.app_context(), refused("appeal.marks_first"):
            decide(appeal, verdict, "核对。", now=world.clock.now(), actor="staff:nobody")
    desk = flat(officer.get(f"/marking/desks/{scene.ref}").text)
    assert ("阅卷因成绩复核或试题更正重新开放" in desk, "结束阅卷" in desk) == (True, False)

    with world.app.app_context():
        # Three wait in the queue, and nothing tells which one is meant; who marked them gets none of them.
        assert scene.states() == ["done"] * 3 + ["fresh"] * 3
        queue = queue_of(scene, 10)
        assert [scene.take(queue, number) for number in (0, 1)] == [None, None]
        first = scene.take(queue, 2)
        assert first is not None
        world.clock.advance(LEASE)
        with refused("marking.not_held"):
            scene.give(first, 2, ["4", "3", "2"])
    marker = world.staff("marker-3")
    home = flat(marker.get(f"/marking/own/{scene.ref}").text)
    taken = marker.post(f"/marking/queues/{queue.ref}/take")
    shown = flat(marker.get(taken.location).text)
    for text in (home, shown):
        assert all(word not in text for word in ("复核", "复评", "准考证", world.sitters["extra"].name))
    with world.app.app_context():
        assert sorted(mark_all(scene, 2, 10, ["4", "3", "2"])) == sorted(
            answers_of(scene, name, 10) for name in ("theory", "extra", "late")
        )
        assert (scene.states(), desk_state()) == (["done"] * 6, "open")
        assert score_of(world, "extra").number == released.number, "nothing counts before the decision"
        with refused("marking.no_fresh"):
            ask_marks(appeal, [target], now=world.clock.now(), actor="staff:test")
        with refused("appeal.nothing_waits"):
            call_off_marks(appeal, now=world.clock.now(), actor="staff:test")
        with reading() as session:
            mark = session.scalars(
                select(Mark.ref)
                .join(MarkedAnswer, MarkedAnswer.id == Mark.answer_id)
                .where(MarkedAnswer.ref == target, Mark.turn == "fresh")
            ).one()
            assert counted(session, appeal).recount.findings == frozenset()
    page = flat(chief.get(one).text)
    # Marked 6 and 7, so 6.5 of 10 counts; the fresh one is 9, of a place worth 20: five points more.
    assert all(
        word in page for word in ("6.50 / 10", "9 / 10", "+2.50", "陈晓", "吴敏", "郑磊", "2 份其他答案")
    )
    assert str(released.score + 5) in page

    third = _decider(scene)
    with world.app.app_context():
        for number in (0, 2):
            with refused("appeal.same_person"):
                decide(
                    appeal,
                    "change",
                    "复评。",
                    take=[mark],
                    now=world.clock.now(),
                    actor=scene.markers[number].logged_as,
                )
        for verdict, take_marks, code in (
            ("keep", [mark], "something_found"),
            ("change", [], "nothing_found"),
            ("change", ["mk_none"], "no_mark"),
        ):
            with refused(f"appeal.{code}"):
                decide(appeal, verdict, "复评。", take=take_marks, now=world.clock.now(), actor=third)
        decide(appeal, "change", "复评采用。", take=[mark], now=world.clock.now(), actor=third)
        assert desk_state() == "ended"
    score = score_of(world, "extra")
    assert (score.number, score.score) == (released.number + 1, released.score + 5)
    sheet = {one["position"]: one for one in json.loads(score.sheet)["positions"]}
    assert [one["marks"] for one in sheet.values() if "marks" in one and one["marks"] == [mark]] == [[mark]]
    answer = officer.post(release_url(world), data={**SECOND, "act": "correct", "reason": "成绩复核"})
    assert answer.status_code == 303
    (paper,) = papers_of(officer.get(f"{one}/letter.pdf"), tmp_path)
    assert all(word in paper.text for word in ("采用复评分", "人工评分经复评调整", str(score.score)))
    page = flat(officer.get(one).text)
    assert ("采用复评分" in page, "0 题不符" in page, "计入成绩" in page) == (True, True, True)
    with world.app.app_context(), reading() as session:
        assert [
            one.ok
            for one in verify_sitting(scene.ref)
            if one.attempt_ref == world.sitters["extra"].attempt_ref
        ] == [True], "scored again to the same bytes"
        kept = session.execute(
            select(Mark.turn, Mark.points).join(MarkedAnswer).where(MarkedAnswer.ref == target)
        )
        assert sorted(map(tuple, kept)) == [("first", 6), ("fresh", 9), ("second", 7)], "nothing is edited"
        both = select(CountedMark.points).join(MarkedAnswer).where(MarkedAnswer.ref == target)
        assert sorted(session.scalars(both)) == [Decimal("6.5"), Decimal(9)]
        told = marks_on(session, world.sitters["extra"].attempt_id)
        assert {(one.mark.turn, one.counts) for one in told if one.full == 10} == {
            ("first", False), ("second", False), ("fresh", True),
        }  # fmt: skip
        acts = set(session.scalars(select(AuditEntry.act)))
    assert {"appeal.fresh", "appeal.decide", "marking.open", "marking.end", "marking.give"} <= acts


def _decider(scene: MarkingScene) -> str:
    """Return somebody who had no part in the results: an officer made at the machine."""
    with scene.world.app.app_context():
        person = third_officer()
    scene.world.people["third"] = person
    return f"staff:{person.ref}"


def test_a_fresh_mark_is_called_off_withdrawn_or_not_taken(
    scene: MarkingScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, third = scene.world, _decider(scene)
    with world.app.app_context():
        now = world.clock.now()
        appeal, target = appeal_of(scene, "extra"), answers_of(scene, "extra", 20)

        def asked_meanwhile(session: Session, ref: str, *, take: Collection[str] = ()) -> CountedAppeal:
            found = counted(session, ref, take=take)
            ask_marks(appeal, [target], now=now, actor="staff:test")
            return found

        with monkeypatch.context() as patched, refused("appeal.changed_meanwhile"):
            patched.setattr(decision, "counted", asked_meanwhile)
            decide(appeal, "keep", "核对无误。", now=now, actor=third)
        held = scene.take(queue_of(scene, 20), 2)
        assert held is not None
        call_off_marks(appeal, now=now, actor="staff:test")
        assert (scene.states(), desk_state()) == (["done"] * 6, "ended")
        with refused("marking.not_open"):
            scene.give(held, 2, ["20"])
        # Asked for again, by somebody who marks, too: it is not for them.
        asker = scene.markers[2].logged_as
        ask_marks(appeal, [target], now=now, actor=asker)
        assert scene.take(queue_of(scene, 20), 2) is None
        page = flat(world.staff("third").get(f"/results/appeals/{appeal}").text)
        assert "暂时没有人可以复评" in page
        withdrawn = appeal_of(scene, "late")
        ask_marks(withdrawn, [answers_of(scene, "late", 20)], now=now, actor="staff:test")
        withdraw(withdrawn, now=now, actor="staff:test", reason="考生来电")
        assert desk_state() == "open", "the other appeal goes on"
        call_off_marks(appeal, now=now, actor="staff:test")
        ask_marks(appeal, [target], now=now, actor="staff:test")
        mark_all(scene, 2, 20, ["5"])
        with reading() as session:
            mark = session.scalars(
                select(Mark.ref)
                .join(FreshRequest, FreshRequest.mark_id == Mark.id)
                .where(~FreshRequest.is_company)
            ).one()
        for verdict, code in (("keep", "taken_kept"), ("change", "nothing_found")):
            with refused(f"appeal.{code}"):
                decide(appeal, verdict, "核对。", take=[mark], now=now, actor=third)
        decide(appeal, "keep", "原评分恰当。", now=now, actor=third)
        with refused("appeal.over_already"):
            ask_marks(appeal, [target], now=now, actor="staff:test")
        assert (score_of(world, "extra").number, desk_state()) == (2, "ended")
    letter = world.staff(OFFICER).get(f"/results/appeals/{appeal}/letter.pdf")
    (paper,) = papers_of(letter, tmp_path)
    assert all(word in paper.text for word in ("维持原评分", "原评分恰当"))


def test_of_two_who_take_at_once_one_gets_it(scene: MarkingScene) -> None:
    world = scene.world
    with world.app.app_context():
        now = world.clock.now()
        with unit_of_work() as session:  # nothing goes along: the two want the same answer
            for answer in session.scalars(select(MarkedAnswer)):
                if answer.attempt_id != world.sitters["extra"].attempt_id:
                    answer.state = AnswerState.DROPPED.value
        target = answers_of(scene, "extra", 10)
        ask_marks(appeal_of(scene, "extra"), [target], now=now, actor="staff:test")
        create_staff(login="marker-4", name="何静", roles=[Role.MARKER], now=now, actor="cli")
        with reading() as session:
            ref = session.scalars(select(Staff.ref).where(Staff.login == "marker-4")).one()
            fourth = staff_principal(session, ref)
        assert fourth is not None
        name_marker(scene.ref, ref, now=now, actor="staff:test")
        queue, both = queue_of(scene, 10), (scene.markers[2], fourth)
    got: dict[int, str | None] = {}
    gate = threading.Barrier(2)

    def takes(number: int) -> None:
        with world.app.app_context():
            gate.wait()
            got[number] = take(queue.ref, both[number], now=now)

    threads = [threading.Thread(target=takes, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, got.values())) == sorted(["None", target])
    holder = next(number for number, ref in got.items() if ref is not None)
    form = MarkForm(["4", "3", "3"])
    with world.app.app_context():
        with refused("marking.not_held"):
            give(target, form, both[1 - holder], now=now)
        give(target, form, both[holder], now=now)
