"""For how long this product's own work kept everybody else from writing: a stall that nobody outside has made.

Every process that passes the gate notes here what it did within it for a second or longer, before it lets the next
one in; the leader reads it when it finds its heartbeat old. Only work counts: not the COMMIT, which waits for the
disk, and not while the process itself was stopped.

Source: R-27; I15.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from cbt.db.private.files import open_private
from cbt.rules.clock.interruptions import Interval, without

FILE_NAME = "write.held"
LONG = timedelta(seconds=1)
"""What kept others out for less is not noted: it makes no gap in a heartbeat."""
MOST_BYTES = 64 * 1024
"""With more in it the file begins anew: what counts is of the last minute."""
PULSE_SECONDS = 0.5
STOPPED_AFTER = timedelta(seconds=1.5)
"""A pulse that comes so late says that the process stood still."""
MOST_STOPS = 64


class Pulse:
    """Notices that this process was stopped, as the whole machine may be: it did no work then."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._at: datetime | None = None
        self._stops: deque[Interval] = deque(maxlen=MOST_STOPS)

    def begin(self) -> None:
        """Feel it twice a second from now on, in a thread of its own."""
        threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self.beat()
            pause.wait(PULSE_SECONDS)

    def beat(self) -> None:
        """Note a stop that is over, when there was one."""
        now = self._now()
        self._stops.extend(self._missed(now))
        self._at = now

    def stops(self) -> list[Interval]:
        """Return when this process stood still, the stop included of which the pulse has not told yet."""
        return [*self._stops, *self._missed(self._now())]

    def _missed(self, now: datetime) -> list[Interval]:
        at = self._at
        return [Interval(at, now)] if at is not None and now - at >= STOPPED_AFTER else []


class Occupancy:
    """What this process does within the gate, and what all processes of the installation did there of late.

    One thread at a time is within the gate. Instants are those of the product's clock.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        """`folder` is the data folder, which all processes share."""
        self._path = folder / FILE_NAME
        self._now = now
        self._since: datetime | None = None
        self.pulse = Pulse(now)

    @contextmanager
    def work(self) -> Iterator[None]:
        """Count the block as work within the gate, until it commits."""
        self._since = self._now()
        try:
            yield
        finally:
            self.committing()

    def committing(self) -> None:
        """Be called right before a COMMIT, where the work ends: from here on the disk is waited for."""
        since, self._since = self._since, None
        if since is not None and (until := self._now()) - since >= LONG:
            self._note(without([Interval(since, until)], self.pulse.stops()))

    def own_work(self) -> list[Interval]:
        """Return when work kept everybody out, without what this process cannot know: it stood still itself."""
        try:
            lines = self._path.read_text("ascii").splitlines()
        except (OSError, ValueError):
            return []
        return without([span for line in lines for span in _read(line)], self.pulse.stops())

    def _note(self, spans: list[Interval]) -> None:
        lines = "".join(f"{one.from_at.isoformat()} {one.to_at.isoformat()}\n" for one in spans)
        with suppress(OSError):  # then it counts as an outage
            begin_anew = self._path.exists() and self._path.stat().st_size > MOST_BYTES
            file = open_private(self._path, os.O_WRONLY | os.O_APPEND | (os.O_TRUNC if begin_anew else 0))
            try:
                os.write(file, lines.encode("ascii"))
            finally:
                os.close(file)


def _read(line: str) -> list[Interval]:
    try:
        from_at, to_at = map(datetime.fromisoformat, line.split())
    except ValueError:  # torn by a power cut
        return []
    return [Interval(from_at, to_at)]
