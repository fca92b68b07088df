"""Checks of brought files as the servers of the journeys begin them: forked, with the product's modules loaded.

A check has a process of its own, which spends most of its time on imports. A server has threads and cannot be
forked; so before it has any it leaves a process behind that forks for it (tests/forked.py does the same for tests).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from cbt.confined.background import command_behind
from cbt.spreadsheets import check_process
from tests.forked import CBT, run_here

_MOST_BYTES = 1 << 17
_NOTHING = (os.devnull,) * 3


class Check:
    """A check's process, as far as its leader knows one by Popen: whether it has ended, and how."""

    def __init__(self, ends: socket.socket) -> None:
        self._ends = ends
        self.pid = int(ends.recv(16))
        self._ends.setblocking(False)
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs; one that could not say so was killed."""
        if self._code is None:
            try:
                told = self._ends.recv(16)
            except BlockingIOError:
                return None
            self._code = int(told) if told else -signal.SIGKILL
            self._ends.close()
        return self._code


def begin_warm() -> None:
    """Have the checks of this process, and of those it forks from now on, begin by a fork of it."""
    asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        asking.close()
        _fork_for(asked)
    asked.close()

    def popen(command: Sequence[str], *, env: Mapping[str, str], **_streams: object) -> Check:
        behind = command_behind()
        assert list(command[: len(behind)]) == behind
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            said = json.dumps([command[len(behind) :], dict(env)]).encode()
            socket.send_fds(asking, [said], [theirs.fileno()])
        return Check(ours)

    vars(check_process)["subprocess"] = SimpleNamespace(Popen=popen, DEVNULL=subprocess.DEVNULL)


def _fork_for(asked: socket.socket) -> None:
    """Fork for each that asks, as long as one is there to ask."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # A machine that runs tests is never idle: who does not wait for that is sooner done.
    vars(check_process)["give_way"] = lambda *, holds: None
    while True:
        said, files, _flags, _from = socket.recv_fds(asked, _MOST_BYTES, 1)
        if not said:
            os._exit(0)
        ends = socket.socket(fileno=files[0])
        if os.fork() == 0:
            asked.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _check(ends, *json.loads(said))
        ends.close()


def _check(ends: socket.socket, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    code = 1
    ends.send(str(os.getpid()).encode())
    try:
        run_here(CBT, tuple(arguments), dict(environment), str(Path.cwd()), _NOTHING, own_group=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        ends.send(str(code).encode())
        os._exit(code)
