"""The end of the lines at the process that owns the writing: what arrives is carried out together."""

from __future__ import annotations

import logging
import math
import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from cbt.errors import Unavailable
from cbt.storage.write_queue.batch import Carried, Failed, More
from cbt.storage.write_queue.writer_client import (
    LENGTH_BYTES,
    READ_SIZE,
    Packing,
    address_of,
    framed,
    is_ours,
    length_of,
)

BUFFER_BYTES = 4 * 1024 * 1024
SEND_SECONDS = 2.0
"""A process that does not take its outcomes for so long is let go, so that the others need not wait for it."""
LONG_COMMIT = 0.0025
"""A COMMIT of so many seconds leaves the interpreter time to tell what the one before has brought. It is told then,
and not while the next transaction waits for it."""
PACE_SECONDS = 0.004
"""Transactions begin at most this often. Each has its own COMMIT and wakes every process, whatever it carries: of a
thousand saves a second that come one by one, two would be a transaction: half a processor would go into that."""
OWED_SHARE = 0.5
"""What is to be told waits only for a transaction that comes to its COMMIT within this share of the last one's:
hand-ins and starts take their time before."""
log = logging.getLogger(__name__)
_UNKNOWN = Failed(Unavailable("db.write"))


class Committing(Protocol):
    """Carries out batches in transactions of its own, and says when one comes to its COMMIT."""

    def carry_out(self, requests: Sequence[Any], more: More, meanwhile: Callable[[], None]) -> Carried:
        """Carry out `requests`, and what `more` adds; call `meanwhile` right before the COMMIT."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class LineServer:
    """Carries out what comes over the lines of all server processes, in one thread, batch after batch.

    A second thread tells outcomes while a COMMIT that takes long is under way; the lines themselves are the
    first one's.
    """

    def __init__(self, folder: Path, packing: Packing, commits: Committing) -> None:
        self._folder = folder
        self._packing = packing
        self._commits = commits
        self._selector = selectors.DefaultSelector()
        self._arrived: list[tuple[_Caller, Sequence[Any]]] = []
        self._goes_on = True
        self._begun_at = -math.inf
        """When the last transaction began."""
        self._owed: _Told | None = None
        """What is on disk and was not told yet: the next COMMIT is near, and takes long."""
        self._to_tell: queue.SimpleQueue[_Told | None] = queue.SimpleQueue()
        self._telling = threading.Lock()

    def serve(self, until: int) -> None:
        """Serve until the file descriptor `until` can be read, or comes to its end.

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
        try:
            with self._teller():
                while self._goes_on or self._arrived:
                    if not self._arrived:
                        self._take(None)
                    if self._arrived:
                        self._keep_pace()
                        self._carry_out()
        finally:
            for key in list(self._selector.get_map().values()):
                if isinstance(key.data, _Caller):
                    self._hang_up(key.data)
            listener.close()
            self._selector.close()
            self._commits.close()

    @contextmanager
    def _teller(self) -> Iterator[None]:
        """Have a thread that tells what it is given, for the length of the block."""
        thread = threading.Thread(target=self._tell_given, name="teller", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._to_tell.put(None)
            thread.join()

    def _take(self, timeout: float | None) -> None:
        """Take what has come, and note when it was the end."""
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                self._goes_on = False
            elif isinstance(key.data, _Caller):
                self._read(key.data)
            else:
                key.data(key.fileobj)

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
        with suppress(OSError):
            caller.line.shutdown(socket.SHUT_RDWR)  # whoever waits for it to take something waits no longer
        with self._telling:
            caller.line.close()

    def _keep_pace(self) -> None:
        """Wait until another transaction may begin; whatever comes meanwhile goes along with it."""
        wait = self._begun_at + PACE_SECONDS - time.monotonic()
        if wait > 0 and self._owed is None:  # who is owed an outcome has waited for a COMMIT that took long
            time.sleep(wait)
        self._begun_at = time.monotonic()

    def _carry_out(self) -> None:
        """Carry out what has arrived, and what arrives until the transaction begins, and answer everybody."""
        batches, self._arrived = self._arrived, []

        def more() -> Sequence[Any]:
            self._take(0)
            late, self._arrived = self._arrived, []
            batches.extend(late)
            return [request for _, requests in late for request in requests]

        try:
            requests = [request for _, requests in batches for request in requests]
            carried = self._commits.carry_out(requests, more, self._tell_meanwhile)
        finally:
            self._tell_meanwhile()  # it may not have come to a COMMIT
        outcome = _Told(batches, carried)
        if self._next_is_near(carried):
            self._owed = outcome
        else:
            self._tell(outcome)

    def _next_is_near(self, carried: Carried) -> bool:
        """Return whether another transaction begins at once and comes to a COMMIT soon, one that takes long.

        Takes what has come by now; that is expected to be of the kind of what was `carried` out.
        """
        commit = carried.commit_seconds
        if commit is None or commit < LONG_COMMIT:
            return False
        if self._goes_on:
            self._take(0)
        coming = sum(len(requests) for _, requests in self._arrived)
        each = carried.seconds_before / max(1, len(carried.outcomes))
        return coming > 0 and coming * each <= commit * OWED_SHARE

    def _tell_meanwhile(self) -> None:
        """Have what is owed told by the other thread."""
        owed, self._owed = self._owed, None
        if owed is not None:
            self._to_tell.put(owed)

    def _tell_given(self) -> None:
        while (outcome := self._to_tell.get()) is not None:
            try:
                self._tell(outcome)
            except Exception:
                log.exception("outcomes were not told; whoever waits for them may send again")
                for caller, _ in outcome.batches:
                    with suppress(OSError):
                        caller.line.shutdown(socket.SHUT_RDWR)

    def _tell(self, outcome: _Told) -> None:
        """Tell everybody their outcomes; a line that does not take them ends, as whoever reads it sees."""
        outcomes = iter(outcome.carried.outcomes)
        with self._telling:
            for caller, requests in outcome.batches:
                own = Carried([next(outcomes, _UNKNOWN) for _ in requests], outcome.carried.commit_seconds)
                try:
                    caller.line.sendall(framed(self._packing.pack_carried(own)))
                except OSError:
                    with suppress(OSError):
                        caller.line.shutdown(socket.SHUT_RDWR)


class _Told(NamedTuple):
    """What was carried out together, by caller, and what became of it."""

    batches: Sequence[tuple[_Caller, Sequence[Any]]]
    carried: Carried


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
