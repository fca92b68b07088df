"""The servers and commands of the faults, begun with the product's modules loaded (Linux).

Half of what the faults do is waiting for servers that come up again, and most of that is imports. A server that
nothing stands before (strace, a network of its own, another clock) is a fork of a process that has done them, as
in tests/packaging; the process that owns the writing begins as in production.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.fork_server import CAN_FORK
from tests.product_processes import CBT, Forked, run_cbt
from torture.sites import processes

_begin = processes.begin


def _begin_warm(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes] | Forked:
    if tuple(command) != processes.SERVE or "LD_PRELOAD" in environment:
        return _begin(command, folder, environment, log)
    return Forked(
        CBT, ["serve"], environment=environment, folder=folder, out=log, err=log, own_group=True
    )  # fmt: skip


def _run_warm(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, *, seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a command as a fork; `seconds` is the patience with a new program, the tests have one of their own."""
    del seconds
    return run_cbt(arguments, environment, folder)


def begin_warm() -> None:
    """Have what the faults begin in this process begin warm, where it can."""
    if CAN_FORK:
        processes.begin = _begin_warm  # type: ignore[assignment]  # for the tests alone
        processes.run_cbt = _run_warm
