"""What a scrape says of requests, commits, candidates, backups and the machine; and who may read it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import flask
import pytest
from sqlalchemy import select, update

from cbt.application.app import create_app
from cbt.application.backups import FRESH, note_failed, note_made
from cbt.application.observation import BEATS, KINDS, kinds_of
from cbt.errors import InvalidInput, Unavailable
from cbt.http.request_log import ObservedApp
from cbt.http.server.proxies import read_networks
from cbt.http.tls import ServedCertificate
from cbt.http.views import SHOWN, may_read
from cbt.paths import product_dir
from cbt.proctoring.board.seat_state import SeatFacts, SeatState, seat_state
from cbt.rules.states import State
from cbt.runner.close.outage import beat
from cbt.runner.models import Attempt, AttemptLive
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.write_lock import Gate
from tests.conftest import base_settings, close_engine
from tests.delivery.driver import Page, opened_page
from tests.helpers import FakeClock, count_queries
from tests.results.late_scene import Scene
from tests.watching.scraped import scrape
from tests.watching.told import every_name
from tests.world import World

SECOND = timedelta(seconds=1)
OPERATIONS = product_dir("docs") / "operations.md"
STATEMENTS = 8
"""One for each figure of the database, and one to find it ready."""


@pytest.fixture
def page(world: World) -> Page:
    """王小明 writes."""
    return opened_page(world)


def test_every_request_has_a_kind(world: World) -> None:
    kinds = kinds_of(world.app)
    assert set(world.app.view_functions) < set(kinds)
    assert set(KINDS) <= {*world.app.view_functions, BEATS}, "the table names no page that is gone"
    expected = "beat board candidate hand_in other save sign_in staff start static"
    assert sorted(set(kinds.values())) == expected.split()


# What is counted of a request is the same on either database.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_each_kind_has_its_latency_and_a_heartbeat_is_no_save(page: Page, world: World) -> None:
    before = scrape(world.app)
    assert page.answer(1, "A").status_code == 200
    assert page.send().status_code == 200
    assert page.send().status_code == 200
    world.candidate("theory").get("/exam/wait/state")
    world.staff("proctor").get(f"/proctor/rooms/{world.room_ref}/live")
    after = scrape(world.app)
    grown = {
        name.partition('kind="')[2].partition('"')[0]: value - before[name]
        for name, value in after.items()
        if name.startswith("cbt_request_seconds_count") and value > before[name]
    }
    assert grown == {"save": 1, "beat": 2, "candidate": 1, "board": 1, "other": 1}
    assert after['cbt_requests_total{endpoint="attempts.beat",status="2xx"}'] == 2
    assert after['cbt_request_seconds_sum{kind="save",status="2xx"}'] > 0


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_wait_for_a_thread_counts(world: World) -> None:
    app = cast(ObservedApp, world.app)
    app.request_log.timer = lambda: 103.0
    app.test_client().get("/healthz", environ_overrides={"cbt.handed_at": 100.0})
    samples = scrape(app)
    name = 'cbt_request_seconds_bucket{kind="other",status="2xx",le="%s"}'
    assert (samples[name % "2.5"], samples[name % "5.0"]) == (0, 1)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_who_tries_too_often_is_counted(world: World) -> None:
    client = world.app.test_client()
    sent = {"login": "officer", "password": "not the one"}
    assert 429 in [client.post("/staff/sign-in", data=sent).status_code for _ in range(12)]
    assert scrape(world.app)['cbt_throttled_total{kind="sign_in"}'] >= 1


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OSError("no disk"), id="refused by the system"),
        pytest.param(Unavailable("copy.behind", path="copy"), id="refused by the second copy"),
    ],
)
def test_a_commit_is_counted_where_it_happens_and_one_that_fails_too(
    page: Page, world: World, error: Exception
) -> None:
    before = scrape(world.app)
    assert page.answer(1, "A").status_code == 200
    journal = world.app.extensions["cbt_journal"]

    def refuse() -> None:
        raise error

    journal.commits.before_commit = refuse
    assert page.answer(2, "A").status_code == 503
    after = scrape(world.app)
    assert after["cbt_save_commit_seconds_count"] - before["cbt_save_commit_seconds_count"] == 1
    assert after["cbt_save_commits_failed_total"] - before["cbt_save_commits_failed_total"] == 1
    assert after["cbt_save_queue"] == 0


def test_the_silent_are_those_who_are_offline_on_the_board(page: Page, world: World) -> None:
    for name in ("skills", "extra", "factor", "late"):
        assert Page(world, name).start().status_code == 200
    world.clock.advance(30 * SECOND)
    page.send()  # one is heard
    now = world.clock.now()
    with world.app.app_context(), unit_of_work() as session:
        rows = {row.ref: row for row in session.scalars(select(Attempt))}
        moving = rows[world.sitters["skills"].attempt_ref]
        moving.move_allowed_at = now
        rows[world.sitters["extra"].attempt_ref].state = State.SUSPENDED
        barely = rows[world.sitters["factor"].attempt_ref]
        seen = now - timedelta(seconds=29)
        session.execute(update(AttemptLive).where(AttemptLive.attempt_id == barely.id).values(seen_at=seen))
    with world.app.app_context(), reading() as session:
        query = select(Attempt, AttemptLive.seen_at).outerjoin(AttemptLive)
        states = [
            seat_state(
                SeatFacts(
                    attempt_state=State(row.state), move_allowed_at=row.move_allowed_at, seen_at=seen_at
                ),
                now=now,
            )
            for row, seen_at in session.execute(query)
        ]
    assert scrape(world.app)["cbt_silent_candidates"] == states.count(SeatState.OFFLINE) == 1
    world.clock.advance(SECOND)
    assert scrape(world.app)["cbt_silent_candidates"] == 2


def test_late_answers_wait_until_they_are_ruled_on(world: World) -> None:
    scene = Scene(world)
    assert scrape(world.app)["cbt_late_answers_waiting"] == 4
    assert scene.rule("theory", verdict="rejected").status_code == 303
    assert scrape(world.app)["cbt_late_answers_waiting"] == 2


def test_the_age_of_the_heartbeat_and_the_version_are_told(world: World) -> None:
    with world.app.app_context():
        beat(now=world.clock.now())
    world.clock.advance(2 * SECOND)
    samples = scrape(world.app)
    assert samples["cbt_heartbeat_age_seconds"] == 2
    [info] = [name for name in samples if name.startswith("cbt_info")]
    assert re.fullmatch(r'cbt_info\{version="\d+\.\d+\.\d+\S*",revision="\d{4}"\}', info)


@pytest.fixture
def configured(tmp_path: Path, clock: FakeClock) -> Iterator[Callable[..., flask.Flask]]:
    """Return the product of an installation that begins, with the settings that are named."""
    made: list[flask.Flask] = []

    def make(**changed: Any) -> flask.Flask:
        settings = replace(base_settings(tmp_path), **changed)
        begin_installation(settings)
        made.append(create_app(settings, clock=clock))
        return made[-1]

    yield make
    for app in made:
        close_engine(app)


def test_the_newest_backup_is_told_and_one_that_was_never_made(
    configured: Callable[..., flask.Flask], tmp_path: Path, clock: FakeClock
) -> None:
    folder = tmp_path / "backup"
    app = configured(backup_dir=folder, backup_minutes=30)
    with app.app_context():
        migrate()
    samples = scrape(app)
    assert samples["cbt_backup_age_seconds"] == float("inf")
    assert samples["cbt_backup_every_seconds"] == 1800
    assert samples["cbt_backup_failing"] == 0
    with app.app_context(), unit_of_work() as session:
        note_made(session, folder, "cbt-20261120T000000Z", 1, at=clock.now() - timedelta(hours=1))
    clock.advance(FRESH)
    samples = scrape(app)
    assert (samples["cbt_backup_age_seconds"], samples["cbt_backup_failing"]) == (3605, 0)
    with app.app_context(), unit_of_work() as session:
        note_failed(session, folder, Unavailable("backup.missing", folder=str(folder)), at=clock.now())
    clock.advance(FRESH)
    samples = scrape(app)
    assert (samples["cbt_backup_age_seconds"], samples["cbt_backup_failing"]) == (3610, 1)


def test_what_is_not_there_is_not_told(configured: Callable[..., flask.Flask]) -> None:
    samples = scrape(configured())
    parts = ("backup", "journal_copy", "certificate", "clock_off")
    assert [name for name in samples if name.startswith(tuple(f"cbt_{part}" for part in parts))] == []
    assert samples["cbt_writer_up"] == 0


def test_how_long_an_act_kept_others_from_writing_is_told_by_its_name(world: World) -> None:
    if not world.app.extensions["cbt_settings"].embedded:
        return  # PostgreSQL orders writers itself: its gate is open
    gate = cast(Gate, world.app.extensions["cbt_gate"])
    assert gate.held is not None
    with world.app.test_request_context("/office/batches", method="POST"):
        gate.held(0.3)
    with world.app.app_context():
        flask.g.cbt_job = "score_closed"
        gate.held(0.01)
    gate.held(0.001)
    samples = scrape(world.app)
    held = {name: value for name, value in samples.items() if name.startswith("cbt_gate_held_seconds_count")}
    assert any("batches" in name for name in held)
    assert samples['cbt_gate_held_seconds_count{act="score_closed"}'] >= 1
    assert samples['cbt_gate_held_seconds_count{act="saves"}'] >= 1
    assert samples["cbt_gate_long_holds_total"] >= 1


def test_the_end_of_the_certificate_is_told(configured: Callable[..., flask.Flask], clock: FakeClock) -> None:
    app = configured()
    app.extensions[SHOWN] = ServedCertificate(clock.now() + timedelta(days=3), b"", "")
    assert scrape(app)["cbt_certificate_ends_seconds"] == 3 * 86400


def test_the_second_copy_says_for_how_long_it_has_been_behind(
    configured: Callable[..., flask.Flask], tmp_path: Path
) -> None:
    app = configured(journal_copy_dir=tmp_path / "copy")
    assert scrape(app)["cbt_journal_copy_behind_seconds"] == 0
    mark = tmp_path / "data" / "copy.behind"
    mark.touch()
    hour_ago = mark.stat().st_mtime - 3600
    os.utime(mark, (hour_ago, hour_ago))
    copy = cast(Gate, app.extensions["cbt_gate"]).copy
    copy._mark.set()  # type: ignore[union-attr]  # every try that fails says so again
    samples = scrape(app)
    assert samples["cbt_journal_copy_behind"] == 1
    assert samples["cbt_journal_copy_behind_seconds"] == pytest.approx(3600, abs=60)


def test_a_scrape_reads_the_same_however_much_is_stored(page: Page, world: World) -> None:
    scrape(world.app)
    with count_queries(world.app) as seen:
        scrape(world.app)
    assert len(seen) <= STATEMENTS, seen
    if world.app.extensions["cbt_settings"].embedded:
        with world.app.app_context(), db.engine.connect() as connection:
            for statement in seen:
                literal = re.sub(r"\?", "1", statement)
                plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}")]
                scanned = {step.split()[1] for step in plan if step.startswith("SCAN")}
                # One row each; and the newest 10,000 late answers, however many there are.
                assert scanned <= {
                    "sqlite_master",
                    "alembic_version",
                    "server_heartbeat",
                    "late_entry",
                    "anon_1",
                }
                assert "late_entry" not in scanned or "LIMIT" in statement


@pytest.mark.parametrize(
    ("named", "address", "host", "forwarded", "may"),
    [
        pytest.param("", "127.0.0.1", "localhost:8000", "", True, id="this machine"),
        pytest.param("", "10.0.0.9", "exam:8000", "", False, id="another machine"),
        pytest.param("10.0.0.9", "10.0.0.9", "exam:8000", "", True, id="one that is named"),
        pytest.param("10.0.0.9", "10.0.0.10", "exam:8000", "", False, id="its neighbour"),
        pytest.param("10.0.0.0/28, fd00::/64", "fd00::7", "[fd00::1]:8000", "", True, id="a network"),
        pytest.param("10.0.0.9", "127.0.0.1", "127.0.0.1", "", True, id="this machine besides"),
        pytest.param("10.0.0.9", "10.0.0.9", "exam", "8.8.8.8", False, id="a proxy at a named address"),
        pytest.param("127.0.0.1", "127.0.0.1", "exam", "", True, id="a tunnel that somebody named"),
    ],
)
def test_who_may_read(named: str, address: str, host: str, forwarded: str, may: bool) -> None:
    headers = {"Host": host} | ({"X-Forwarded-For": forwarded} if forwarded else {})
    asked = {"headers": headers, "environ_overrides": {"REMOTE_ADDR": address}}
    with flask.Flask("asked").test_request_context("/metrics", **asked):
        assert may_read(flask.request, read_networks(named)) is may


def test_the_setting_opens_them(configured: Callable[..., flask.Flask]) -> None:
    client = configured(metrics_from="10.0.0.9").test_client()
    codes = [
        client.get("/metrics", environ_overrides={"REMOTE_ADDR": address}).status_code
        for address in ("10.0.0.9", "10.0.0.10")
    ]
    assert codes == [200, 404]


def test_an_address_that_is_none_is_refused_by_name(configured: Callable[..., flask.Flask]) -> None:
    with pytest.raises(InvalidInput) as refused:
        configured(metrics_from="10.0.0.300")
    assert refused.value.params["name"] == "CBT_METRICS_FROM"


def test_every_metric_is_in_the_table_and_nothing_else(tmp_path: Path, clock: FakeClock) -> None:
    told = every_name(tmp_path, clock)
    text = OPERATIONS.read_text("utf-8")
    section = text.partition("### 指标 / Metrics")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `cbt_")]
    documented = [name for row in rows for name in re.findall(r"`(cbt_\w+)", row)]
    assert sorted(documented) == sorted(told)
