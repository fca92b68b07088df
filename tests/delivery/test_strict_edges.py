"""Edges of strict units, of late answers and of the pass mark, by HTTP on both databases."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, inspect, select, update

from cbt.assembly.models import Form
from cbt.audit.models import AuditEntry
from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import Registration
from cbt.paths import product_dir
from cbt.runner.close.closure import advance_overdue, expire_overdue
from cbt.runner.models import Attempt, LateEntry
from cbt.runner.paper.draw import draw_for_sitting
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed, verify_sitting
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.delivery.test_clock_edges import attempt_of, grant, opened
from tests.helpers import count_queries
from tests.scoring.test_sums import keys_of, right_value, sit
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def change_blueprint(world: World, name: str, level: str, *changes: tuple[str, str]) -> None:
    """Give one candidate a blueprint with other values, and a form drawn from it."""
    text = (product_dir("blueprints") / f"customer-service-{level}.toml").read_text("utf-8")
    for former, new in changes:
        assert former in text
        text = text.replace(former, new)
    sitter, now = world.sitters[name], world.clock.now()
    with world.app.app_context():
        with unit_of_work() as session:
            version = store_blueprint(session, text, now=now, actor="cli")
            form_id = session.get_one(Attempt, sitter.attempt_id).form_id
            session.execute(delete(Attempt).where(Attempt.id == sitter.attempt_id))
            session.execute(delete(Form).where(Form.id == form_id))
            session.execute(
                update(Registration)
                .where(Registration.id == sitter.registration_id)
                .values(blueprint_version_id=version.id)
            )
        assert draw_for_sitting(world.sitting_ref, now=now, actor="staff:test", seed=7) == 1
        with reading() as session:
            drawn = session.scalars(
                select(Attempt).where(Attempt.registration_id == sitter.registration_id)
            ).one()
    # The sitters are shared with other tests: this world gets its own.
    drawn_for = replace(sitter, attempt_ref=drawn.ref, attempt_id=drawn.id)
    world.sitters = {**world.sitters, name: drawn_for}


@pytest.fixture
def running(world: World) -> World:
    """Everybody waits, and the room starts on time."""
    world.admit_all()
    world.start()
    return world


# --- what is left of a unit --------------------------------------------------------------------------------


def test_unused_unit_time_is_lost_where_the_blueprint_says_so(world: World) -> None:
    """Level 2: unit 1 left 15 minutes early, so unit 2 has its own 15 minutes and the paper's end stays."""
    change_blueprint(world, "skills", "l2", ('unused_time = "carried"', 'unused_time = "lost"'))
    world.admit_all()
    world.start()
    page = opened(world, "skills")
    world.clock.set(PLANNED + 5 * MINUTE)
    moved = page.advance(1, completed=True)
    assert moved.get_json()["clock"]["unit"] == {"number": 2, "ends_at": "2026-11-24T01:20:00Z"}
    world.clock.set(PLANNED + 45 * MINUTE + 5 * SECOND)
    with world.app.app_context():
        assert advance_overdue(now=world.clock.now()) == 1
    attempt = attempt_of(world, "skills")
    assert (attempt.state, attempt.closes_at) == ("units_done", PLANNED + 60 * MINUTE)
    assert page.submit().status_code == 200


# --- time granted at the very end of a unit ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "unit_end", "paper_end"),
    [
        pytest.param("site_fault", 25 * MINUTE, 65 * MINUTE, id="补时 lengthens the open unit"),
        pytest.param("general", 20 * MINUTE, 65 * MINUTE, id="延时 is spread over what is left"),
    ],
)
def test_time_granted_five_seconds_before_a_unit_ends(
    running: World, kind: str, unit_end: timedelta, paper_end: timedelta
) -> None:
    page = opened(running, "skills")
    running.clock.set(PLANNED + 20 * MINUTE - 5 * SECOND)
    grant(running, "skills", 5 * MINUTE, kind=kind)
    attempt = attempt_of(running, "skills")
    assert attempt.unit_ends_at is not None
    assert timedelta(0) <= attempt.unit_ends_at - (PLANNED + unit_end) < SECOND
    assert (attempt.open_unit, attempt.closes_at) == (1, PLANNED + paper_end)
    running.clock.set(PLANNED + unit_end - timedelta(milliseconds=1))
    first = next(item for item in page.opened["paper"]["items"] if item["type"] == "single_choice")
    assert page.answer(first["position"], "A").status_code == 200
    with running.app.app_context():
        assert advance_overdue(now=running.clock.now()) == 0


def test_the_log_says_which_end_a_grant_moved_and_where_to(running: World) -> None:
    opened(running, "skills")
    running.clock.set(PLANNED + 10 * MINUTE)
    grant(running, "skills", 5 * MINUTE)
    with running.app.app_context(), reading() as session:
        line = session.scalars(select(AuditEntry).where(AuditEntry.act == "attempt.adjust")).one()
    assert (line.actor, line.reason) == ("staff:test", "机器故障")
    assert json.loads(line.before) == {
        "closes_at": (PLANNED + 60 * MINUTE).isoformat(),
        "unit_ends_at": (PLANNED + 20 * MINUTE).isoformat(),
    }
    assert json.loads(line.after) == {
        "seconds": 300,
        "kind": "site_fault",
        "reason_code": "device",
        "closes_at": (PLANNED + 65 * MINUTE).isoformat(),
        "unit_ends_at": (PLANNED + 25 * MINUTE).isoformat(),
    }


# --- answers that come too late ----------------------------------------------------------------------------


def test_answers_after_the_closing_are_kept_as_evidence_and_not_scored(running: World) -> None:
    page = opened(running, "theory")
    form, contents = keys_of(running, "theory")
    place = form["positions"][0]
    right = right_value(place, contents[place["item"], place["version"]])
    running.clock.set(PLANNED + 46 * MINUTE)
    with running.app.app_context():
        assert expire_overdue(now=running.clock.now()) == 1
        assert score_closed(now=running.clock.now()) == 1
    late = page.entry(1, right)
    for _ in range(2):
        reply = page.send(late)
        assert (reply.status_code, reply.get_json()["receipts"]) == (410, [])
    with running.app.app_context():
        with reading() as session:
            kept = session.scalars(select(LateEntry)).one()
            assert (kept.position, kept.seq, kept.received_at) == (1, late["seq"], running.clock.now())
            assert session.scalars(select(Score.score)).one() == Decimal("0.0")
        assert score_closed(now=running.clock.now()) == 0
        assert [one.ok for one in verify_sitting(running.sitting_ref)] == [True]


def test_an_answer_for_a_unit_that_is_over_is_kept_as_evidence(running: World) -> None:
    page = opened(running, "skills")
    running.clock.set(PLANNED + 5 * MINUTE)
    assert page.advance(1, completed=True).status_code == 200
    first = next(item for item in page.opened["paper"]["items"] if item["type"] == "single_choice")
    assert page.answer(first["position"], "A").status_code == 410
    with running.app.app_context(), reading() as session:
        assert session.scalars(select(LateEntry.position)).all() == [first["position"]]


# --- the pass mark -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("judged", "chosen", "raw", "shown", "passed"),
    [
        pytest.param(5, 44, "59.95", "60.0", True, id="59.95 shows 60.0 and passes"),
        pytest.param(12, 41, "59.9", "59.9", False, id="59.90 fails"),
    ],
)
def test_the_shown_number_decides(
    world: World, judged: int, chosen: int, raw: str, shown: str, passed: bool
) -> None:
    """40 judgements of 0.55 and 60 choices of 1.3 points make 100, and a half of the step can be reached."""
    tf = 'type = "true_false"\ncount = 40\npoints_each = '
    sc = 'type = "single_choice"\ncount = 60\npoints_each = '
    change_blueprint(world, "theory", "l3", (f"{tf}1\n", f"{tf}0.55\n"), (f"{sc}1\n", f"{sc}1.3\n"))
    score = sit(world, "theory", lambda index: index < judged or 40 <= index < 40 + chosen)
    assert (score.raw, score.score, score.passed) == (Decimal(raw), Decimal(shown), passed)


# --- the way to the paper ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"pledged_at": None}, 409, id="without the pledge"),
        pytest.param({"confirmed_at": None, "pledged_at": None}, 409, id="without the confirmation"),
        pytest.param({"query_at": PLANNED}, 409, id="while a proctor is to compare"),
        pytest.param({}, 200, id="after both"),
    ],
)
def test_the_paper_is_sent_only_to_who_came_through_the_door(
    running: World, changes: dict[str, object], code: int
) -> None:
    with running.app.app_context(), unit_of_work() as session:
        if changes:
            session.execute(
                update(Registration)
                .where(Registration.id == running.sitters["theory"].registration_id)
                .values(**changes)
            )
    reply = Page(running, "theory").start()
    assert reply.status_code == code
    assert ("paper" in reply.get_json()) == (code == 200)
    assert (attempt_of(running, "theory").started_at is not None) == (code == 200)


def test_units_that_are_over_are_found_by_an_index_of_those_that_have_an_end(world: World) -> None:
    """Most papers have one time for all: nothing that moves them writes to it."""
    with count_queries(world.app) as seen, world.app.app_context():
        advance_overdue(now=world.clock.now())
        (statement,) = (one for one in seen if "unit_ends_at <" in one)
        indexes = {one["name"]: one for one in inspect(db.engine).get_indexes("attempt")}
        assert indexes["ix_attempt_unit_due"]["dialect_options"]
        if db.engine.dialect.name == "sqlite":
            asked = "EXPLAIN QUERY PLAN " + re.sub(r"\?", "1", statement)
            with db.engine.connect() as connection:
                plan = [row[3] for row in connection.exec_driver_sql(asked)]
            assert any("USING INDEX ix_attempt_unit_due" in step for step in plan), plan
