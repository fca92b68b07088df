"""A start waits for PostgreSQL, says when it answers, and ends with a code that tells whether to try again."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cbt.cli import build
from cbt.config import Settings, read_settings
from cbt.console.exits import REFUSED, TRY_AGAIN, UNFORESEEN, end_of
from cbt.errors import CbtError, Conflict, Unavailable
from cbt.ops import serve
from cbt.ops.host_resources import check_port
from cbt.ops.preparation import await_database, in_child
from cbt.ops.worker import tell, tell_when_served
from cbt.storage.server_time import database_time
from tests.databases import PostgresServer

POSTGRES = Settings(database_url="postgresql+psycopg://cbt:geheim@db.example.org/cbt")


class Coming:
    """A database that answers from the given second on, and the time that passes until then."""

    def __init__(self, up_at: float, code: str = "db.unreachable") -> None:
        self._up_at, self._code, self.now = up_at, code, 1000.0

    def ask(self, _settings: Settings) -> None:
        if self.now - 1000.0 < self._up_at:
            raise Unavailable(self._code, detail="OperationalError")

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def awaited(self) -> None:
        await_database(POSTGRES, ask=self.ask, pause=self.pause, passed=lambda: self.now)


def test_a_database_that_is_late_is_waited_for_and_it_is_said_at_once_and_then_now_and_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Coming(70).awaited()
    lines = [record.getMessage() for record in caplog.records]
    assert [line.rpartition(", ")[2] for line in lines] == [f"{at} seconds so far" for at in (0, 30, 60)]
    assert "cbt:***@db.example.org" in lines[0]
    assert "geheim" not in "".join(lines)


def test_it_is_not_waited_for_without_end() -> None:
    coming = Coming(1e9)
    with pytest.raises(Unavailable, match=r"db\.unreachable"):
        coming.awaited()
    assert coming.now == 1000 + 120


def test_one_that_lets_nobody_in_is_not_waited_for() -> None:
    coming = Coming(1e9, "db.not_admitted")
    with pytest.raises(Unavailable, match=r"db\.not_admitted"):
        coming.awaited()
    assert coming.now == 1000


def test_a_name_that_postgresql_does_not_have_is_told_from_a_server_that_is_away(
    postgres: PostgresServer,
) -> None:
    with pytest.raises(Unavailable, match=r"db\.not_admitted"):
        database_time(Settings(database_url=postgres.url("nobody_has_this")))
    with pytest.raises(Unavailable, match=r"db\.unreachable"):
        database_time(Settings(database_url="postgresql+psycopg://cbt:x@127.0.0.1:9/cbt"))


def refuse(_settings: Settings) -> str:
    """Refuse for good."""
    raise Conflict("db.newer")


def stumble(_settings: Settings) -> str:
    """Meet what nobody foresaw."""
    raise ValueError


def find_nobody(_settings: Settings) -> str:
    """Find no database."""
    raise Unavailable("db.unreachable", detail="OperationalError")


def fall(_settings: Settings) -> str:
    """End as nobody foresaw."""
    os._exit(9)


@pytest.mark.parametrize(
    ("work", "code"),
    [
        pytest.param(refuse, REFUSED, id="refused"),
        pytest.param(find_nobody, TRY_AGAIN, id="no database yet"),
        pytest.param(stumble, UNFORESEEN, id="unforeseen"),
        pytest.param(fall, TRY_AGAIN, id="killed"),
    ],
)
def test_how_a_start_ends_says_whether_to_try_again(work: object, code: int) -> None:
    with pytest.raises(CbtError) as stopped:
        in_child(work, Settings())  # type: ignore[arg-type]  # one of those above
    assert end_of(stopped.value).code == code


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager that listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield line


@pytest.mark.skipif(sys.platform == "win32", reason="systemd's protocol")
def test_without_a_service_manager_nothing_is_told_and_one_that_is_gone_hurts_nobody(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tell("READY=1")
    assert manager.recv(100) == b"READY=1"
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    tell("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    tell("READY=1")


def in_a_loop(work: Coroutine[Any, Any, None]) -> None:
    """Do it in a loop in a thread of its own: the browsers of other tests keep one in this thread."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result(10)


@pytest.mark.skipif(sys.platform == "win32", reason="systemd's protocol")
def test_a_service_manager_hears_of_a_start_once_somebody_is_let_in(manager: socket.socket) -> None:
    async def begin(door: socket.socket) -> None:
        told = asyncio.create_task(tell_when_served("127.0.0.1", door.getsockname()[1]))
        for _ in range(3):
            await asyncio.sleep(0.03)
            with pytest.raises(BlockingIOError):
                manager.recv(100)
        door.listen()
        await told

    manager.setblocking(False)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        in_a_loop(begin(door))
    assert manager.recv(100) == b"READY=1"


def test_without_a_service_manager_nobody_waits_for_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        in_a_loop(tell_when_served("127.0.0.1", door.getsockname()[1]))


def test_an_address_that_is_not_this_machines_is_no_port_in_use() -> None:
    with pytest.raises(Unavailable, match=r"serve\.host"):
        check_port(Settings(host="192.0.2.1", port=8000))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Unavailable, match=r"serve\.port \("):
            check_port(Settings(host="127.0.0.1", port=taken.getsockname()[1]))


def test_the_servers_processes_are_handed_what_was_read_whatever_the_file_says_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: dict[str, str] = {}
    for name, value in {"DATA_DIR": str(tmp_path / "data"), "PORT": "8100", "THREADS": "9"}.items():
        monkeypatch.setenv(f"CBT_{name}", value)
    monkeypatch.setattr(serve, "in_child", lambda *_: None)
    for left_out in ("check_port", "init_logs"):
        monkeypatch.setattr(serve, left_out, lambda _: None)
    monkeypatch.setattr(serve, "run_server", lambda _: handed.update(os.environ))
    (tmp_path / "cbt.env").write_text("CBT_WORKERS=3\nCBT_THREADS=7\n", "utf-8")
    monkeypatch.setenv("CBT_SETTINGS", str(tmp_path / "cbt.env"))
    with restored_environment():
        said = CliRunner().invoke(serve.serve, ["--port", "8200"])
    assert said.exit_code == 0, said.output
    (tmp_path / "cbt.env").write_text("CBT_WORKERS=none of that\n", "utf-8")
    read = read_settings(handed)
    assert (read.workers, read.threads, read.port) == (3, 9, 8200)


@contextmanager
def restored_environment() -> Iterator[None]:
    """Put the environment back as it was: a server changes that of its own process."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_the_unit_is_shown_to_anybody_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CBT_SETTINGS", str(tmp_path / "cbt.env"))
    shown = CliRunner().invoke(build(), ["service", "show"])
    assert shown.exit_code == 0, shown.output
    assert f"--settings {tmp_path / 'cbt.env'} serve" in shown.output
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_only_root_may_take_is_no_port_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(Unavailable, match=r"serve\.port_closed"):
        check_port(Settings(host="127.0.0.1", port=443))
