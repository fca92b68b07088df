"""The line from a server process to the one that owns the writing: batches go over, outcomes come back.

A frame is four bytes of length and a text. A frame that did not arrive whole is not carried out. The other end
of the lines is in writer_server.py.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from cbt.errors import Unavailable
from cbt.storage.write_queue.batch import Carried, Carrier, Failed, More

LENGTH_BYTES = 4
LONGEST_FRAME = 256 * 1024 * 1024
READ_SIZE = 256 * 1024
ANSWER_SECONDS = 20.0
"""A batch that is not answered for so long is given up; its requests may be sent again."""
OWNED_SECONDS = 1.0
log = logging.getLogger(__name__)
_PEER = struct.Struct("3i")
"""Process, user and group of the other end."""


class Packing(Protocol):
    """How requests and outcomes become bytes; both ends are of the same version."""

    def pack_requests(self, requests: Sequence[Any]) -> bytes: ...

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
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(OWNED_SECONDS)  # one that takes no more callers is as good as gone
        return line.connect_ex(address_of(folder)) == 0


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
            line.sendall(framed(self._packing.pack_requests(batch)))
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
        self._drop()
        self._otherwise.close()

    def _connect(self) -> socket.socket | None:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(ANSWER_SECONDS)
        try:
            line.connect(address_of(self._folder))  # which the folder may be too far gone to have
        except OSError:
            line.close()
            return None
        if not is_ours(line):
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


def address_of(folder: Path) -> bytes:
    """Return the name the owner of the writing in `folder` listens under.

    It is a name of the kernel's, not a file: nothing is left behind by a process that was killed.
    """
    status = folder.stat()
    return b"\0cbt-writer-" + hashlib.sha256(f"{status.st_dev}/{status.st_ino}".encode()).hexdigest().encode()


def is_ours(line: socket.socket) -> bool:
    """Return whether the other end is a process of this user: anybody can take a name of the kernel's."""
    peer = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return bool(_PEER.unpack(peer)[1] == os.getuid())


def _receive(line: socket.socket) -> bytes:
    head = _exactly(line, LENGTH_BYTES)
    return _exactly(line, length_of(head))


def _exactly(line: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        piece = line.recv(min(length - len(data), READ_SIZE))
        if not piece:
            raise ConnectionResetError
        data += piece
    return bytes(data)


def length_of(head: bytes | bytearray) -> int:
    """Return the length that a frame begins with; raise ValueError for one that nobody has."""
    length = int.from_bytes(head[:LENGTH_BYTES], "big")
    if length > LONGEST_FRAME:
        raise ValueError("not a frame")
    return length


def framed(packed: bytes) -> bytes:
    return len(packed).to_bytes(LENGTH_BYTES, "big") + packed


def _nothing() -> Sequence[Any]:
    return ()
