"""A check that its author cancels or replaces ends the reader that it waits for at once."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cbt.bank.imports.models import ImportCheck, ImportPart
from cbt.jobs.models import Job
from cbt.storage.unit_of_work import reading
from tests.bank.sheets import truth, workbook
from tests.bank.test_import_pages import send, text_of
from tests.file_jobs import Worker, wait_until, working
from tests.world import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc to look into")
ROWS = [truth(f"第{number}步应当主动问候客户。") for number in range(3)]
FILE = ("题库.xlsx", workbook(ROWS))


@pytest.fixture
def worker(world: World) -> Iterator[Worker]:
    """A worker beside the servers."""
    with working(world.app, forked=False) as process:
        yield process


def is_there(pid: int) -> bool:
    """Return whether a process runs, or is stopped; one that nobody has asked after yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def readers_of(pid: int) -> list[int]:
    """Return the readers that a process has begun."""
    found = list[int]()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [child for child in map(int, task.read_text().split()) if _reads(child)]
        except OSError:
            continue
    return found


def _reads(pid: int) -> bool:
    """Return whether a child has become a reader: before that its parent waits for it."""
    return b"cbt.confined.child" in Path(f"/proc/{pid}/cmdline").read_bytes()


def stuck(worker: Worker) -> int:
    """Have the reader of a check read for ever; return its process."""
    wait_until(lambda: readers_of(worker.pid))
    [reader] = readers_of(worker.pid)
    os.kill(reader, signal.SIGSTOP)
    return reader


def rows(world: World) -> tuple[int | None, int | None]:
    """Return how many checks there are, and pieces of them."""
    with world.app.app_context(), reading() as session:
        checks, parts = (
            session.scalar(select(func.count()).select_from(kind)) for kind in (ImportCheck, ImportPart)
        )
        return checks, parts


def checks(world: World) -> list[str]:
    """Return how far the files are."""
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(ImportCheck.state)))


def jobs(world: World) -> list[str]:
    """Return how the jobs stand, in the order in which they were asked for."""
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(Job.state).order_by(Job.id)))


def test_a_cancelled_check_is_ended(world: World, worker: Worker) -> None:
    client = world.staff("author")
    address = send(client, FILE)
    reader = stuck(worker)
    assert client.post(f"{address}/cancel").status_code == 303
    wait_until(lambda: not is_there(reader))
    assert rows(world) == (0, 0)
    assert jobs(world) == ["cancelled"]


def test_a_replaced_check_leaves_its_place_to_the_next(world: World, worker: Worker) -> None:
    client = world.staff("author")
    send(client, FILE)
    reader = stuck(worker)
    send(client, FILE)
    wait_until(lambda: not is_there(reader))
    wait_until(lambda: jobs(world) == ["cancelled", "done"])  # the author's one place is free
    assert checks(world) == ["ready"]


def test_a_check_that_is_cancelled_on_the_page_of_jobs_can_be_made_again(
    world: World, worker: Worker
) -> None:
    client = world.staff("author")
    address = send(client, FILE)
    reader = stuck(worker)
    [page] = re.findall(r'href="(/jobs/jo[^"]+)"', client.get("/jobs").text)
    assert client.post(f"{page}/cancel").status_code == 303
    wait_until(lambda: not is_there(reader))
    assert "取消" in text_of(client, address)
    assert client.post(f"{address}/retry").status_code == 303
    wait_until(lambda: jobs(world) == ["cancelled", "done"])
    assert checks(world) == ["ready"]
