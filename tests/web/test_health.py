"""What is watched from outside: health, counters and slow requests, and that no person is in any of it."""

from __future__ import annotations

import errno
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import flask
import pytest

from cbt.application.jobs import lead
from cbt.config import Settings
from cbt.http import health
from cbt.http.health import Probe
from cbt.storage.types import db
from cbt.storage.write_queue.write_lock import Gate
from tests.databases import PostgresServer
from tests.delivery.driver import Page, opened_page
from tests.watching.scraped import scrape
from tests.world import World

pytestmark = pytest.mark.past_sqlalchemy

SECOND = timedelta(seconds=1)


@pytest.fixture
def page(world: World) -> Page:
    """王小明 writes."""
    return opened_page(world)


def test_it_is_well_while_answers_can_be_saved(world: World) -> None:
    reply = world.app.test_client().get("/healthz")
    assert (reply.status_code, reply.get_json()) == (200, {"ok": True, "database": "ok"})
    assert "Set-Cookie" not in reply.headers


def test_it_changes_nothing_and_leaves_the_gate_open(page: Page, world: World) -> None:
    for _ in range(3):
        world.clock.advance(2 * SECOND)
        assert world.app.test_client().get("/healthz").status_code == 200
        assert page.answer(1, "A").status_code == 200


# Only there: PostgreSQL orders its writers itself.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_writer_that_never_ends_makes_it_busy_until_it_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe: Probe = world.app.extensions["cbt_probe"]
    gate = cast(Gate, world.app.extensions["cbt_gate"])
    monkeypatch.setattr(Probe.ask, "__kwdefaults__", {"patience": timedelta(milliseconds=50)})
    with gate():
        reply = world.app.test_client().get("/healthz")
        assert (reply.status_code, reply.get_json()) == (503, {"ok": False, "database": "busy"})
        asked = probe._running
        assert world.app.test_client().get("/healthz").status_code == 503
        assert probe._running is asked, "one question waits, not one for each who asks"
    assert asked is not None
    assert asked.result(timeout=60) == "ok"
    monkeypatch.setattr(Probe.ask, "__kwdefaults__", {"patience": timedelta(seconds=30)})
    world.clock.advance(2 * SECOND)
    assert world.app.test_client().get("/healthz").status_code == 200


def test_a_database_that_takes_nothing_is_503(world: World, request: pytest.FixtureRequest) -> None:
    settings = world.app.extensions["cbt_settings"]
    if settings.embedded:
        with world.app.app_context():
            db.engine.dispose()  # whoever connects now is told
        (settings.data_dir / "cbt.db").write_bytes(b"\0" * 4096)
        for name in ("cbt.db-wal", "cbt.db-shm"):
            (settings.data_dir / name).unlink(missing_ok=True)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        server.drop(settings.database_url.rsplit("/", 1)[1])
    reply = world.app.test_client().get("/healthz")
    assert (reply.status_code, reply.get_json()) == (503, {"ok": False, "database": "failed"})
    samples = scrape(world.app)  # what does not need the database is there all the same
    assert not [name for name in samples if name.startswith("cbt_attempts")]
    assert samples["cbt_save_queue"] == 0


# Only there: the embedded database has no such mode.
@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_postgresql_that_only_reads_is_503(world: World) -> None:
    settings = world.app.extensions["cbt_settings"]
    name = settings.database_url.rsplit("/", 1)[1]
    with world.app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with world.app.app_context():
        db.engine.dispose()  # whoever connects now is told
    assert world.app.test_client().get("/healthz").status_code == 503


def test_whoever_asks_often_takes_the_gate_once_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    monkeypatch.setattr(Probe, "_begin_and_roll_back", lambda _self: tried.append(1))
    client = world.app.test_client()
    for _ in range(5):
        client.get("/healthz")
    assert len(tried) == 1
    world.clock.advance(health.FRESH)
    client.get("/healthz")
    assert len(tried) == 2


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        pytest.param("192.168.1.20", {"Host": "127.0.0.1:8000"}, id="a machine of the room"),
        pytest.param("127.0.0.1", {"Host": "exam.example.org"}, id="through a proxy, by its name"),
        pytest.param(
            "127.0.0.1", {"Host": "localhost", "X-Forwarded-For": "192.168.1.20"}, id="passed on by a proxy"
        ),
        pytest.param("", {"Host": "localhost"}, id="from nowhere"),
    ],
)
def test_metrics_are_for_this_machine_only(world: World, address: str, headers: dict[str, str]) -> None:
    reply = world.app.test_client().get(
        "/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": address}
    )
    assert reply.status_code == 404
    assert b"cbt_requests_total" not in reply.data


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000"])
def test_this_machine_may_ask_by_any_of_its_own_names(world: World, host: str) -> None:
    assert world.app.test_client().get("/metrics", headers={"Host": host}).status_code == 200


def test_requests_are_counted_by_endpoint_and_class_the_short_way_too(page: Page, world: World) -> None:
    before = scrape(world.app)
    assert page.answer(1, "A").status_code == 200
    page.answer(999, "A")
    world.app.test_client().get("/nothing")
    after = scrape(world.app)

    def more(endpoint: str, status: str) -> float:
        name = f'cbt_requests_total{{endpoint="{endpoint}",status="{status}"}}'
        return after.get(name, 0) - before.get(name, 0)

    assert more("attempts.answers", "2xx") == 1
    assert more("attempts.answers", "4xx") == 1
    assert more("none", "4xx") == 1


def test_a_batch_is_counted_with_its_size_and_its_commit(page: Page, world: World) -> None:
    before = scrape(world.app)
    for position in (1, 2, 3):
        assert page.answer(position, "A").status_code == 200
    after = scrape(world.app)
    for name in ("cbt_save_batch_size", "cbt_save_commit_seconds"):
        assert after[f"{name}_count"] - before[f"{name}_count"] == 3
        assert after[f'{name}_bucket{{le="+Inf"}}'] == after[f"{name}_count"]
    assert after["cbt_save_batch_size_sum"] - before["cbt_save_batch_size_sum"] == 3
    assert after["cbt_save_commit_seconds_sum"] > before["cbt_save_commit_seconds_sum"]


def test_attempts_and_rooms_are_shown_by_state(page: Page, world: World) -> None:
    samples = scrape(world.app)
    assert samples['cbt_attempts{state="interacting"}'] == 1
    assert samples['cbt_attempts{state="ready"}'] == len(world.sitters) - 1
    assert samples['cbt_open_rooms{state="running"}'] == 2
    assert samples['cbt_open_rooms{state="held"}'] == 0


def leading(app: flask.Flask) -> float:
    [value] = [value for name, value in scrape(app).items() if name.startswith("cbt_leader{")]
    return value


def test_only_a_leading_process_says_that_it_leads(app: flask.Flask) -> None:
    assert leading(app) == 0
    scheduler = lead(app)
    try:
        assert leading(app) == 1
    finally:
        scheduler.shutdown(wait=True)
    assert leading(app) == 0


def _free(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    usage = shutil.disk_usage("/")._replace(free=left)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)


@pytest.mark.parametrize(("left", "low"), [(health.LOW_BYTES, False), (health.LOW_BYTES - 1, True)])
def test_a_disk_that_fills_is_told_while_saving_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, left: int, low: bool
) -> None:
    _free(monkeypatch, left)
    reply = world.app.test_client().get("/healthz")
    assert reply.status_code == 200
    assert reply.get_json().get("warnings", []) == (["disk.low:data"] if low else [])
    shown = world.staff("chief_proctor").get("/staff").get_data(as_text=True)
    assert ("磁盘空间不足" in shown) is low
    assert scrape(world.app)['cbt_disk_free_bytes{folder="data"}'] == left


def test_each_folder_is_told_by_its_name_and_one_that_is_away_is_not(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, journal_copy_dir=tmp_path, backup_dir=tmp_path / "not made yet")
    assert list(health.free_bytes(settings)) == ["data", "copy"]
    settings = replace(settings, backup_dir=tmp_path)
    assert list(health.free_bytes(settings)) == ["data", "copy", "backup"]
    settings = replace(settings, log_file=tmp_path / "cbt.log")
    assert list(health.free_bytes(settings)) == ["data", "copy", "backup", "log"]


# Only there: PostgreSQL's disk is another machine's.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_full_disk_is_503_until_there_is_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(health.os, "fsync", _no_space)
        reply = world.app.test_client().get("/healthz")
        assert (reply.status_code, reply.get_json()["database"]) == (503, "failed")
    assert not (world.app.extensions["cbt_settings"].data_dir / health.PROBE).exists()
    world.clock.advance(2 * SECOND)
    assert world.app.test_client().get("/healthz").status_code == 200


def _no_space(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
