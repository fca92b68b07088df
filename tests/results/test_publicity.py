"""公示: nothing is released before it is over; an objection holds its own result, and somebody else decides it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.certificates import register as certificates
from cbt.enrolment.models import ONLY, AssessmentBody
from cbt.results.models import Publication, Result, ResultObjection
from cbt.results.publicity.publication import publish
from cbt.results.retake_ledger import ledger_of, released
from cbt.results.sheet import sitting as sheets
from cbt.results.sheet.outcome import EndFacts, Standing, standing_by
from cbt.results.sheet.page import for_export
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries, log_can_be_emptied, utc
from tests.printing.paper import papers_of
from tests.results.scene import SECOND, finish, release_url, rescore
from tests.world import World

LAST, AFTER = utc("2026-12-01T15:00:00+08:00"), utc("2026-12-02T09:00:00+08:00")
"""Five working days after the sitting, which is on a Tuesday, and the day after."""
TOLD = {"brought_by": "self", "bringer": "赵敏", "words": "第三单元少算了一题。", "brought_on": "2026-11-24"}


@pytest.fixture
def shown(world: World) -> World:
    """The results of a body that asks for five working days, on display since the day of the sitting."""
    finish(world)
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(AssessmentBody, ONLY).publicity_days = 5
    answer = world.staff("officer").post(page_of(world))
    assert answer.status_code == 303, answer.text
    return world


def page_of(world: World) -> str:
    """Return where the world's sitting is shown."""
    return f"/results/{world.sitting_ref}/publicity"


def public(world: World) -> str:
    """Return the address everybody reads the list at."""
    with world.app.app_context(), reading() as session:
        return f"/publicity/{session.scalars(select(Publication.ref)).one()}"


def object_to(world: World, name: str, **told: str) -> int:
    """Have the officer take an objection down; return the status."""
    to = f"/results/objections/to/{world.sitters[name].registration_ref}"
    return world.staff("officer").post(to, data=TOLD | told).status_code


def objection(world: World) -> str:
    """Return the page of the only objection."""
    with world.app.app_context(), reading() as session:
        return f"/results/objections/{session.scalars(select(ResultObjection.ref)).one()}"


def release(world: World, **more: str) -> tuple[int, str]:
    """Have two people release the world's sitting."""
    answer = world.staff("officer").post(release_url(world), data=SECOND | more)
    return answer.status_code, answer.text


def with_result(world: World) -> set[str]:
    """Return who has a released result, by the sitters' short names."""
    names = {sitter.registration_id: name for name, sitter in world.sitters.items()}
    with world.app.app_context(), reading() as session:
        return {names[one] for one in session.scalars(select(Result.registration_id))}


def test_nothing_is_released_before_it_was_shown_and_nothing_while_it_is(world: World) -> None:
    finish(world)
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(AssessmentBody, ONLY).publicity_days = 5
    assert "成绩还没有公示" in release(world)[1]
    officer = world.staff("officer")
    assert "至 2026-12-01（含当日）" in officer.get(page_of(world)).text
    assert world.staff("chief_proctor").post(page_of(world)).status_code == 403
    assert officer.post(page_of(world)).status_code == 303
    assert officer.post(page_of(world)).status_code == 409
    world.clock.set(LAST)
    code, said = release(world)
    assert (code, "成绩公示到 2026-12-01" in said) == (409, True)
    assert "成绩公示到 2026-12-01" in world.staff("officer").get(release_url(world)).text
    assert with_result(world) == set()
    world.clock.set(AFTER)
    assert release(world)[0] == 303
    assert with_result(world) == set(world.sitters)


def test_an_objection_holds_its_own_result_until_somebody_else_decides(shown: World) -> None:
    world = shown
    assert object_to(world, "extra") == 303
    assert "已受理异议" in world.candidate("extra").get("/my/results").text
    assert "成绩公示中，至 2026-12-01" in world.candidate("theory").get("/my/results").text
    world.clock.set(AFTER)
    assert "因异议" not in world.staff("officer").get(f"/results/{world.sitting_ref}").text
    assert release(world)[0] == 303
    assert with_result(world) == set(world.sitters) - {"extra"}
    assert (
        "1 人的成绩因异议或违纪待裁决暂缓" in world.staff("officer").get(f"/results/{world.sitting_ref}").text
    )
    assert release(world, rest="1")[0] == 409
    assert "1 项异议待裁定" in world.staff("officer").get("/staff").text
    # Whoever took it down does not decide it.
    decided = {"verdict": "upheld", "grounds": "复核答题记录，漏计一题。"}
    assert world.staff("officer").post(objection(world), data=decided).status_code == 403
    rescore(world, "extra", "61.0")
    chief = world.staff("chief_proctor")
    assert "61.0" in chief.get(objection(world)).text
    assert chief.post(objection(world), data=decided | {"grounds": " "}).status_code == 422
    assert chief.post(objection(world), data=decided | {"verdict": "perhaps"}).status_code == 422
    assert chief.post(objection(world), data=decided).status_code == 303
    assert chief.post(objection(world), data=decided).status_code == 409
    world.clock.set(AFTER + timedelta(days=3))
    assert "1 人的异议或违纪已裁定" in world.staff("officer").get("/staff").text
    preview = world.staff("officer").get(f"{release_url(world)}?rest=1").text
    assert "将发布 1 人的成绩" in preview
    assert release(world, rest="1")[0] == 303
    assert with_result(world) == set(world.sitters)
    assert release(world, rest="1")[0] == 409
    assert world.batch_ref not in world.staff("officer").get("/staff").text
    with world.app.app_context(), reading() as session:
        result = session.scalars(
            select(Result).where(Result.registration_id == world.sitters["extra"].registration_id)
        ).one()
        person = session.get_one(Registration, result.registration_id).candidate_id
        (taken,) = ledger_of(session, [person]).values()
        # Its window begins when it was released itself.
        assert [one.released_on.isoformat() for one in released(taken)] == ["2026-12-05"]
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
        said = [one for one in acts if one.startswith(("publicity.", "objection.", "results."))]
    assert (str(result.score), result.outcome) == ("61.0", "passed")
    assert said == [
        "publicity.publish",
        "objection.bring",
        "results.release",
        "objection.decide",
        "results.release",
    ]


@pytest.mark.once
def test_what_is_held_is_no_ground_for_a_certificate(shown: World) -> None:
    world = shown
    with world.app.app_context(), reading() as session:
        level = session.get_one(Registration, world.sitters["theory"].registration_id).blueprint_ref
    assert object_to(world, "theory", bringer="匿名举报核实人", brought_by="other") == 303
    world.clock.set(AFTER)
    assert release(world)[0] == 303

    def waiting() -> int:
        with world.app.app_context(), reading() as session:
            return certificates.waiting(session, level, page=1).count

    before = waiting()
    chief = world.staff("chief_proctor")
    assert (
        chief.post(objection(world), data={"verdict": "rejected", "grounds": "查无实据。"}).status_code == 303
    )
    assert waiting() == before
    assert release(world, rest="1")[0] == 303
    assert waiting() == before + 1


@pytest.mark.once
@pytest.mark.parametrize(
    ("told", "said"),
    [
        pytest.param({"brought_by": "nobody"}, "没有选择提出人", id="by nobody"),
        pytest.param({"bringer": " "}, "没有填写提出人姓名", id="without a name"),
        pytest.param({"words": ""}, "没有填写异议内容", id="without words"),
        pytest.param({"brought_on": "2026-11-23"}, "提出日期不在公示期内", id="before it was shown"),
        pytest.param({"brought_on": "2026-12-02"}, "提出日期不在公示期内", id="after it was shown"),
        pytest.param({"brought_on": "gestern"}, "提出日期不在公示期内", id="no day"),
    ],
)
def test_an_objection_says_who_why_and_when(shown: World, told: dict[str, str], said: str) -> None:
    shown.clock.set(AFTER)
    to = f"/results/objections/to/{shown.sitters['late'].registration_ref}"
    answer = shown.staff("officer").post(to, data=TOLD | told)
    assert (answer.status_code, said in answer.text) == (422, True)
    # What was brought in time is taken down afterwards, too, until the result is released.
    assert object_to(shown, "late") == 303
    assert release(shown)[0] == 303
    assert object_to(shown, "theory") == 409


@pytest.mark.once
def test_everybody_reads_a_masked_list_while_it_is_shown_and_not_a_day_longer(
    shown: World, tmp_path: Path
) -> None:
    stranger = shown.app.test_client()
    page = stranger.get(public(shown)).text
    assert stranger.get("/publicity").text.count("/publicity/pu-") == 1
    for sitter in shown.sitters.values():
        for secret in (sitter.name, sitter.ticket, sitter.document[-4:], "72.5", "41.0"):
            assert secret not in page
        assert sitter.ticket[-4:] in page
    assert re.findall(r'class="verdict (\w+)"', page).count("passed") == 3
    assert "王*明" in page
    (board,) = papers_of(shown.staff("officer").get(f"{page_of(shown)}.pdf"), tmp_path)
    assert "王*明0001" in board.text
    assert not [one.name for one in shown.sitters.values() if one.name in board.text]
    assert shown.staff("proctor").get(f"{page_of(shown)}.pdf").status_code == 403
    shown.clock.set(LAST)
    assert stranger.get(public(shown)).status_code == 200
    shown.clock.set(AFTER)
    over, unknown = stranger.get(public(shown)), stranger.get("/publicity/pu-22222222222222")
    assert (over.status_code, unknown.status_code) == (404, 404)
    assert "现在没有公示的成绩" in stranger.get("/publicity").text


@pytest.mark.once
def test_whoever_asks_again_and_again_has_to_wait(shown: World) -> None:
    client = shown.app.test_client()
    client.get("/publicity")
    codes = [client.get("/publicity").status_code for _ in range(100)]
    assert set(codes) == {200, 429}


@pytest.mark.once
def test_a_wrong_list_is_taken_back_and_shown_anew(shown: World) -> None:
    officer = shown.staff("officer")
    before = public(shown)
    rescore(shown, "extra", "60.0")
    assert "公示以后有 1 人" in officer.get(page_of(shown)).text
    assert officer.post(f"{page_of(shown)}/withdraw", data={"reason": ""}).status_code == 422
    assert officer.post(f"{page_of(shown)}/withdraw", data={"reason": "漏评一题"}).status_code == 303
    assert officer.post(f"{page_of(shown)}/withdraw", data={"reason": "漏评一题"}).status_code == 409
    assert shown.app.test_client().get(before).status_code == 404
    shown.clock.set(AFTER)
    assert release(shown)[0] == 409
    officer = shown.staff("officer")
    assert officer.post(page_of(shown)).status_code == 303
    assert "2026-12-09" in officer.get(page_of(shown)).text
    assert "公示以后有" not in officer.get(page_of(shown)).text


@pytest.mark.once
def test_pages_ask_as_often_for_many_as_for_few(shown: World) -> None:
    officer, stranger = shown.staff("officer"), shown.app.test_client()
    stranger.get("/publicity")

    def asked(client: FlaskClient, path: str) -> int:
        client.get(path)
        with count_queries(shown.app) as counted:
            assert client.get(path).status_code == 200
        return len(counted)

    few = asked(officer, page_of(shown))
    assert object_to(shown, "extra") == 303
    assert object_to(shown, "late") == 303
    assert asked(officer, page_of(shown)) <= few + 1  # the names of who took them down
    assert few <= 16
    assert asked(stranger, public(shown)) <= 11


@pytest.mark.once(on="sqlite")
def test_while_a_sheet_is_judged_the_log_can_be_emptied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(world)
    emptied: list[bool] = []

    def noted(facts: EndFacts) -> Standing:
        emptied.append(log_can_be_emptied())
        return standing_by(facts)

    monkeypatch.setattr(sheets, "standing_by", noted)
    with world.app.app_context():
        with unit_of_work() as session:
            session.get_one(AssessmentBody, ONLY).publicity_days = 5
        publish(world.sitting_ref, now=world.clock.now(), actor="officer")
        published = len(emptied)
        for_export(world.sitting_ref)
    assert 0 < published < len(emptied)
    assert all(emptied)
