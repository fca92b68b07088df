"""成绩复核: one a paper inside its window, recounted from the journal, decided by who had no part in the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.blueprints.store import blueprint_of
from cbt.errors import CbtError
from cbt.results.appeals.decision import decide
from cbt.results.appeals.request import AppealForm, ask, withdraw
from cbt.results.models import Appeal, Result
from cbt.rules.exam import ExamBlueprint
from cbt.runner.models import Attempt
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries, flat
from tests.kinds.papers import give_paper
from tests.printing.paper import papers_of
from tests.results.appeal_scene import mark_by_people, miss_marks, score_of, written
from tests.results.scene import ENDED, SECOND, finish, release, release_url
from tests.world import World, form_of

FORM = AppealForm(("missed", "entered"), "第 3 题应得分。")
TYPED: Mapping[str, object] = {"scope": ["missed", "added"], "words": "第 3 题应得分。"}
DAY = timedelta(days=1)
OWN = "/my/results/appeal"


def refused(code: str) -> pytest.RaisesExc[CbtError]:
    return pytest.raises(CbtError, check=lambda error: error.code == code)


def asked(world: World, name: str, form: AppealForm = FORM) -> str:
    ref = world.sitters[name].registration_ref
    return ask(ref, form, now=world.clock.now(), actor=f"candidate:{ref}")


def appeal_of(world: World) -> Appeal:
    with world.app.app_context(), reading() as session:
        return session.scalars(select(Appeal)).one()


def own(world: World, name: str, *, typed: bool = False) -> dict[str, object]:
    """Return what goes with each form of a candidate's own appeal."""
    sitter = world.sitters[name]
    who = {"ticket": sitter.ticket, "document": sitter.document[-6:]} if typed else {}
    return {"registration": sitter.registration_ref, **who}


def test_an_appeal_is_asked_once_inside_its_window_and_taken_back(world: World) -> None:
    finish(world)
    with world.app.app_context(), refused("appeal.unreleased"):
        asked(world, "extra")
    release(world)
    with world.app.app_context():
        with refused("appeal.scope"):
            asked(world, "extra", AppealForm((), ""))
        with refused("appeal.words"):
            asked(world, "extra", AppealForm(("missed",), "长" * 501))
        for nobody in ("factor", "second"):
            with refused("appeal.no_score"):
                asked(world, nobody)
        ref = asked(world, "extra")
        with refused("appeal.asked"):
            asked(world, "extra")
        withdraw(ref, now=world.clock.now(), actor="staff:test")
        with refused("appeal.transition"):
            withdraw(ref, now=world.clock.now(), actor="staff:test")
        with refused("appeal.asked"):
            asked(world, "extra")
        world.clock.set(ENDED + 21 * DAY)
        asked(world, "late")
        world.clock.advance(DAY)
        with refused("appeal.over"):
            asked(world, "theory")
        with reading() as session:
            assert session.scalar(select(func.count()).select_from(Appeal)) == 2
            acts = set(session.scalars(select(AuditEntry.act).where(AuditEntry.act.startswith("appeal."))))
    assert acts == {"appeal.ask", "appeal.withdraw"}


def test_an_appeal_that_finds_nothing_is_lost_with_a_letter(world: World, tmp_path: Path) -> None:
    world = written(world, "extra")
    release(world)
    mine, officer = world.candidate("extra"), world.staff("officer")
    page = flat(mine.get("/my/results").text)
    assert ("申请成绩复核" in page, OWN in page) == (True, True)
    form = flat(mine.post(OWN, data=own(world, "extra")).text)
    assert ("漏评漏计" in form, "2026-12-15" in form) == (True, True)
    for wrong, what in (({"words": "长" * 501}, "说明超过"), ({"scope": []}, "没有选择")):
        answer = mine.post(f"{OWN}/ask", data={**own(world, "extra"), **TYPED, **wrong})
        assert (answer.status_code, what in answer.text) == (422, True)
    sent = mine.post(f"{OWN}/ask", data={**own(world, "extra"), **TYPED})
    assert (sent.status_code, "已提交" in sent.text) == (200, True)
    again = mine.post(f"{OWN}/ask", data={**own(world, "extra"), **TYPED})
    assert (again.status_code, "已经申请过" in again.text) == (409, True)
    assert "成绩复核办理中" in mine.get("/my/results").text

    appeal = appeal_of(world)
    assert appeal.due_on.isoformat() == "2026-12-15"
    desk, one = "/results/appeals", f"/results/appeals/{appeal.ref}"
    listed = flat(officer.get(desk).text)
    assert (appeal.ref in listed, "还有 15 个工作日" in listed) == (True, True)
    assert "待复核 1 项" in officer.get("/results").text
    assert desk in officer.get("/staff").text
    evidence = flat(officer.get(one).text)
    assert "您参与过这项成绩" in evidence
    verdict = {"verdict": "keep", "grounds": "逐题核对无误。"}
    for role in ("officer", "chief_proctor"):
        answer = world.staff(role).post(one, data=verdict)
        assert (answer.status_code, "不能复核" in answer.text) == (403, True)
    assert world.staff("inspector").post(one, data=verdict).status_code == 403
    assert world.staff("inspector").get(one).status_code == 200
    third = world.staff("third")
    evidence = flat(third.get(one).text)
    assert all(word in evidence for word in ("0 题不符", "最后 60 次保存", "第 1 次评分", "作出结论"))
    for wrong, code, what in (
        ({"verdict": "change"}, 409, "没有发现考生少得分"),
        ({"verdict": ""}, 409, "没有选择结论"),
        ({"grounds": " "}, 422, "没有填写理由"),
    ):
        answer = third.post(one, data=verdict | wrong)
        assert (answer.status_code, what in answer.text) == (code, True)
    for client in (third, mine):
        address = f"{one}/letter.pdf" if client is third else f"{OWN}/letter"
        answer = third.get(address) if client is third else mine.post(address, data=own(world, "extra"))
        assert (answer.status_code, "还没有办结" in answer.text) == (409, True)
    assert third.post(one, data=verdict).status_code == 303
    assert third.post(one, data=verdict).status_code == 409
    assert flat(third.get(f"{desk}?state=kept").text).count(appeal.ref) == 1
    ended = appeal_of(world)
    assert (ended.state, ended.findings, ended.before_score) == ("kept", "", ended.after_score)
    assert score_of(world, "extra").number == 1
    letters = [third.get(f"{one}/letter.pdf"), mine.post(f"{OWN}/letter", data=own(world, "extra"))]
    for letter in letters:
        (paper,) = papers_of(letter, tmp_path)
        assert all(word in paper.text for word in ("成绩复核结果通知书", "维持原成绩", "逐题核对无误。"))
    assert "维持原成绩" in mine.post(OWN, data=own(world, "extra")).text


def test_an_appeal_that_finds_missed_marks_is_won_and_two_people_correct_the_result(
    world: World, tmp_path: Path
) -> None:
    world = written(world, "extra")
    right = miss_marks(world, "extra", 3)
    release(world)
    officer, third, stranger = world.staff("officer"), world.staff("third"), world.app.test_client()
    to = f"/results/appeals/to/{world.sitters['extra'].registration_ref}"
    sheet = officer.get(f"/results/{world.sitting_ref}?q={world.sitters['extra'].ticket}").text
    assert to in sheet
    assert "登记申请" in officer.get(to).text
    assert third.post(to, data={"words": ""}).status_code == 422
    assert officer.post(to, data=TYPED).status_code == 303
    assert "查看这项复核" in officer.get(to).text
    one = f"/results/appeals/{appeal_of(world).ref}"
    evidence = flat(third.get(one).text)
    assert all(word in evidence for word in ("3 题不符", "考生少得了分", "不符的题"))
    verdict = {"verdict": "change", "grounds": "三题漏计。"}
    answer = third.post(one, data=verdict | {"verdict": "keep"})
    assert (answer.status_code, "少得了分" in answer.text) == (409, True)
    assert third.post(one, data=verdict).status_code == 303
    appeal, score = appeal_of(world), score_of(world, "extra")
    assert (appeal.findings, appeal.after_score, score.number, score.score) == (
        "missed,added",
        right,
        2,
        right,
    )
    # Nothing of it is told before two people have corrected what was released.
    waiting = stranger.post(OWN, data=own(world, "extra", typed=True))
    assert ("最后手续" in waiting.text, str(right) in waiting.text) == (True, False)
    assert third.get(f"{one}/letter.pdf").status_code == 409
    assert "还没有更正" in third.get(one).text
    assert "待更正" in third.get("/results/appeals?state=changed").text
    corrected = officer.post(release_url(world), data={**SECOND, "act": "correct", "reason": "成绩复核"})
    assert corrected.status_code == 303
    with world.app.app_context(), reading() as session:
        registration_id = world.sitters["extra"].registration_id
        result = session.scalars(select(Result).where(Result.registration_id == registration_id)).one()
        assert (result.score, result.score_id) == (right, score.id)
        logged = session.scalars(
            select(AuditEntry.act).where(AuditEntry.act.in_(["appeal.decide", "results.correct"]))
        )
        assert sorted(logged) == ["appeal.decide", "results.correct"]
    told = stranger.post(OWN, data=own(world, "extra", typed=True)).text
    assert str(right) in told
    letter = stranger.post(f"{OWN}/letter", data=own(world, "extra", typed=True))
    for made in (letter, third.get(f"{one}/letter.pdf")):
        (paper,) = papers_of(made, tmp_path)
        assert all(word in paper.text for word in ("更正成绩", str(right), str(right - 3), "漏评漏计"))
    page = flat(third.get(one).text)
    assert ("3 题不符" in page, "还没有更正" in page) == (True, False)


def test_a_result_that_was_entered_wrongly_is_put_right_without_another_score(world: World) -> None:
    world = written(world, "extra")
    release(world)
    with world.app.app_context():
        with unit_of_work() as session:
            registration_id = world.sitters["extra"].registration_id
            result = session.scalars(select(Result).where(Result.registration_id == registration_id)).one()
            result.score = Decimal(str(result.score)) - 1
        ref, third = asked(world, "extra"), f"staff:{world.people['third'].ref}"
        decide(ref, "change", "登记少一分。", now=world.clock.now(), actor=third)
    assert (appeal_of(world).findings, score_of(world, "extra").number) == ("entered", 1)


def correct_meanwhile(session: Session, *_found: object, **_named: object) -> None:
    """Have what was released be another between a recount and its decision."""
    session.execute(update(Result).values(score=Decimal(1)))


def test_nobody_falls_by_a_recount_and_nothing_is_decided_by_what_moved_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = written(world, "extra")
    miss_marks(world, "extra", -3)
    release(world)
    third = f"staff:{world.people['third'].ref}"
    with world.app.app_context():
        ref = asked(world, "extra")
    assert "不因复核降低" in flat(world.staff("third").get(f"/results/appeals/{ref}").text)
    with world.app.app_context():
        with monkeypatch.context() as patched:
            patched.setattr("cbt.results.appeals.decision.insist_on_another", correct_meanwhile)
            with refused("appeal.changed_meanwhile"):
                decide(ref, "keep", "核对。", now=world.clock.now(), actor=third)
        decide(ref, "keep", "核对。", now=world.clock.now(), actor=third)
    assert (appeal_of(world).state, score_of(world, "extra").number) == ("kept", 1)
    with world.app.app_context(), reading() as session:
        found = select(func.count()).select_from(Result).where(Result.score == score_of(world, "extra").score)
        assert session.scalar(found) == 1


@pytest.mark.once
def test_a_paper_whose_seal_does_not_hold_is_not_decided_by(world: World) -> None:
    world = written(world, "extra")
    release(world)
    with world.app.app_context():
        ref = asked(world, "extra")
        with unit_of_work() as session:
            session.get_one(Attempt, world.sitters["extra"].attempt_id).journal_digest = "0" * 64
        with refused("appeal.not_sealed"):
            decide(ref, "keep", "核对。", now=world.clock.now(), actor=f"staff:{world.people['third'].ref}")
    page = flat(world.staff("third").get(f"/results/appeals/{ref}").text)
    assert "与封存的不一致" in page
    officer = world.staff("officer")
    assert officer.post(f"/results/appeals/{ref}/withdraw", data={"reason": " "}).status_code == 422
    assert officer.post(f"/results/appeals/{ref}/withdraw", data={"reason": "考生来电"}).status_code == 303
    assert "考生来电" in officer.get(f"/results/appeals/{ref}").text


@pytest.mark.once
def test_what_people_marked_waits_for_a_fresh_marker(world: World) -> None:
    world = give_paper(world.app, world, "theory", now=world.clock.now())
    with world.app.app_context(), reading() as session:
        form: dict[str, Any] = form_of(session, world.sitters["theory"].attempt_id)
    essays = [one["position"] for one in form["positions"] if one["type"] == "short_answer"]
    world = written(world, "theory", positions=essays)
    assert score_of(world, "theory").score is None
    mark_by_people(world, "theory", "61.0")
    release(world)
    with world.app.app_context():
        ref = asked(world, "theory")
    third, one = world.staff("third"), f"/results/appeals/{ref}"
    page = flat(third.get(one).text)
    assert f"第 {'、'.join(map(str, essays))} 题由人工评阅" in page
    for verdict in ("keep", "change"):
        answer = third.post(one, data={"verdict": verdict, "grounds": "核对。"})
        assert (answer.status_code, "重新评阅" in answer.text) == (409, True)


@pytest.mark.once
def test_a_candidate_reaches_their_own_appeal_alone(world: World) -> None:
    finish(world)
    release(world)
    extra, theory = world.candidate("extra"), world.candidate("theory")
    for part in ("", "/ask", "/withdraw", "/letter"):
        assert theory.post(f"{OWN}{part}", data={**own(world, "extra"), **TYPED}).status_code == 404
    stranger = world.app.test_client()
    wrong = own(world, "extra", typed=True) | {"document": "000000"}
    assert stranger.post(f"{OWN}/ask", data={**wrong, **TYPED}).status_code == 422
    assert extra.post(f"{OWN}/withdraw", data=own(world, "extra")).status_code == 404
    assert extra.post(f"{OWN}/ask", data={**own(world, "extra"), **TYPED}).status_code == 200
    back = extra.post(f"{OWN}/withdraw", data=own(world, "extra"))
    assert (back.status_code, "已撤回" in back.text) == (200, True)
    assert "没有分数" in world.candidate("factor").post(OWN, data=own(world, "factor")).text


@pytest.mark.once
def test_own_results_cost_no_query_more_for_whoever_has_an_appeal(world: World) -> None:
    finish(world)
    release(world)
    with world.app.app_context():
        asked(world, "extra")
    counts = []
    for name in ("extra", "late"):
        client = world.candidate(name)
        client.get("/my/results/check")
        with count_queries(world.app) as counted:
            assert client.get("/my/results").status_code == 200
        counts.append(len(list(counted)))
    assert counts[0] == counts[1]


def blueprints_with(policy: Literal["verdict", "none"]) -> Callable[[Session, int], ExamBlueprint]:
    """Return what reads blueprints whose papers all have this policy of release."""

    def read(session: Session, version_id: int) -> ExamBlueprint:
        blueprint = blueprint_of(session, version_id)
        papers = {code: replace(paper, release=policy) for code, paper in blueprint.papers.items()}
        return replace(blueprint, papers=papers)

    return read


@pytest.mark.once
def test_what_a_policy_hides_is_told_by_no_appeal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(world)
    release(world)
    extra = world.candidate("extra")
    page = extra.post(OWN, data=own(world, "extra")).text
    assert "59.9" in page
    for policy, code in (("verdict", 200), ("none", 409)):
        with monkeypatch.context() as patched:
            patched.setattr("cbt.results.appeals.request.blueprint_of", blueprints_with(policy))
            answer = extra.post(OWN, data=own(world, "extra"))
            assert (answer.status_code, "59.9" in answer.text) == (code, False)
