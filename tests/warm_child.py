"""The side of `tests/warm.py` that forks children of `cbt.confined`: it holds what a task loads, nothing else."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path

from cbt.confined.child import main

REQUEST = 1024 * 1024
FILES = 3
"""They come with a request: where the child reads, where it answers, where is told which it is and how it ended."""


def serve() -> None:
    """Load the module in the arguments, then fork a child for each request at standard input until it ends."""
    import_module(sys.argv[2])
    if len([*Path("/proc/self/task").iterdir()]) > 1:
        sys.exit(f"{sys.argv[2]} has threads: it cannot be forked")
    gc.freeze()
    requests = socket.socket(fileno=sys.stdin.fileno())
    ended, ends = os.pipe()
    os.set_blocking(ends, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks ends it
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(ends)
    told: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests, ended], [], [])
        if ended in ready:
            os.read(ended, REQUEST)
            _tell_ends(told)
        if requests in ready:
            job, files, _, _ = socket.recv_fds(requests, REQUEST, FILES)
            if not job:
                return
            read, answer, state = files
            number = os.fork()
            if not number:
                _become(job, read, answer)
            os.close(read)
            os.close(answer)
            os.write(state, b"%d\n" % number)
            told[number] = state


def _tell_ends(told: dict[int, int]) -> None:
    while told:
        number, status = os.waitpid(-1, os.WNOHANG)
        if not number:
            return
        state = told.pop(number)
        os.write(state, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(state)


def _become(job: bytes, read: int, answer: int) -> None:
    """Go on as the child that a new interpreter would have become by now."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(read, 0)
    os.dup2(answer, 1)
    sys.argv[2] = job.decode()
    code = 1
    try:
        main()
        code = 0
    finally:
        os._exit(code)
