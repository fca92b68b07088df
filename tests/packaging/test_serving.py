"""`cbt serve` from outside: one server a data directory, nothing left behind, refusals with the way out."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from cbt.application.app import create_app
from cbt.config import read_settings
from cbt.storage.unit_of_work import unit_of_work
from tests.conftest import close_engine
from tests.packaging.served import Installation, Server, Visitor
from torture.sites.waiting import is_free, wait_for

FREE_WITHIN_SECONDS = 3.0
"""A killed server must not keep the next one from its port for longer."""

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A fresh installation on the embedded database."""
    return Installation(tmp_path)


def first_password(server: Server) -> str:
    """Return the one-time password a first start prints."""
    found = re.search(r"admin 的一次性密码（仅显示这一次）：(\S+)", server.said)
    assert found, server.said
    return found[1]


def test_a_second_server_on_the_same_data_is_refused_and_told_who_is_there(
    installation: Installation,
) -> None:
    with installation.serving() as server:
        second = installation.run("serve")
        assert server.process.poll() is None
        Visitor(server.port).open("/")
    assert second.returncode == 2
    assert f"pid {server.process.pid}" in second.stderr
    assert f"port {server.port}" in second.stderr
    assert "CBT_DATA_DIR" in second.stderr


@linux
def test_killing_the_parent_ends_its_workers_and_frees_the_port(installation: Installation) -> None:
    with installation.serving() as server:
        workers = server.workers()
        assert workers
        assert not is_free(server.port)
        try:
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            assert wait_for(lambda: is_free(server.port), FREE_WITHIN_SECONDS)
            assert wait_for(lambda: not any(is_running(worker) for worker in workers))
        finally:
            for worker in filter(is_running, workers):  # a failure leaves none behind either
                os.kill(worker, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Return whether a process still runs; one that ended and was not yet reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def kill_a_worker(server: Server) -> None:
    """Kill one that serves, and return when another begins in its place."""

    def serving() -> set[int]:
        return {*server.workers()} - {*server.writers(), *server.job_workers()}

    before = serving()
    os.kill(max(before), signal.SIGKILL)  # the first may be Python's own helper
    assert wait_for(lambda: bool(serving() - before))


@linux
def test_a_worker_that_is_killed_is_replaced(installation: Installation) -> None:
    with installation.serving() as server:
        kill_a_worker(server)
        server.wait()
        Visitor(server.port).open("/")


@linux
def test_a_server_that_is_ended_does_not_wait_for_a_worker_that_begins(installation: Installation) -> None:
    with installation.serving() as server:
        kill_a_worker(server)
    assert "shutdown completed" in server.said, server.said
    assert "refused to gracefully stop" not in server.said


@linux
def test_the_process_that_owns_the_writing_is_replaced_and_ends_with_the_server(
    installation: Installation,
) -> None:
    with installation.serving() as server:
        assert wait_for(lambda: len(server.writers()) == 1)
        [victim] = server.writers()
        os.kill(victim, signal.SIGKILL)
        # One look a turn: between two the killed one may just have gone, and none is not another.
        assert wait_for(lambda: server.writers() not in ([], [victim]))
        [writer] = server.writers()
        Visitor(server.port).open("/")
    assert wait_for(lambda: not is_running(writer))


def test_starting_again_keeps_what_is_there(installation: Installation) -> None:
    with installation.serving() as server:
        password = first_password(server)
    with installation.serving() as server:
        assert "一次性密码" not in server.said
        visitor = Visitor(server.port)
        visitor.fill_in("/staff/sign-in", to="/staff/sign-in", login="admin", password=password)
    assert visitor.path == "/staff/password"


def test_a_database_without_its_key_is_refused_with_the_way_out(installation: Installation) -> None:
    assert installation.run("migrate", "--new").returncode == 0
    key = installation.keys / "database.key"
    key.unlink()
    refused = installation.run("serve")
    assert refused.returncode == 2
    assert str(key) in refused.stderr
    assert f"把备份的密钥文件放回 {installation.keys}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not key.exists()


def test_a_database_of_a_newer_version_is_refused(installation: Installation) -> None:
    assert installation.run("migrate", "--new").returncode == 0
    app = create_app(read_settings(installation.environment))
    with app.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    close_engine(app)
    refused = installation.run("serve")
    assert refused.returncode == 2
    assert "9999" in refused.stderr
    assert "请安装该版本或更新的版本" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        pytest.param("CBT_PORT", "http", "请写一个大于 0 的整数", id="a port that is no number"),
        pytest.param("CBT_SECURE_COOKIES", "maybe", "请写 on 或 off", id="a switch that is neither"),
    ],
)
def test_a_setting_that_cannot_be_read_names_itself_and_the_remedy(
    installation: Installation, name: str, value: str, said: str
) -> None:
    refused = installation.run("serve", settings={name: value})
    assert refused.returncode == 2
    assert name in refused.stderr
    assert said in refused.stderr
    assert not installation.data.exists()


def test_an_unknown_command_is_answered_with_the_near_one(installation: Installation) -> None:
    refused = installation.run("srve")
    assert refused.returncode == 2
    assert "serve" in refused.stderr


def test_a_port_in_use_is_refused(installation: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path, data="other")
    other.port = installation.port
    with installation.serving():
        refused = other.run("serve")
    assert refused.returncode == 2
    assert f"端口 {other.port}" in refused.stderr
