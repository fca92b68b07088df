"""A server killed under load whose database is then destroyed."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from cbt.application.app import create_app
from cbt.config import Settings, as_environment
from cbt.paths import product_dir
from cbt.storage import mirror as copyset
from cbt.storage.unit_of_work import reading
from tests.conftest import close_engine
from tests.delivery.driver import Page
from tests.fork_server import CAN_FORK
from tests.journeys.server import CLOCK, RECORDS, TEMPLATES, FileClock
from tests.product_processes import Forked
from tests.safety.conftest import settings_of
from tests.safety.harm import flip_bits, run_cbt
from tests.world import PLANNED, World
from torture.sites.waiting import free_port, wait_for

# Only there: PostgreSQL keeps its second copy itself.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])

SAVES_BEFORE_THE_KILL = 60


@dataclass
class Client:
    """One candidate's browser on a served process, with its own ledger of what was acknowledged."""

    page: Page
    port: int
    acknowledged: list[int] = field(default_factory=list)
    seq: int = 0

    def save_until_it_dies(self) -> None:
        """Save one answer after the other until nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            positions = list(range(1, 41))
            while True:
                self.seq += 1
                position = positions[self.seq % len(positions)]
                entry = {"seq": self.seq, "kind": "answer", "position": position, "value": "A"}
                connection.request(
                    "POST",
                    f"/attempts/{self.page.ref}/answers",
                    json.dumps({"epoch": self.page.epoch, "entries": [entry]}),
                    {
                        "X-CBT-Lease": self.page.lease,
                        "Cookie": self.page.machine_cookie,
                        "Content-Type": "application/json",
                    },
                )
                reply = connection.getresponse()
                reply.read()
                if reply.status == 200:
                    self.acknowledged.append(self.seq)
                elif reply.status == 422:
                    positions.remove(
                        position
                    )  # of another kind; what is refused counts towards the rate as well
                elif reply.status == 429:
                    time.sleep(0.5)  # as the page does


def _serve(settings: Settings, folder: Path, port: int) -> subprocess.Popen[bytes] | Forked:
    FileClock(folder / "clock").set(PLANNED + timedelta(minutes=1))
    (folder / "sent").mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CBT_")}
    environment |= as_environment(settings) | {
        CLOCK: str(folder / "clock"), RECORDS: str(folder / "sent"), "CBT_PORT": str(port),
        TEMPLATES: str(folder / "templates"),
    }  # fmt: skip
    place, log = product_dir("templates").parent, folder / "server.log"
    if CAN_FORK:
        return Forked(
            "tests.torture.copy_server:main", [], environment=environment, folder=place, out=log, err=log,
            own_group=True,
        )  # fmt: skip
    with log.open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.torture.copy_server"],
            cwd=place, env=environment, stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


def _cut(data: Path) -> None:
    body = (data / "cbt.db").read_bytes()
    (data / "cbt.db").write_bytes(body[: len(body) // 2])
    (data / "cbt.db-wal").unlink()


def _remove(data: Path) -> None:
    (data / "cbt.db").unlink()


def test_a_server_killed_under_load_whose_database_is_destroyed_lost_no_acknowledged_save(
    world: World, tmp_path: Path
) -> None:
    world.admit_all()
    world.start()
    clients = [Client(Page(world, name), 0) for name in world.sitters]
    clients = [client for client in clients if client.page.start().status_code == 200]
    close_engine(world.app)
    settings = replace(settings_of(world), journal_copy_dir=tmp_path / "copy")
    port = free_port()
    server = _serve(settings, tmp_path, port)
    threads = []
    try:
        assert wait_for(lambda: _answers(port)), (tmp_path / "server.log").read_text("utf-8")
        for client in clients:
            client.port, client.seq = port, client.page.seq
            threads.append(threading.Thread(target=client.save_until_it_dies))
            threads[-1].start()
        wanted = SAVES_BEFORE_THE_KILL
        assert wait_for(lambda: all(len(client.acknowledged) > wanted for client in clients))
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(timeout=10)
        for thread in threads:
            thread.join()
    held = copyset.read_copy(tmp_path / "copy")
    assert held
    assert held.newest > 2, "the log was emptied while it ran"
    for damage in (flip_bits, _cut, _remove):
        lost = tmp_path / damage.__name__
        shutil.copytree(settings.data_dir, lost, ignore=shutil.ignore_patterns("*-shm"))
        damage(lost)
        told = run_cbt(replace(settings, data_dir=lost), "verify")
        assert told.returncode == 2, told.stdout + told.stderr
        assert told.stdout or "cbt " in told.stderr, "what happened and the way out"
        place = tmp_path / f"rebuilt{damage.__name__}"
        done = run_cbt(settings, "restore", "--from-copy", str(tmp_path / "copy"), "--into", str(place))
        assert done.returncode == 0, done.stdout + done.stderr
        app = create_app(replace(settings, data_dir=place, journal_copy_dir=None), clock=world.clock)
        for client in clients:
            assert set(client.acknowledged) <= _saved(app, client.page.ref)
        close_engine(app)


def _saved(app: Any, ref: str) -> set[int]:
    query = "SELECT seq FROM journal j JOIN attempt a ON a.id = j.attempt_id WHERE a.ref = :ref"
    with app.app_context(), reading() as session:
        return set(session.scalars(text(query), {"ref": ref}))
