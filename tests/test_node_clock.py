"""A node whose clock has left the database's time serves nobody and leads nothing until it agrees (R-27)."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import flask
import pytest
from sqlalchemy import text

from cbt.clock import MAX_HALF_TRIP, MAX_OFF, Agreement, SystemClock
from cbt.config import Settings
from cbt.errors import Unavailable
from cbt.http.server.deferred import Parking
from cbt.jobs.scheduler import AdvisoryLock, Candidacy, FileLock, Scheduler, run_job
from cbt.ops.worker import _send_home_when_told_to_end, front_of
from cbt.releases import newest_revision
from cbt.storage.server_time import TimeWatch, database_time
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work
from tests.conftest import base_settings
from tests.delivery.driver import opened_page
from tests.world import World
from torture.sites.waiting import wait_for

pytestmark = pytest.mark.past_sqlalchemy

TICK = timedelta(microseconds=1)
ZERO = timedelta(0)
# Only there: the embedded database has one machine and one clock.
only_postgres = pytest.mark.parametrize("database_kind", ["postgresql"])


@pytest.mark.parametrize(
    ("off_by", "half_trip", "agrees"),
    [
        pytest.param(MAX_OFF, ZERO, True, id="at the limit"),
        pytest.param(MAX_OFF + TICK, ZERO, False, id="ahead of it"),
        pytest.param(-MAX_OFF - TICK, ZERO, False, id="behind it"),
        pytest.param(MAX_OFF + MAX_HALF_TRIP, MAX_HALF_TRIP, True, id="it may be the way"),
        pytest.param(MAX_OFF + MAX_HALF_TRIP + TICK, MAX_HALF_TRIP, False, id="it cannot be the way"),
    ],
)
def test_only_what_is_surely_off_is_called_off(off_by: timedelta, half_trip: timedelta, agrees: bool) -> None:
    agreement = Agreement()
    agreement.note(off_by, half_trip=half_trip)
    assert agreement.agrees is agrees


@pytest.mark.parametrize("agreed", [True, False])
def test_a_slow_answer_changes_nothing(agreed: bool) -> None:
    agreement = Agreement()
    agreement.note(ZERO if agreed else timedelta(seconds=2), half_trip=ZERO)
    agreement.note(timedelta(seconds=9) if agreed else ZERO, half_trip=MAX_HALF_TRIP + TICK)
    assert agreement.agrees is agreed


class NodeClock(SystemClock):
    """A node's clock that a test puts wrong."""

    def __init__(self, anchor: datetime | None) -> None:
        super().__init__(anchor)
        self.wrong_by = ZERO

    def now(self) -> datetime:
        """Return what this node believes."""
        return super().now() + self.wrong_by


def settings_of(app: flask.Flask) -> Settings:
    """Return the settings of an app."""
    settings: Settings = app.extensions["cbt_settings"]
    return settings


@only_postgres
@pytest.mark.parametrize("wrong_by", [timedelta(hours=2), timedelta(seconds=-3)])
def test_it_is_measured_against_the_database_and_agrees_again_when_it_does(
    app: flask.Flask, wrong_by: timedelta
) -> None:
    clock = NodeClock(database_time(settings_of(app)))
    agreement = Agreement()
    watch = TimeWatch(settings_of(app), clock, agreement)
    watch.measure()
    assert agreement.agrees
    clock.wrong_by = wrong_by
    watch.measure()
    assert not agreement.agrees
    assert abs(agreement.off_by - wrong_by) < timedelta(seconds=2)
    clock.wrong_by = ZERO
    watch.measure()
    assert agreement.agrees
    watch._drop()


@only_postgres
def test_a_database_that_is_away_says_nothing_about_the_time(app: flask.Flask) -> None:
    clock = NodeClock(database_time(settings_of(app)))
    agreement = Agreement()
    watch = TimeWatch(
        base_settings(settings_of(app).data_dir, "postgresql+psycopg://x@127.0.0.1:1/x"), clock, agreement
    )
    for former in (True, False):
        agreement.in_time = former
        watch.measure()
        assert agreement.agrees is former


@only_postgres
def test_the_watch_notices_by_itself(app: flask.Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cbt.storage.server_time.MEASURE_EVERY_SECONDS", 0.01)
    clock = NodeClock(database_time(settings_of(app)))
    agreement = Agreement()
    watch = TimeWatch(settings_of(app), clock, agreement)
    watch.begin()
    clock.wrong_by = timedelta(seconds=5)
    assert wait_for(lambda: not agreement.agrees)
    clock.wrong_by = ZERO
    assert wait_for(lambda: agreement.agrees)
    watch.end()


@only_postgres
def test_a_node_that_is_off_answers_503_in_words_and_says_so_to_the_proxy(world: World) -> None:
    page = opened_page(world)
    agreement: Agreement = world.app.extensions["cbt_agreement"]
    agreement.note(timedelta(seconds=2), half_trip=ZERO)
    entry = page.entry(1, "A")
    refused = page.send(entry)
    assert refused.status_code == 503
    assert refused.get_json()["code"] == "clock.off"
    assert page.start().status_code == 503, "the short way of a start asks too"
    client = world.app.test_client()
    shown = client.get("/", follow_redirects=True)
    assert shown.status_code == 503
    assert "时间与数据库不一致" in shown.get_data(as_text=True)
    well = client.get("/healthz")
    assert well.status_code == 503
    assert well.get_json() == {"ok": False, "database": "ok", "warnings": ["clock.off"]}
    metrics = client.get("/metrics", headers={"Host": "127.0.0.1"})
    assert metrics.status_code == 200
    assert "cbt_clock_off_seconds" in metrics.get_data(as_text=True)
    agreement.note(ZERO, half_trip=ZERO)
    saved = page.send(entry)
    assert saved.status_code == 200
    assert client.get("/healthz").status_code == 200


@only_postgres
def test_a_node_whose_database_was_upgraded_under_it_serves_nobody(world: World) -> None:
    agreement: Agreement = world.app.extensions["cbt_agreement"]
    settings = settings_of(world.app)
    watch = TimeWatch(settings, NodeClock(database_time(settings)), agreement)
    watch.measure()
    assert agreement.agrees
    _set_revision(world.app, "9999")
    watch.measure()
    client = world.app.test_client()
    well = client.get("/healthz")
    assert (well.status_code, well.get_json()["warnings"]) == (503, ["db.left_behind"])
    shown = client.get("/", follow_redirects=True)
    assert shown.status_code == 503
    assert "版本不一致" in shown.get_data(as_text=True)
    _set_revision(world.app, newest_revision())
    watch.measure()
    assert agreement.agrees
    watch._drop()


def _set_revision(app: flask.Flask, revision: str) -> None:
    with app.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_a_node_that_is_off_runs_no_job(app: flask.Flask) -> None:
    ran: list[datetime] = []

    def job(*, now: datetime) -> None:
        ran.append(now)

    agreement: Agreement = app.extensions["cbt_agreement"]
    agreement.in_time = False
    run_job(app, job)
    assert not ran
    agreement.in_time = True
    run_job(app, job)
    assert len(ran) == 1


def test_a_node_that_is_off_leaves_the_lead_to_another(
    app: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cbt.jobs.scheduler.TRY_EVERY_SECONDS", 0.01)
    settings = settings_of(app)

    def lock() -> FileLock | AdvisoryLock:
        if settings.embedded:
            return FileLock(settings.data_dir / "leader.lock")
        with app.app_context():
            return AdvisoryLock(db.engine)

    class Led:
        stopped = False

        def keep_time(self) -> None:
            """Nothing of this test jumps."""

        def shutdown(self, *, wait: bool) -> None:
            self.stopped = True

    agrees = [True]
    led = Led()
    first = Candidacy(lock(), lambda: led, may_lead=lambda: agrees[0])
    first.begin()
    assert wait_for(lambda: first._running is led)
    other = lock()
    assert not other.take()
    agrees[0] = False
    assert wait_for(other.take)
    assert led.stopped
    other.release()
    agrees[0] = True
    assert wait_for(lambda: first._running is not None)
    first.end()
    first._lock.release()


def test_a_process_on_its_way_out_plans_no_more_jobs(
    app: flask.Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its interpreter gives no thread any more by then: each job that is due would be an error in the log."""
    scheduler = Scheduler()
    candidacy = Candidacy(FileLock(tmp_path / "lead"), lambda: scheduler)
    monkeypatch.setattr("cbt.ops.worker._candidacies", [candidacy])
    front = front_of(app)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        front.__rsgi_init__(loop)
        scheduler.start()
        candidacy.begin()
        assert wait_for(lambda: candidacy._running is scheduler)
        front.__rsgi_del__(loop)

    # in a thread of its own: the browsers of other tests keep a loop in this one
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, serve()).result()
    assert not scheduler.running
    assert not candidacy._thread.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_told_to_end_sends_home_who_waits_and_ends_as_before(number: signal.Signals) -> None:
    class Loop:
        def call_soon_threadsafe(self, call: Callable[..., None], *given: object) -> None:
            heard.append("in the loop")
            call(*given)

        def call_later(self, _seconds: float, call: Callable[..., None], *given: object) -> None:
            assert (call, given) == (signal.raise_signal, (number,))
            heard.append("and again, while it runs")

    heard: list[str] = []
    parking, loop = Parking(), cast(asyncio.AbstractEventLoop, Loop())
    parking.open(loop)
    formers = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        for one in formers:
            signal.signal(one, lambda *_: heard.append("ends"))
        _send_home_when_told_to_end(loop, parking)
        signal.raise_signal(number)
    finally:
        for one, former in formers.items():
            signal.signal(one, former)
    assert heard == ["in the loop", "in the loop", "and again, while it runs", "ends"]
    assert not parking.is_open


def test_a_leader_whose_database_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cbt.jobs.scheduler.END_SECONDS", 0.05)
    asked, answered, started = threading.Event(), threading.Event(), threading.Event()

    class Hanging:
        def take(self) -> bool:
            asked.set()
            return answered.wait(20)

    candidacy = Candidacy(cast(FileLock, Hanging()), started.set)
    candidacy.begin()
    assert asked.wait(20)
    candidacy.end()
    answered.set()
    candidacy._thread.join(20)
    assert not started.is_set()  # it has ended: it does not begin to lead after all


def test_a_database_that_is_away_is_told_as_such() -> None:
    with pytest.raises(Unavailable, match=r"db\.unreachable"):
        database_time(Settings(database_url="postgresql+psycopg://x@127.0.0.1:1/x"))
