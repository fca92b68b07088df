"""The end of the lines at the process that owns the writing: what arrives is carried out together."""

from __future__ import annotations

import logging
import selectors
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cbt.db.writing.commits import Carried, Carrier, Failed
from cbt.db.writing.line import LENGTH_BYTES, READ_SIZE, Packing, address_of, framed, is_ours, length_of
from cbt.errors import Unavailable

BUFFER_BYTES = 4 * 1024 * 1024
SEND_SECONDS = 2.0
"""A process that does not take its outcomes for so long is let go, so that the others need not wait for it."""
log = logging.getLogger(__name__)
_UNKNOWN = Failed(Unavailable("db.write"))


class LineServer:
    """Carries out what comes over the lines of all server processes, in one thread, batch after batch."""

    def __init__(self, folder: Path, packing: Packing, commits: Carrier) -> None:
        self._folder = folder
        self._packing = packing
        self._commits = commits
        self._selector = selectors.DefaultSelector()
        self._arrived: list[tuple[_Caller, Sequence[Any]]] = []

    def serve(self, until: int) -> None:
        """Serve until the file descriptor `until` comes to its end.

        Raises OSError when another process owns the writing in this folder.
        """
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(address_of(self._folder))
            listener.listen()
        except OSError:
            listener.close()
            raise
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(until, selectors.EVENT_READ, None)
        goes_on = True
        try:
            while goes_on:
                goes_on = self._take(None)
                if self._arrived:
                    self._carry_out()
        finally:
            for key in list(self._selector.get_map().values()):
                if isinstance(key.data, _Caller):
                    self._hang_up(key.data)
            listener.close()
            self._selector.close()
            self._commits.close()

    def _take(self, timeout: float | None) -> bool:
        """Take what has come; return whether to go on."""
        goes_on = True
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                goes_on = False
            elif isinstance(key.data, _Caller):
                self._read(key.data)
            else:
                key.data(key.fileobj)
        return goes_on

    def _accept(self, listener: socket.socket) -> None:
        line, _ = listener.accept()
        if not is_ours(line):
            line.close()
            return
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        line.settimeout(SEND_SECONDS)
        self._selector.register(line, selectors.EVENT_READ, _Caller(line))

    def _read(self, caller: _Caller) -> None:
        try:
            self._arrived += [(caller, self._packing.unpack_requests(one)) for one in caller.read()]
        except (OSError, ValueError) as error:
            if not isinstance(error, ConnectionError):
                log.warning("a server process is hung up on: %s", type(error).__name__)
            self._hang_up(caller)

    def _hang_up(self, caller: _Caller) -> None:
        self._selector.unregister(caller.line)
        caller.line.close()

    def _carry_out(self) -> None:
        """Carry out what has arrived, and what arrives until the transaction begins, and answer everybody."""
        batches, self._arrived = self._arrived, []

        def more() -> Sequence[Any]:
            self._take(0)
            late, self._arrived = self._arrived, []
            batches.extend(late)
            return [request for _, requests in late for request in requests]

        carried = self._commits.carry_out([request for _, requests in batches for request in requests], more)
        outcomes = iter(carried.outcomes)
        for caller, requests in batches:
            own = Carried([next(outcomes, _UNKNOWN) for _ in requests], carried.commit_seconds)
            try:
                caller.line.sendall(framed(self._packing.pack_carried(own)))
            except OSError:
                if caller.line.fileno() >= 0:
                    self._hang_up(caller)


class _Caller:
    """One server process, and what of its frames has come."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self._buffer = bytearray()

    def read(self) -> Sequence[bytes]:
        """Return the frames that are whole; raise ConnectionError at the end of the line."""
        data = self.line.recv(READ_SIZE)
        if not data:
            raise ConnectionResetError
        buffer = self._buffer
        buffer += data
        frames = []
        while len(buffer) >= LENGTH_BYTES:
            end = LENGTH_BYTES + length_of(buffer)
            if len(buffer) < end:
                break
            frames.append(bytes(buffer[LENGTH_BYTES:end]))
            del buffer[:end]
        return frames
