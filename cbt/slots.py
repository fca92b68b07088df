"""Slots that all processes of a machine share: so many holders of a name at a time.

A slot is the lock on one byte of a file. The kernel frees it with its holder, however that ends.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from cbt.errors import Unavailable
from cbt.storage.private_files import open_private

try:
    import fcntl
except ImportError:  # Windows: one process serves, and counts for itself
    fcntl = None  # type: ignore[assignment]  # None says that there is no such lock here

log = logging.getLogger(__name__)
_TAKEN = (errno.EACCES, errno.EAGAIN)


class Slots:
    """The slots that one process holds, and asks its machine for."""

    def __init__(self, path: Path | None = None) -> None:
        """Without a `path`, or where it cannot be opened, this process counts for itself alone."""
        self._path = path
        self._file = -1
        self._look = threading.Lock()
        self._held: set[int] = set()
        """Bytes that this process has locked: the kernel does not refuse it its own."""

    def take(self, name: str, *, most: int = 1) -> Callable[[], None] | None:
        """Return what gives a slot of `name` back, from any thread; None while all `most` are held."""
        first = _first_byte(name)
        with self._look:
            for byte in range(first, first + most):
                if byte not in self._held and self._lock(byte):
                    self._held.add(byte)
                    return partial(self._free, byte)
        return None

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Wait for the only slot of `name`; one thread of a process may ask for it."""
        byte = _first_byte(name)
        with self._look:
            shared = self._open()
        if shared:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, byte)
        try:
            yield
        finally:
            if shared:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)

    def _free(self, byte: int) -> None:
        with self._look:
            if byte in self._held:
                self._held.remove(byte)
                if self._file >= 0:
                    fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)

    def _lock(self, byte: int) -> bool:
        if not self._open():
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError as error:
            return error.errno not in _TAKEN
        return True

    def _open(self) -> bool:
        """Return whether the file is there. It stays open: to close it would free all that is locked."""
        if self._file < 0 and self._path is not None and fcntl is not None:
            try:
                self._file = open_private(self._path, os.O_RDWR)
            except (OSError, Unavailable) as error:
                log.warning("processes count each for itself: %s", error)
                self._path = None
        return self._file >= 0


def _first_byte(name: str) -> int:
    # Far apart, so that no two names share a byte; the file itself stays empty.
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") << 8
