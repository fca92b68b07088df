"""How processes of the product are begun."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SERVE = (sys.executable, "-m", "cbt.cli", "serve")


def begin(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own; what it prints is added to `log`."""
    with log.open("ab") as said:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def run_cbt(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, *, seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run one command of `cbt` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cbt.cli", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
    )
