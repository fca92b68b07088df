"""A short answer from the candidate's browser to the office: it waits for people, and everything says so."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from click.testing import CliRunner
from python_calamine import CalamineWorkbook
from sqlalchemy import select, text

from cbt.errors import Conflict
from cbt.http.app_context import register_factory
from cbt.ops.backup.verification import check_scores
from cbt.results.models import Result
from cbt.results.release import plan_release
from cbt.results.sheet.sitting import sheet_of
from cbt.results.store import finished_sitting, sitting_lines
from cbt.runner.models import Attempt
from cbt.scoring.commands import score as score_command
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed, verify_sitting
from cbt.storage.engine import WRITE
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from tests.delivery.driver import Page, opened_page
from tests.kinds.papers import give_paper
from tests.printing.paper import told
from tests.results.scene import ENDED, USUAL, end_with, release_url, set_violation
from tests.world import World, form_of

pytestmark = pytest.mark.once

OTHERS = {name: mark for name, mark in USUAL.items() if name != "theory"}


@pytest.fixture
def page(world: World) -> Page:
    world = give_paper(world.app, world, "theory", now=world.clock.now())
    return opened_page(world)


def items(page: Page, kind: str) -> list[dict[str, Any]]:
    """What the browser has of one type, in the order of the paper."""
    return [one for one in page.opened["paper"]["items"] if one["type"] == kind]


def hand_in(page: Page, *texts: str) -> Score:
    """Answer the short answers with `texts` and everything else wrongly, hand in, score, end the sitting."""
    for one, written in zip(items(page, "short_answer"), texts, strict=False):
        assert page.answer(one["position"], written).status_code == 200
    assert page.submit().status_code == 200
    world = page.world
    with world.app.app_context():
        assert score_closed(now=world.clock.now()) == 1
        assert score_closed(now=world.clock.now()) == 0, "what waits is not scored over and over"
        end_with(world, OTHERS)
        with reading() as session:
            score = session.scalars(
                select(Score).where(Score.attempt_id == world.sitters["theory"].attempt_id)
            ).one()
            session.expunge(score)
    return score


def test_the_browser_knows_the_limit_and_not_the_reference(page: Page) -> None:
    shown = items(page, "short_answer")
    assert sorted(one["limit"] for one in shown) == [60, 500]
    assert "致歉" not in json.dumps(page.opened, ensure_ascii=False)
    with page.world.app.app_context(), reading() as session:
        form: Any = form_of(session, page.world.sitters["theory"].attempt_id)
    limits = [one.get("limits") for one in form["positions"] if one["type"] == "short_answer"]
    assert sorted(one["characters"] for one in limits) == [60, 500]


def test_the_server_refuses_one_character_more_than_the_author_allows(page: Page) -> None:
    short = next(one for one in items(page, "short_answer") if one["limit"] == 60)
    assert page.answer(short["position"], "字" * 59 + "\r\n").status_code == 200
    assert page.answer(short["position"], "字" * 60 + "\r\n").status_code == 422
    journal = page.start().get_json()["journal"]
    assert journal["answers"][str(short["position"])] == "字" * 59 + "\n"


def test_a_paper_with_something_to_mark_has_no_total_and_no_verdict(page: Page) -> None:
    score = hand_in(page, "一是致歉。")
    assert (score.raw, score.score, score.passed) == (None, None, None)
    said = json.loads(score.sheet)
    pending = [one for one in said["positions"] if one.get("pending")]
    assert [(one["earned"], one["answered"]) for one in pending] == [(None, True)]
    assert [group["earned"] for group in said["groups"]] == ["0", None, "0"]


def test_a_paper_whose_short_answers_are_empty_is_scored_whole(page: Page) -> None:
    score = hand_in(page)
    assert (score.score, score.passed) == (0, False)


def test_it_verifies_and_says_that_it_waits(page: Page) -> None:
    hand_in(page, "一是致歉。")
    world = page.world
    with world.app.app_context():
        checked = next(one for one in verify_sitting(world.sitting_ref) if one.attempt_ref == page.ref)
        assert (checked.ok, checked.pending, checked.score) == (True, True, "")
        with reading() as session:
            _count, found = check_scores(session)
            assert page.ref not in [ref for _what, ref in found]
    register_factory(lambda: world.app)
    said = CliRunner().invoke(score_command, ["verify", world.sitting_ref])
    assert "1 份有待阅" in said.output


def test_the_office_sees_who_waits_and_cannot_release(page: Page, tmp_path: Path) -> None:
    hand_in(page, "一是致歉。")
    world = page.world
    officer = world.staff("officer")
    sheet = officer.get(f"/results/{world.sitting_ref}").text
    assert "1 人的答卷有待阅的试题" in sheet
    assert '<span class="verdict pending">' in sheet
    assert "待阅" in told(officer.get(f"/results/{world.sitting_ref}/print"), tmp_path)
    assert "1 人的答卷有待阅的试题" in officer.get(release_url(world)).text
    with world.app.app_context(), reading() as session:
        sitting = finished_sitting(session, world.sitting_ref)
        found = sheet_of(session, sitting)
        waiting = [line.row.candidate.name for line in found.lines if line.pending]
        assert waiting == [world.sitters["theory"].name]
        with pytest.raises(Conflict) as refused:
            plan_release(session, sitting, now=ENDED)
        assert (refused.value.code, refused.value.params) == ("results.not_marked", {"people": 1})
        assert session.scalars(select(Result)).all() == []
        listed = sitting_lines(session, limit=5)
        closed = session.scalars(select(Attempt).where(Attempt.state == "scored")).all()
        assert listed[0].scored == len(closed) - 1, "what waits is not counted as scored"


def test_the_workbook_says_pending_where_points_would_stand(page: Page) -> None:
    hand_in(page, "一是致歉。")
    world = page.world
    answer = world.staff("officer").post(f"/results/{world.sitting_ref}/workbook")
    book = CalamineWorkbook.from_filelike(BytesIO(answer.data))
    rows = [row for name in book.sheet_names[1:] for row in book.get_sheet_by_name(name).to_python()]
    own = next(row for row in rows if "王小明" in row)
    assert own[5:10] == [0.0, "待阅", 0.0, "", "待阅"]


def test_who_is_out_for_cheating_waits_for_nobody(page: Page) -> None:
    hand_in(page, "一是致歉。")
    world = page.world
    set_violation(world, "theory", "phone_used")
    with world.app.app_context(), reading() as session:
        found = sheet_of(session, finished_sitting(session, world.sitting_ref))
        assert found.to_mark == 0
        assert found.releasable


def test_the_scores_of_an_older_database_stay_what_they_are(page: Page) -> None:
    hand_in(page)
    columns = text("SELECT id, attempt_id, raw, score, passed, sheet, sha256 FROM score ORDER BY id")
    with page.world.app.app_context():
        with reading() as session:
            before = session.execute(columns).all()
        with db.engine.execution_options(**{WRITE: True}).begin() as connection:
            command.downgrade(_config(connection), "0016")
        migrate()
        with reading() as session:
            assert session.execute(columns).all() == before
        assert all(one.ok for one in verify_sitting(page.world.sitting_ref) if one.attempt_ref == page.ref)
