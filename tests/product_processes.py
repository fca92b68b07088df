"""Processes of the product that begin with its modules loaded: commands, servers, children for files (Linux).

A command gets its arguments, environment, folder and files as a new program would. A child of `cbt.confined` is
forked of a process that has loaded just the module of its task, and takes on its limits as always; what is not the
product's begins as in production, and so does what sets pages: the typesetter has threads as soon as it is loaded.
"""

from __future__ import annotations

import atexit
import importlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Never

import msgspec

from cbt.application import backups
from cbt.cli import COMMANDS
from cbt.confined import runner
from cbt.confined.child import ChildTask
from cbt.confined.priority import command_behind
from tests.fork_server import CAN_FORK, Child, begun, serve_who_began

CBT = "cbt.cli:main"
PATIENCE_SECONDS = 300
"""After so long something hangs: a busy machine may take minutes to build a demo."""
_NO_FILE = Path(os.devnull)
_LOADED = (
    "cbt.ops.worker",
    "cbt.ops.job_worker",
    "cbt.jobs.worker",
    "tests.journeys.server",
    "tests.journeys.warm",
)
_confined_as_in_production = runner._begin
_one_at_a_time = threading.Lock()


@cache
def _server() -> socket.socket:
    return begun("from tests.product_processes import serve_product; serve_product()")


def begin_server() -> None:
    """Begin the process that commands are forked of, for this process and all that are forked of it from now on."""
    _server()


def serve_product() -> Never:
    """Be that process."""
    for module in (
        *sorted({module for command in COMMANDS.values() for module in command.modules}),
        *_LOADED,
    ):
        importlib.import_module(module)
    serve_who_began(run_here)


class Forked(Child):
    """A process that calls `module:function` with no more than it is given.

    `out` and `err` are files that it appends to; `own_group` makes it the head of a group to be ended as a whole.
    """

    def __init__(
        self,
        call: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        out: Path,
        err: Path,
        read: Path = _NO_FILE,
        own_group: bool = False,
    ) -> None:
        self.args = (call, *arguments)
        files = [str(path) for path in (read, out, err)]
        super().__init__(_server(), [call, [*arguments], dict(environment), str(folder), files, own_group])


def run_here(said: tuple[str, list[str], dict[str, str], str, list[str], bool]) -> None:
    """Become the program: everything it could tell from a new one is put in place before it is called."""
    call, arguments, environment, folder, files, own_group = said
    if own_group:
        os.setsid()
    for number, (name, how) in enumerate(zip(files, ("r", "a", "a"), strict=True)):
        with Path(name).open(how) as file:
            os.dup2(file.fileno(), number)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = [call, *arguments]
    module, _, name = call.partition(":")
    try:
        getattr(importlib.import_module(module), name)()
    finally:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        sys.stdout.flush()
        atexit._run_exitfuncs()


def run_cbt(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    entered: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, as a new program where it cannot be forked; `entered` is what is typed in."""
    if not CAN_FORK:
        return subprocess.run(
            [sys.executable, "-m", "cbt.cli", *arguments], cwd=folder, env=environment, input=entered,
            capture_output=True, encoding="utf-8", check=False, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        read, out, err = (Path(place) / name for name in ("read", "out", "err"))
        read.write_text(entered, "utf-8")
        done = Forked(CBT, arguments, environment=environment, folder=folder, out=out, err=err, read=read)
        try:
            ended = done.wait(PATIENCE_SECONDS)
        finally:
            done.kill()
        return subprocess.CompletedProcess(done.args, ended, out.read_text("utf-8"), err.read_text("utf-8"))


class ConfinedChild(Child):
    """A child that opens a foreign file, forked of the process that has loaded the module of its task."""

    def __init__(self, job: ChildTask) -> None:
        read, told = os.pipe()
        heard, answer = os.pipe()
        self.stdin: IO[bytes] = os.fdopen(told, "wb")
        self.stdout: IO[bytes] = os.fdopen(heard, "rb")
        try:
            with _one_at_a_time:
                server = _confined_server(job.task.partition(":")[0])
            super().__init__(server, msgspec.json.encode(job).decode(), read, answer)
        finally:
            os.close(read)
            os.close(answer)


@cache
def _confined_server(module: str) -> socket.socket:
    return begun(
        "import sys; sys.path.insert(0, sys.argv[1]); from tests.confined_child import serve; serve()",
        runner._PRODUCT,
        module,
        options=("-E", "-P", "-X", "utf8"),
        environment={name: os.environ[name] for name in runner._KEPT if name in os.environ},
    )


def _begin_confined(job: ChildTask) -> subprocess.Popen[bytes] | ConfinedChild:
    warm = job.task.startswith("cbt.") and not job.task.startswith("cbt.printing.")
    return ConfinedChild(job) if warm else _confined_as_in_production(job)


def _begin_command(command: Sequence[str], *, env: Mapping[str, str], **_streams: object) -> Forked:
    """Begin a command that a leader in this process begins: it says nothing."""
    behind = (
        command_behind()
    )  # that it is so tests/test_priority.py holds, of a process that is none of these
    assert list(command[: len(behind)]) == behind
    return Forked(CBT, command[len(behind) :], environment=env, folder=Path.cwd(), out=_NO_FILE, err=_NO_FILE)


def begin_warm() -> None:
    """Have what this process begins of the product be forks, where it can."""
    if CAN_FORK:
        vars(backups)["subprocess"] = SimpleNamespace(Popen=_begin_command, DEVNULL=subprocess.DEVNULL)
        runner._begin = _begin_confined  # type: ignore[assignment]  # for the tests alone
