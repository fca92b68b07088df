"""A move of 100,000 rows of the journal: in little memory, killed in the middle, both ways."""

from __future__ import annotations

import os
import pty
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from cbt.config import Settings, as_environment
from cbt.ops.backup.verification import all_findings, verify_everything
from cbt.ops.move_endpoints import read_destination
from cbt.storage.departure import check_not_moved
from cbt.storage.unit_of_work import unit_of_work
from tests.conftest import Templates, close_engine, installation
from tests.databases import PostgresServer
from tests.delivery.driver import Page
from tests.helpers import FakeClock
from tests.moving.conftest import Mover, settings_of
from tests.safety.conftest import end_everything
from tests.world import PLANNED, World

ROWS = 100_000
LITTLE_KIB = 64 * 1024
"""A move may take so much more memory at the most; all rows at once would take several times that."""
_FILL = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
    INSERT INTO journal (attempt_id, lease_epoch, seq, position, kind, value, received_at, in_grace)
    SELECT :attempt, 1, i, 1 + i % 2, 'answer', CASE i % 5 WHEN 0 THEN NULL ELSE :value END, :at + i * 997, 0 FROM n
"""


@pytest.fixture
def full(templates: Templates, clock: FakeClock, tmp_path: Path) -> Iterator[World]:
    """A finished exam whose candidates saved 100,000 times."""
    with installation(templates, "sqlite", tmp_path, clock) as (app, world):
        assert world is not None
        world.admit_all()
        world.start()
        pages = {Page(world, "theory"): '"A"', Page(world, "skills"): None}
        world.clock.set(PLANNED + timedelta(minutes=1))
        for page in pages:
            assert page.start().status_code == 200
        with app.app_context(), unit_of_work() as session:
            for page, value in pages.items():
                attempt = session.scalar(text("SELECT id FROM attempt WHERE ref = :ref"), {"ref": page.ref})
                at = session.scalar(text("SELECT started_at FROM attempt WHERE id = :id"), {"id": attempt})
                row = {"rows": ROWS // len(pages), "attempt": attempt, "at": at, "value": value}
                session.execute(text(_FILL), row)
        end_everything(world)
        yield world


@pytest.fixture
def empty_url(postgres: PostgresServer) -> Iterator[str]:
    """A database without any table."""
    name = f"big{os.getpid()}"
    yield postgres.create(name, template="template0")
    postgres.drop(name)


def killed_while_copying(settings: Settings, url: str) -> None:
    """Run `cbt move` in a terminal, which is told of each step, and kill it in the middle of the tables."""
    seen, terminal = pty.openpty()
    moving = subprocess.Popen(
        [sys.executable, "-m", "cbt.cli", "move", "--to", url],
        env=os.environ | as_environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    )
    os.close(terminal)
    said = b""
    while b" registration " not in said:
        said += os.read(seen, 4096)  # raises once nobody writes any more: it ended before the journal
    moving.send_signal(signal.SIGKILL)
    assert moving.wait() == -signal.SIGKILL
    os.close(seen)


def test_a_long_journal_moves_both_ways(full: World, empty_url: str, tmp_path: Path) -> None:
    killed_while_copying(settings_of(full.app), empty_url)
    with full.app.app_context():
        check_not_moved()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mover = Mover(full.app, full.clock)
    moved = mover.move(read_destination(empty_url, settings_of(full.app)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < LITTLE_KIB
    assert moved.compared is not None
    assert moved.compared.rows["journal"] == ROWS
    assert all(check.ok for check in moved.compared.checks)
    copied = [done for what, name, done, of in mover.told if (what, name, of) == ("copy", "journal", ROWS)]
    assert copied[-1] == ROWS
    assert len(copied) > 100, "told as it goes"
    with psycopg.connect(empty_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*), max(id) FROM journal").fetchone() == (ROWS, ROWS)
        assert connection.execute("SELECT last_value FROM journal_id_seq").fetchone() == (ROWS,)

    there = mover.on(moved.destination.settings)
    back = Mover(there, full.clock).to(str(tmp_path / "back"))
    assert back.compared is not None
    assert back.compared.rows["journal"] == ROWS
    here = mover.on(back.destination.settings)
    with here.app_context():
        assert list(all_findings(verify_everything())) == []
    mover.close()
    close_engine(here)
