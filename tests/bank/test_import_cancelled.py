"""A check that its author cancels or replaces ends its process at once, and the reader that it waits for."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from cbt.bank.imports.models import CHECKS, ImportCheck, ImportPart
from cbt.spreadsheets.file_checks import CheckState
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.sheets import truth, workbook
from tests.bank.test_import_pages import send
from tests.leading import Leading, wait_until
from tests.world import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc to look into")
ROWS = [truth(f"第{number}步应当主动问候客户。") for number in range(3)]
FILE = ("题库.xlsx", workbook(ROWS))


@pytest.fixture
def server(world: World) -> Iterator[Leading]:
    """A leader whose children are gone when the test is over."""
    leading = Leading(CHECKS, world.app, world.clock)
    began = dict[str, int]()
    original = leading._begin

    def begin(ref: str) -> None:
        original(ref)
        began[ref] = leading._children[ref].pid

    vars(leading)["_begin"] = begin
    yield leading
    for pid in began.values():
        if is_there(pid):
            os.killpg(pid, signal.SIGKILL)


def is_there(pid: int) -> bool:
    """Return whether a process runs, or is stopped; one that nobody has asked after yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def readers_of(pid: int) -> list[int]:
    """Return the children of a process."""
    found = list[int]()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def stuck(server: Leading, ref: str) -> tuple[int, int]:
    """Have the reader of a check read for ever; return its process and the reader's."""
    child = server._children[ref].pid
    wait_until(lambda: readers_of(child))
    [reader] = readers_of(child)
    os.kill(reader, signal.SIGSTOP)
    return child, reader


def rows(world: World) -> tuple[int | None, int | None]:
    """Return how many checks there are, and pieces of them."""
    with world.app.app_context(), reading() as session:
        checks, parts = (
            session.scalar(select(func.count()).select_from(kind)) for kind in (ImportCheck, ImportPart)
        )
        return checks, parts


def test_a_cancelled_check_is_ended_by_who_began_it(world: World, server: Leading) -> None:
    client = world.staff("author")
    address = send(client, FILE)
    assert server.look() == 1
    child, reader = stuck(server, address.rpartition("/")[2])
    os.kill(child, signal.SIGSTOP)  # it notices nothing by itself
    assert client.post(f"{address}/cancel").status_code == 303
    server.look()
    wait_until(lambda: not is_there(child) and not is_there(reader))
    assert rows(world) == (0, 0)
    assert server.look() == 0
    assert not server._children


def test_a_replaced_check_of_another_leader_ends_itself(world: World, server: Leading) -> None:
    client = world.staff("author")
    former = send(client, FILE)
    assert server.look() == 1
    child, reader = stuck(server, former.rpartition("/")[2])
    address = send(client, FILE)
    wait_until(lambda: not is_there(child) and not is_there(reader))
    assert rows(world)[0] == 1
    assert server.look() == 1  # the author's one place is free
    ref = address.rpartition("/")[2]
    server._children[ref].wait(60)
    with world.app.app_context(), reading() as session:
        assert session.scalar(select(ImportCheck.state).where(ImportCheck.ref == ref)) == "ready"


def test_a_check_asked_for_anew_does_not_wait_for_the_former_one(world: World, server: Leading) -> None:
    client = world.staff("author")
    address = send(client, FILE)
    ref = address.rpartition("/")[2]
    assert server.look() == 1
    child, reader = stuck(server, ref)
    server.look()  # it is seen at its work
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(ImportCheck).values(state=CheckState.WAITING, beat_at=None))
    server.look()
    wait_until(lambda: not is_there(child) and not is_there(reader))
    server._children[ref].wait(60)  # the one that the same look began
    with world.app.app_context(), reading() as session:
        assert session.execute(select(ImportCheck.state, ImportCheck.tries)).one() == ("ready", 0)
