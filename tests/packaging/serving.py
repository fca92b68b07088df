"""`cbt serve`, whose process that owns the writing begins with the product's modules loaded (Linux).

It loads what the server, a fork itself, has loaded already. So it is a fork of the server that waits to be begun;
one that takes the place of a killed one begins as in production.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cbt.cli import main
from cbt.ops import writer_process
from tests.packaging.served import WRITING
from tests.product_processes import CBT

PR_SET_NAME = 15
_spawn = os.posix_spawn


class Waiting:
    """A child of this process that becomes the first one that owns the writing."""

    def __init__(self) -> None:
        self._read, self._told = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._told)
            self._become()
        os.close(self._read)

    def begin(
        self,
        path: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        setsigmask: Collection[int] = (),
        **more: Any,
    ) -> int:
        """Begin a process as `os.posix_spawn` does; return its number."""
        if self._pid == 0 or command[1:3] != ["-m", WRITING.decode()]:
            return _spawn(path, command, environment, setsigmask=setsigmask, **more)
        begun, self._pid = self._pid, 0
        with os.fdopen(self._told, "w", encoding="utf-8") as told:
            json.dump([command[2:], dict(environment), [*setsigmask]], told)
        return begun

    def _become(self) -> None:
        ctypes.CDLL(None).prctl(PR_SET_NAME, WRITING)
        with os.fdopen(self._read, encoding="utf-8") as heard:
            said = heard.read()
        if not said:  # nothing is written here: the server has ended
            os._exit(0)
        arguments, environment, masked = json.loads(said)
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = arguments
        code = 1
        try:
            writer_process.main()
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)


def serve() -> None:
    """Serve, as `cbt serve` does."""
    os.posix_spawn = Waiting().begin  # type: ignore[assignment]  # in a process of the tests
    sys.argv[0] = CBT
    main()
