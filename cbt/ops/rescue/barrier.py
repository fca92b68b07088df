"""Waiting until nobody writes any more: who has the writers' gate ends, and who comes after is refused."""

from __future__ import annotations

import os
import time
from pathlib import Path

from cbt.errors import Unavailable

try:
    import fcntl
except ImportError:  # Windows, where there is no hold and nothing to secure
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here

PATIENCE_SECONDS = 5.0
_STEP_SECONDS = 0.02


def pass_gate(held: int, path: Path, *, patience: float = PATIENCE_SECONDS) -> None:
    """Wait for whoever writes now: `held` is a descriptor of the gate's file, `path` where it lay.

    A gate that was removed and made anew is passed there, too. Raise Unavailable("rescue.busy") when a writer
    does not end within `patience` seconds.
    """
    until = time.monotonic() + patience
    _pass(held, until)
    try:
        anew = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        _pass(anew, until)
    finally:
        os.close(anew)


def _pass(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise Unavailable("rescue.busy") from error
            time.sleep(_STEP_SECONDS)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            return
