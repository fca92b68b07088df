"""A process that has loaded what others begin with, and forks one for each that asks (Linux).

A new program of the product spends most of its time on imports. Its fork server has done them; a request is a
datagram of what the fork is to do and of the files it does it with. It is told which process it is and how that
ended. The server ends when nobody is left who could ask, and what it forked ends with it, however it came to
that: a test run that is killed leaves nothing behind. Imports nothing but the standard library, for the memory of
a fork may be limited.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Never

CAN_FORK = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
_MOST_BYTES = 1 << 20
_MOST_FILES = 8
_NUMBER = struct.Struct("i")

Become = Callable[..., object]
"""Is called in the fork with what was asked and the files that came with it."""


def _readable(files: Iterable[int], timeout: float | None = None) -> list[int]:
    """Return which files can be read within `timeout` seconds; a run has more open than `select` takes."""
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    return [file for file, _events in poll.poll(None if timeout is None else timeout * 1000)]


def end_with_parent(number: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal once its parent is gone, however that came about."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


# The server's side


def serve(requests: socket.socket, become: Become) -> Never:
    """Fork for each that asks until nobody can any more."""
    assert len([*Path("/proc/self/task").iterdir()]) == 1, "a process with threads cannot be forked"
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks ends it
    running: dict[int, tuple[int, int]] = {}
    while True:
        for ready in _readable([requests.fileno(), *running]):
            if ready != requests.fileno():
                _tell_end(ready, *running.pop(ready))
                continue
            said, files, _flags, _from = socket.recv_fds(requests, _MOST_BYTES, _MOST_FILES)
            if not said:
                os._exit(0)
            state, *given = files
            ours, here = (
                [requests.fileno(), state, *running, *(to for _, to in running.values())],
                os.getpid(),
            )
            pid = os.fork()
            if not pid:
                _run(here, ours, become, json.loads(said), given)
            for number in given:
                os.close(number)
            os.write(state, _NUMBER.pack(pid))
            running[os.pidfd_open(pid)] = pid, state


def _tell_end(ended: int, pid: int, state: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(BrokenPipeError):  # who asked has ended meanwhile
        os.write(state, _NUMBER.pack(code))
    for number in (ended, state):
        os.close(number)


def _run(parent: int, ours: Sequence[int], become: Become, said: Any, files: Sequence[int]) -> Never:
    code = 1
    try:
        end_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in ours:
            os.close(number)
        become(said, *files)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def serve_who_began(become: Become) -> Never:
    """Serve whoever began this process by `begun`; what it forks finds nothing at its standard input."""
    requests = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    serve(requests, become)


# The side of who asks


def begun(
    code: str, *arguments: str, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> socket.socket:
    """Begin a server by Python's `code`, which ends in `serve_who_began`; return where to ask it.

    It says nothing: what it forks for a test with no file to say it in would say it among the run's own lines.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, *options, "-c", code, *arguments],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


class Child:
    """A process forked by a server; used like a Popen, as far as that is asked for."""

    def __init__(self, server: socket.socket, said: object, *files: int) -> None:
        self.returncode: int | None = None
        self._state, states = os.pipe()
        try:
            socket.send_fds(server, [json.dumps(said).encode()], [states, *files])
        finally:
            os.close(states)
        told = self._heard()
        assert told is not None, "the fork server has ended"
        self.pid = told

    def _heard(self) -> int | None:
        told = os.read(self._state, _NUMBER.size)
        return int(_NUMBER.unpack(told)[0]) if told else None

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended; raise TimeoutExpired when it still runs after `timeout` seconds."""
        if self.returncode is None:
            if not _readable([self._state], timeout):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            told = self._heard()
            self.returncode = -signal.SIGKILL if told is None else told  # it went with its server
            os.close(self._state)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it, unless it has ended."""
        self.send_signal(signal.SIGKILL)
