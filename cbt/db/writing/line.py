"""The line from a server process to the one that owns the writing: batches go over, outcomes come back.

A frame is four bytes of length and a text. A frame that did not arrive whole is not carried out.
"""

from __future__ import annotations

import hashlib
import logging
import os
import selectors
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from cbt.db.writing.commits import Carried, Carrier, Failed, More
from cbt.errors import Unavailable

LENGTH_BYTES = 4
LONGEST_FRAME = 256 * 1024 * 1024
READ_SIZE = 256 * 1024
BUFFER_BYTES = 4 * 1024 * 1024
ANSWER_SECONDS = 20.0
"""A batch that is not answered for so long is given up; its requests may be sent again."""
SEND_SECONDS = 2.0
"""A process that does not take its outcomes for so long is let go, so that the others need not wait for it."""
log = logging.getLogger(__name__)
_PEER = struct.Struct("3i")
"""Process, user and group of the other end."""


class Packing(Protocol):
    """How requests and outcomes become bytes; both ends are of the same version."""

    def pack_requests(self, requests: Sequence[Any]) -> bytes:
        """Return requests as bytes."""
        ...

    def unpack_requests(self, packed: bytes) -> Sequence[Any]:
        """Return the requests; raise ValueError for anything else."""
        ...

    def pack_carried(self, carried: Carried) -> bytes:
        """Return outcomes as bytes."""
        ...

    def unpack_carried(self, packed: bytes, requests: Sequence[Any]) -> Carried:
        """Return the outcomes of `requests`; raise ValueError for anything else."""
        ...


def can_share() -> bool:
    """Return whether this system has such lines: names of the kernel's, and who is at the other end."""
    return sys.platform == "linux"


def is_owned(folder: Path) -> bool:
    """Return whether a process owns the writing in `folder` now."""
    with socket.socket(socket.AF_UNIX) as line:
        return line.connect_ex(_address(folder)) == 0


class WriteLine:
    """Has batches carried out by the process that owns the writing; without it, by `otherwise`, here.

    Who writes is a question of speed alone: the gate keeps writers apart, whoever they are.
    """

    def __init__(self, folder: Path, packing: Packing, otherwise: Carrier) -> None:
        """`folder` is where the owner listens: the data folder."""
        self._folder = folder
        self._packing = packing
        self._otherwise = otherwise
        self._line: socket.socket | None = None

    def carry_out(self, requests: Sequence[Any], more: More) -> Carried:
        """Carry out `requests`, and what `more` adds to them, in one transaction of the owner."""
        line = self._line or self._connect()
        if line is None:
            return self._otherwise.carry_out(requests, more)
        batch = [*requests, *more()]
        try:
            line.sendall(_framed(self._packing.pack_requests(batch)))
        except OSError:
            self._drop()
            return self._otherwise.carry_out(batch, _nothing)
        try:
            return self._packing.unpack_carried(_receive(line), batch)
        except (OSError, ValueError) as error:
            log.warning("the writing process did not answer: %s", type(error).__name__)
            self._drop()
            return Carried([Failed(Unavailable("db.write"))] * len(batch))

    def close(self) -> None:
        """Hang up."""
        self._drop()
        self._otherwise.close()

    def _connect(self) -> socket.socket | None:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(ANSWER_SECONDS)
        try:
            line.connect(_address(self._folder))
        except OSError:
            line.close()
            return None
        if not _is_ours(line):
            log.error("somebody else listens under the name of the writing process")
            line.close()
            return None
        self._otherwise.close()
        self._line = line
        return line

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


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
            listener.bind(_address(self._folder))
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
        if not _is_ours(line):
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
                caller.line.sendall(_framed(self._packing.pack_carried(own)))
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
            end = LENGTH_BYTES + _length(buffer)
            if len(buffer) < end:
                break
            frames.append(bytes(buffer[LENGTH_BYTES:end]))
            del buffer[:end]
        return frames


def _address(folder: Path) -> bytes:
    """Return the name the owner of the writing in `folder` listens under.

    It is a name of the kernel's, not a file: nothing is left behind by a process that was killed.
    """
    found = folder.stat()
    return b"\0cbt-writer-" + hashlib.sha256(f"{found.st_dev}/{found.st_ino}".encode()).hexdigest().encode()


def _is_ours(line: socket.socket) -> bool:
    """Return whether the other end is a process of this user: anybody can take a name of the kernel's."""
    peer = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return bool(_PEER.unpack(peer)[1] == os.getuid())


def _receive(line: socket.socket) -> bytes:
    head = _exactly(line, LENGTH_BYTES)
    return _exactly(line, _length(head))


def _exactly(line: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        piece = line.recv(min(length - len(data), READ_SIZE))
        if not piece:
            raise ConnectionResetError
        data += piece
    return bytes(data)


def _length(head: bytes | bytearray) -> int:
    length = int.from_bytes(head[:LENGTH_BYTES], "big")
    if length > LONGEST_FRAME:
        raise ValueError("not a frame")
    return length


def _framed(packed: bytes) -> bytes:
    return len(packed).to_bytes(LENGTH_BYTES, "big") + packed


_UNKNOWN = Failed(Unavailable("db.write"))


def _nothing() -> Sequence[Any]:
    return ()
