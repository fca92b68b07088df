"""Commands of the product, in processes of their own that begin with its modules loaded (Linux).

A command spends most of its time on imports. The standard library's fork server, one for a test process, has done
them; what it forks gets the command's arguments, environment, folder and files as a new program would.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import SimpleNamespace

from cbt.application import backups
from cbt.cli import COMMANDS
from cbt.confined.background import command_behind
from cbt.spreadsheets import check_process

CAN_FORK = sys.platform == "linux"
CBT = "cbt.cli:main"
_LOADED = ("cbt.ops.worker", "tests.journeys.server", "tests.journeys.warm")
PATIENCE_SECONDS = 60
_NO_FILE = Path(os.devnull)


@cache
def context() -> ForkServerContext:
    """Return what forks of the process that has loaded what commands and servers load."""
    made = multiprocessing.get_context("forkserver")
    modules = {module for command in COMMANDS.values() for module in command.modules}
    made.set_forkserver_preload([*sorted(modules), *_LOADED])
    return made


def begin_server() -> None:
    """Begin the process that commands are forked of; what is forked of this one from now on has no other.

    It says nothing: what it forks for a test with no file to say it in would say it among the run's own lines.
    """
    context()
    server = forkserver._forkserver  # whose children would ask after it as after one of their own
    kept = [os.dup(number) for number in (1, 2)]
    with _NO_FILE.open("w") as nowhere:
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
        try:
            server.ensure_running()
        finally:
            for number, file in enumerate(kept, 1):
                os.dup2(file, number)
                os.close(file)
    os.register_at_fork(after_in_child=lambda: setattr(server, "ensure_running", lambda: None))


class Forked:
    """A process that calls `module:function` with no more than it is given; used like a Popen.

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
        files = tuple(str(path) for path in (read, out, err))
        given = (call, tuple(arguments), dict(environment), str(folder), files, own_group)
        self._process = context().Process(target=run_here, args=given)
        self._process.start()

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended; raise TimeoutExpired when it still runs after `timeout` seconds."""
        self._process.join(timeout)
        ended = self.poll()
        if ended is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return ended

    def send_signal(self, number: int) -> None:
        """Send a signal to it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def run_cbt(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    entered: str = "",
    seconds: float = PATIENCE_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, as a new program where it cannot be forked; `entered` is what is typed in."""
    if not CAN_FORK:
        return subprocess.run(
            [sys.executable, "-m", "cbt.cli", *arguments], cwd=folder, env=environment, input=entered,
            capture_output=True, encoding="utf-8", check=False, timeout=seconds,
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        read, out, err = (Path(place) / name for name in ("read", "out", "err"))
        read.write_text(entered, "utf-8")
        done = Forked(CBT, arguments, environment=environment, folder=folder, out=out, err=err, read=read)
        try:
            ended = done.wait(seconds)
        finally:
            done.send_signal(signal.SIGKILL)
        return subprocess.CompletedProcess(done.args, ended, out.read_text("utf-8"), err.read_text("utf-8"))


def _begin_quietly(
    command: Sequence[str], *, env: Mapping[str, str], start_new_session: bool = False, **_streams: object
) -> Forked:
    behind = (
        command_behind()
    )  # that it is so tests/test_priority.py holds, of a process that is none of these
    assert list(command[: len(behind)]) == behind
    return Forked(
        CBT,
        command[len(behind) :],
        environment=env,
        folder=Path.cwd(),
        out=_NO_FILE,
        err=_NO_FILE,
        own_group=start_new_session,
    )


def begin_warm() -> None:
    """Have the commands that a leader in this process begins be forks, where they can be: they say nothing."""
    if CAN_FORK:
        for module in (check_process, backups):
            vars(module)["subprocess"] = SimpleNamespace(Popen=_begin_quietly, DEVNULL=subprocess.DEVNULL)


def run_here(
    call: str,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    folder: str,
    files: tuple[str, str, str],
    own_group: bool,
) -> None:
    """Become the program: everything it could tell from a new one is put in place before it is called."""
    if own_group:
        os.setsid()
    multiprocessing.set_start_method(None, force=True)  # of its own children: as this Python does by itself
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
        sys.stdout.flush()
        atexit._run_exitfuncs()
