"""What a candidate sees of their own results, and nobody else of theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from cbt.blueprints import store as exams
from cbt.http.auth import throttle
from cbt.http.auth.rate_limit import MAX_FAILURES, WINDOW
from cbt.results import my_results
from cbt.rules.exam import ExamBlueprint
from tests.helpers import count_queries, flat
from tests.results.scene import SECOND, book_again, finish, release, release_url, rescore
from tests.world import PLANNED, World

pytestmark = pytest.mark.once


def ask(
    world: World, name: str, *, document: str | None = None, client: FlaskClient | None = None
) -> tuple[int, str]:
    """Look somebody up by ticket and the last six of their document; return status and page."""
    sitter = world.sitters[name]
    data = {"ticket": sitter.ticket, "document": document or sitter.document[-6:]}
    answer = (client or world.app.test_client()).post("/my/results", data=data)
    return answer.status_code, answer.text


def test_before_the_release_nothing_is_shown(world: World) -> None:
    finish(world)
    state, page = ask(world, "theory")
    assert state == 200
    assert "成绩尚未发布" in page
    assert "72.5" not in page
    assert "合格有效" not in page


def test_after_the_release_ticket_and_document_show_score_verdict_and_window(world: World) -> None:
    finish(world)
    release(world)
    assert "72.5" in ask(world, "theory")[1]
    page = ask(world, "extra")[1]
    assert "59.9" in page
    assert "2028-11-24（含当日）" in page


@pytest.mark.parametrize(
    ("name", "overall"),
    [
        pytest.param("theory", "单科合格（待补考）", id="one paper passed, the other to come"),
        pytest.param("extra", "不合格", id="failed"),
        pytest.param("factor", "不合格", id="absent"),
    ],
)
def test_the_overall_result(world: World, name: str, overall: str) -> None:
    finish(world)
    release(world)
    assert f"{overall}</span></div>" in flat(world.candidate(name).get("/my/results").text)


def test_a_signed_in_candidate_sees_their_own_without_asking(world: World) -> None:
    finish(world)
    release(world)
    page = world.candidate("theory").get("/my/results").text
    assert world.sitters["theory"].name in page
    assert not any(other.name in page for name, other in world.sitters.items() if name != "theory")


@pytest.mark.parametrize(
    ("ticket", "document"),
    [
        pytest.param(None, "000000", id="wrong document"),
        pytest.param("000000000000", None, id="no such ticket"),
        pytest.param("", "", id="nothing"),
        pytest.param("000000000000", "", id="no such ticket and no document"),
    ],
)
def test_a_wrong_half_shows_nothing_and_does_not_say_which(
    world: World, ticket: str | None, document: str | None
) -> None:
    finish(world)
    release(world)
    sitter = world.sitters["theory"]
    data = {
        "ticket": sitter.ticket if ticket is None else ticket,
        "document": sitter.document[-6:] if document is None else document,
    }
    answer = world.app.test_client().post("/my/results", data=data)
    assert answer.status_code == 422
    assert "准考证号或证件号码后六位不正确" in answer.text
    assert sitter.name not in answer.text


def test_the_end_of_a_document_may_be_written_in_any_way(world: World) -> None:
    finish(world)
    assert ask(world, "theory", document=" 0 1００1 x ")[0] == 200


def test_guessing_is_slowed_per_ticket_and_keeps_nobody_from_signing_in(world: World) -> None:
    finish(world)
    for _ in range(MAX_FAILURES):
        assert ask(world, "theory", document="000000")[0] == 422
    assert ask(world, "theory")[0] == 429
    assert ask(world, "extra")[0] == 200
    with world.app.app_context():
        throttle.reserve(
            scope="ticket", subject=world.sitters["theory"].ticket, machine="m", now=world.clock.now()
        )
    world.clock.advance(WINDOW)
    assert ask(world, "theory")[0] == 200


def test_a_correction_reaches_the_candidate(world: World) -> None:
    finish(world)
    release(world)
    rescore(world, "extra", "61.0")
    assert "61.0" not in ask(world, "extra")[1]
    data = {**SECOND, "act": "correct", "reason": "成绩复核"}
    assert world.staff("officer").post(release_url(world), data=data).status_code == 303
    assert "61.0" in ask(world, "extra")[1]


def test_a_retake_to_come_is_listed_below_the_result(world: World) -> None:
    finish(world)
    release(world)
    book_again(world, "extra", at=PLANNED + timedelta(days=100))
    page = ask(world, "extra")[1]
    assert "<b>59.9</b>" in page
    assert "成绩尚未发布" in page


@pytest.fixture(params=["verdict", "none"])
def policy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The blueprints with another release policy for every paper."""
    kind = str(request.param)

    def with_policy(version_id: int) -> ExamBlueprint:
        blueprint = exams.blueprint_kept(version_id)
        papers = {
            code: replace(paper, release=kind)  # type: ignore[arg-type]  # a literal of the parametrisation
            for code, paper in blueprint.papers.items()
        }
        return replace(blueprint, papers=papers)

    monkeypatch.setattr(my_results, "blueprint_kept", with_policy)
    return kind


def test_the_release_policy_of_a_paper_decides_what_is_shown(world: World, policy: str) -> None:
    finish(world)
    release(world)
    page = ask(world, "theory")[1]
    assert "72.5" not in page
    if policy == "verdict":
        assert 'class="verdict passed"' in page
        assert "单科合格" in page
    else:
        assert "本科目成绩不在此公布" in page
        assert 'class="verdict passed"' not in page
        assert "单科合格" not in page
        assert "有效至" not in page


def test_the_page_asks_a_fixed_number_of_queries(world: World) -> None:
    finish(world)
    release(world)
    client = world.candidate("theory")
    client.get("/my/results")
    with count_queries(world.app) as seen:
        client.get("/my/results")
    assert len(seen) <= 8, seen
