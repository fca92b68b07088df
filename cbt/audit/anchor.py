"""The anchor of the audit log: each head as a line on another disk.

Lines are appended and forced to disk after the commit, outside the gate. A disk that fails or hangs loses no
act: it is told on the pages of staff and by /healthz, and the next line that can be written stands for all
before it, since each head is made over the whole log.

Source: R-64.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

import flask

from cbt.config import Settings
from cbt.errors import InvalidInput, Unavailable
from cbt.http.health import WARNINGS
from cbt.storage.backup_folder import sync_folder
from cbt.storage.private_files import make_private, open_private

log = logging.getLogger(__name__)

FILE = "audit-heads.txt"
MARK = "anchor.behind"
PATIENCE = timedelta(seconds=2)
"""An act waits no longer than this for its line."""


class Anchor:
    """Appends lines to the anchor file, one at a time; `mark` tells the other processes that it cannot."""

    def __init__(self, path: Path, mark: Path, *, patience: timedelta = PATIENCE) -> None:
        self.path = path
        self._mark = mark
        self._patience = patience.total_seconds()
        self._turn = threading.Lock()
        self._last = ""

    @property
    def behind(self) -> bool:
        """Return whether the last head could not be written there, or the next could not."""
        return self._mark.exists() or not self.path.parent.is_dir()

    def follow(self, line: str) -> None:
        """Append one line, on disk when this returns, unless the disk fails or takes too long."""
        if not self._turn.acquire(timeout=self._patience):
            self._fail("it hangs")
            return
        if line == self._last:  # of one transaction, which several of its requests bring
            self._turn.release()
            return
        done: Future[str] = Future()
        threading.Thread(target=self._try, args=(line, done), name="anchor", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            if failed := done.result(timeout=self._patience):
                self._fail(failed)
            return
        self._fail("it hangs")

    def _try(self, line: str, done: Future[str]) -> None:
        failed = ""
        try:
            append_line(self.path, line)
            self._last = line
            with contextlib.suppress(OSError):
                self._mark.unlink(missing_ok=True)
        except (OSError, Unavailable) as error:
            failed = getattr(error, "strerror", None) or type(error).__name__
        done.set_result(failed)
        self._turn.release()

    def _fail(self, why: str) -> None:
        log.error("the log's head could not be anchored: %s", why)
        with contextlib.suppress(OSError):
            make_private(self._mark)


def append_line(path: Path, line: str) -> None:
    """Append one line, forced to disk; lines of several processes do not mix. Raise OSError."""
    fresh = not path.exists()
    descriptor = open_private(path, os.O_RDWR | os.O_APPEND)
    try:
        # A line that a full disk tore ends here, so that it spoils no other.
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        text = (b"\n" if torn else b"") + f"{line}\n".encode("ascii")
        if os.write(descriptor, text) != len(text):
            raise OSError(28, "No space left on device")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if fresh:
        sync_folder(path.parent)


def init_anchor(app: flask.Flask, settings: Settings) -> None:
    """Give `app` its anchor where CBT_AUDIT_ANCHOR names one.

    Raise InvalidInput("audit.anchor_place") for a place among the data or the keys.
    """
    app.extensions["cbt_anchor"] = None
    if settings.audit_anchor is None:
        return
    path = anchor_file(settings.audit_anchor)
    for folder in (settings.data_dir, settings.keys):
        if path.resolve().is_relative_to(folder.expanduser().resolve()):
            raise InvalidInput("audit.anchor_place", path=str(path), folder=str(folder))
    anchor = app.extensions["cbt_anchor"] = Anchor(path, settings.data_dir / MARK)
    app.extensions.setdefault(WARNINGS, []).append(lambda: ["anchor.behind"] if anchor.behind else [])


def anchor_file(place: Path) -> Path:
    place = place.expanduser()
    return place / FILE if place.is_dir() or not place.suffix else place
