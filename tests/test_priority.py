"""Whatever process the product begins gives way to whoever is answered, from its first line on."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import cbt
from cbt.confined import priority, runner
from cbt.confined.priority import LEISURE, command_behind, done_behind, give_way

PRODUCT = Path(cbt.__file__).parent
BEGINS = {
    "Popen", "run", "call", "check_call", "check_output", "posix_spawn", "posix_spawnp", "fork", "spawnv",
    "Process", "ProcessPoolExecutor", "system", "popen", "create_subprocess_exec",
}  # fmt: skip
"""Names of what begins a process, called on a module or a context that does."""
OF = {"subprocess", "os", "context", "multiprocessing", "asyncio", ""}
BEHIND = {
    "confined/runner.py": "give_way",
    "application/backups.py": "command_behind",
    "application/views.py": "command_behind",
    "scoring/service.py": "give_way",
}
IN_FRONT = {
    "ops/writer_process.py": "the writing process: everybody waits for it",
    "ops/salvage.py": "the files are lost: nobody can be answered before it has ended",
    "ops/preparation.py": "before anybody is served; what is done beside others gives way by itself (ops/giving)",
    "ops/systemd.py": "a program of the system, at an installation",
    "ops/backup/snapshot.py": "a part of a backup, which is behind",
    "application/backup_hook.py": "a child of the worker of jobs, which is behind",
    "rehearsal/server.py": "a server: that is what is tried",
}


def begins_in(path: Path) -> Iterator[str]:
    """Yield what a module calls that begins a process."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            if called.attr in BEGINS and called.value.id in OF:
                yield called.attr
        elif isinstance(called, ast.Name) and called.id in BEGINS - {"run", "call", "system"}:
            yield called.id


def test_every_place_that_begins_a_process_gives_way_or_says_why_not() -> None:
    found = {path.relative_to(PRODUCT).as_posix() for path in PRODUCT.rglob("*.py") if any(begins_in(path))}
    assert found == BEHIND.keys() | IN_FRONT.keys()
    for name, how in BEHIND.items():
        assert f"{how}(" in (PRODUCT / name).read_text("utf-8"), name


def test_nobody_else_sets_a_priority() -> None:
    names = ("os.nice(", "setpriority(", "sched_setscheduler(")
    sets = [
        path.relative_to(PRODUCT).as_posix()
        for path in PRODUCT.rglob("*.py")
        if any(name in path.read_text("utf-8") for name in names)
    ]
    assert sets == ["confined/priority.py"]


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="elsewhere who computes is nice, and that is all")
def test_a_child_that_reads_or_prints_runs_while_nobody_else_wants_to() -> None:
    said = runner.run("tests.attacks.child_tasks:policy", b"", limits=runner.Limits())
    assert int(said) == os.SCHED_IDLE


def test_a_command_of_a_process_of_its_own_is_behind_from_its_first_line_on() -> None:
    behind = command_behind("backup", "--keep", "2")
    assert behind == [sys.executable, "-m", "cbt.confined.priority", "cbt.cli", "backup", "--keep", "2"]
    said = subprocess.run(
        [*behind[:3], "tests.priority_scene", "a", "b"], capture_output=True, check=True, timeout=60
    )
    assert json.loads(said.stdout) == [max(LEISURE, os.getpriority(os.PRIO_PROCESS, 0)), ["a", "b"]]


def in_a_thread(work: object) -> None:
    assert callable(work)
    thread = threading.Thread(target=work)  # there is no way back from behind
    thread.start()
    thread.join()


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="threads have no priorities of their own here")
def test_who_holds_what_others_wait_for_is_nice_and_no_more() -> None:
    seen: list[tuple[int, int]] = []

    def work() -> None:
        for holds in (True, True, False):
            give_way(holds=holds)
            seen.append(
                (os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            )

    before = os.getpriority(os.PRIO_PROCESS, 0)
    in_a_thread(work)
    nice = max(LEISURE, before)
    assert seen == [(os.SCHED_OTHER, nice), (os.SCHED_OTHER, nice), (os.SCHED_IDLE, nice)]
    assert done_behind(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())) == nice
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="there is no such thing here")
def test_where_nobody_may_give_way_they_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    for name in ("sched_setscheduler", "setpriority"):
        monkeypatch.setattr(priority.os, name, forbidden)
    give_way(holds=False)
    give_way(holds=True)
