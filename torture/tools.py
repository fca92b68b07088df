"""What a fault may need of the machine, and whether it is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from torture.sites.cable import can_lay

FAKETIME_PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


def _linux() -> bool:
    return sys.platform == "linux"


@cache
def strace_injects() -> bool:
    """Return whether strace is there and may change what another process is told."""
    strace = shutil.which("strace")
    if strace is None:
        return False
    command = [
        strace,
        "-f",
        "-o",
        os.devnull,
        "-e",
        "trace=getpriority",
        "-e",
        "inject=getpriority:error=EACCES",
    ]
    probe = "import os,sys\ntry: os.getpriority(0, 0)\nexcept PermissionError: sys.exit(7)"
    return subprocess.run([*command, sys.executable, "-c", probe], capture_output=True).returncode == 7


def faketime_library() -> Path | None:
    """Return libfaketime for programs with threads, or None."""
    for place in FAKETIME_PLACES:
        for path in Path("/").glob(place.lstrip("/")):
            return path
    return None


@cache
def can_mount() -> bool:
    """Return whether this process may mount a small file system of its own."""
    if not _linux() or os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    with tempfile.TemporaryDirectory(prefix="cbt-torture-") as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True
        )
        if mounted.returncode != 0:
            return False
        subprocess.run(["umount", folder], capture_output=True)
    return True


NEEDS: Mapping[str, Callable[[], bool]] = {
    "linux": _linux,
    "strace": strace_injects,
    "faketime": lambda: faketime_library() is not None,
    "mount": can_mount,
    "cable": cache(can_lay),
    "root": lambda: os.name == "posix" and os.geteuid() == 0,
}
"""By name, whether this machine has it; texts: torture.need.<name>."""


def missing(needs: tuple[str, ...]) -> list[str]:
    """Return which of `needs` this machine lacks."""
    return [name for name in needs if not NEEDS[name]()]
