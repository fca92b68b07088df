"""A database that is damaged, and the command that is asked about it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from cbt.config import Settings, as_environment
from tests.product_processes import run_cbt as run_forked


def flip_bits(data: Path) -> None:
    """Flip one bit of every page of the database below `data`."""
    body = bytearray((data / "cbt.db").read_bytes())
    for place in range(1000, len(body), 4096):
        body[place] ^= 1
    (data / "cbt.db").write_bytes(body)


def run_cbt(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command on an installation to its end."""
    return run_forked(arguments, os.environ | as_environment(settings), Path.cwd())
