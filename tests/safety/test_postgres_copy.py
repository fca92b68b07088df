"""The rehearsal of the chapter on PostgreSQL: a second copy of its log, the server destroyed, nothing lost."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from cbt.application.app import create_app
from cbt.ops.backup.verification import all_findings, verify_everything
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.unit_of_work import reading
from tests.conftest import IN_CI, base_settings, close_engine
from tests.databases import CARELESS, PostgresServer, find_binaries, give_to_server, serve_data, start_own
from tests.delivery.driver import opened_page
from tests.helpers import FakeClock
from tests.world import START, build_world
from torture.sites.waiting import wait_for

TOOLS = ("pg_receivewal", "pg_basebackup")


@pytest.fixture
def tools() -> Path:
    """The folder of PostgreSQL's own tools; their absence is a failure in CI and a loud skip elsewhere."""
    folder = find_binaries()
    if folder is None or not all((folder / name).exists() for name in TOOLS):
        if IN_CI:
            pytest.fail("pg_receivewal and pg_basebackup are missing: install postgresql")
        pytest.skip("pg_receivewal is missing: the second copy on PostgreSQL was not rehearsed")
    return folder


@pytest.fixture
def server(tools: Path) -> Iterator[PostgresServer]:
    """A server of this test's own, to be destroyed."""
    started = start_own()
    assert started
    yield started
    started.stop()


class Receiver:
    """`pg_receivewal --synchronous`: what it has confirmed is on its disk."""

    def __init__(self, tools: Path, server: PostgresServer, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        _ask(server, "SELECT pg_create_physical_replication_slot('cbt_copy', true)")
        self.process = subprocess.Popen(
            [tools / "pg_receivewal", "--synchronous", "--slot", "cbt_copy", "--directory", folder, "--dbname",
             f"{server.admin_url.replace('/postgres', '')}?application_name=cbt_copy", "--no-loop"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(timeout=60)


def _ask(server: PostgresServer, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def test_a_server_that_is_destroyed_is_rebuilt_from_its_base_and_the_received_log(
    tools: Path, server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = base_settings(tmp_path, server.create("exam"))
    clock = FakeClock(START)
    begin_installation(settings)
    app = create_app(settings, clock=clock)
    app.testing, app.config["WTF_CSRF_ENABLED"] = True, False
    with app.app_context():
        migrate()
        world = build_world(app).on(app, clock)
    receiver = Receiver(tools, server, tmp_path / "wal")
    try:
        subprocess.run(
            [tools / "pg_basebackup", "--dbname", server.admin_url.replace("/postgres", ""), "--checkpoint=fast",
             "--pgdata", tmp_path / "base"], check=True, capture_output=True,
        )  # fmt: skip
        _ask(server, "ALTER SYSTEM SET synchronous_standby_names = 'cbt_copy'")
        _ask(server, "SELECT pg_reload_conf()")
        query = "SELECT sync_state FROM pg_stat_replication WHERE application_name = 'cbt_copy'"
        assert wait_for(lambda: _ask(server, query) == [("sync",)])
        page = opened_page(world)
        acknowledged = [seq for seq in range(1, 41) if page.answer(seq, "A").status_code == 200]
        assert len(acknowledged) == 40
        with monkeypatch.context() as hurried:
            hurried.setattr("cbt.storage.write_queue.group_commit.WAIT_SECONDS", 1.0)
            receiver.process.send_signal(signal.SIGSTOP)
            assert page.answer(41, "A").status_code == 503, "not on the second disk, so not acknowledged"
        _destroy(server)
    finally:
        receiver.stop()
        close_engine(app)
    rebuilt = _rebuild(tools, tmp_path / "base", receiver.folder)
    try:
        app = create_app(replace(settings, database_url=rebuilt.url("exam")), clock=clock)
        with app.app_context():
            with reading() as session:
                saved = set(session.scalars(text("SELECT seq FROM journal")))
            assert set(acknowledged) <= saved
            assert list(all_findings(verify_everything())) == []
        close_engine(app)
    finally:
        rebuilt.stop()


def _destroy(server: PostgresServer) -> None:
    assert server.process
    assert server.folder
    server.process.send_signal(signal.SIGQUIT)  # at once, as in a crash
    server.process.wait(timeout=30)
    shutil.rmtree(server.folder)


def _rebuild(tools: Path, base: Path, received: Path) -> PostgresServer:
    """Do what the chapter says: the base, the received log, recovery to its end."""
    folder = Path(tempfile.mkdtemp(prefix="cbt-pg-"))
    folder.chmod(0o755)
    shutil.move(base, folder / "data")
    shutil.copytree(received, folder / "wal")
    for path in (folder / "wal").glob("*.partial"):
        path.rename(path.with_suffix(""))
    (folder / "data" / "recovery.signal").touch()
    give_to_server(folder / "data")
    give_to_server(folder / "wal")
    options = CARELESS | {"restore_command": f"cp {folder}/wal/%f %p", "synchronous_standby_names": ""}
    server = serve_data(tools, folder, folder / "data", options)
    assert wait_for(lambda: _ask(server, "SELECT pg_is_in_recovery()") == [(False,)])
    return server
