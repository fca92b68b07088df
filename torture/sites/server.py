"""`cbt serve` in a process group of its own: started, killed in parts or whole, started again."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cbt.clock import SystemClock
from cbt.storage.write_queue.writer_client import is_owned
from torture.sites import processes
from torture.sites.waiting import PATIENCE_SECONDS, free_port, is_free, wait_for

GONE_WITHIN_SECONDS = 10.0
"""So long is waited for workers whose parent is gone; on an idle machine it is a moment."""


class Server:
    """One server on one port of 127.0.0.1. Only processes of its own group are ever signalled."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        outages: list[tuple[datetime, datetime]],
        *,
        name: str = "server",
    ) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / f"{name}.log"
        self._folder = folder
        kept = {key: text for key, text in os.environ.items() if not key.startswith("CBT_")}
        self.environment = {
            **kept, **environment, "CBT_HOST": "127.0.0.1", "CBT_PORT": str(self.port), "PYTHONUTF8": "1",
        }  # fmt: skip
        self._outages = outages
        self._clock = SystemClock()
        self._down_at: datetime | None = None
        self._began = 0.0

    @property
    def pid(self) -> int:
        """Return the parent's process id."""
        assert self.process is not None
        return self.process.pid

    def start(self, *prefix: str, extra: Mapping[str, str] | None = None) -> None:
        """Start it; `prefix` is put before the command (strace, faketime), `extra` is added to its environment."""
        self._began = time.monotonic()
        environment = {**self.environment, **(extra or {})}
        self.process = processes.begin([*prefix, *processes.SERVE], self._folder, environment, self.log)

    def wait_ready(self, seconds: float = PATIENCE_SECONDS) -> float:
        """Wait until it can save answers with all its workers; return the seconds since it was started or hit.

        Raise RuntimeError when it does not get there.
        """
        if not wait_for(self._ready, seconds):
            raise RuntimeError(f"the server did not become ready: {self.said[-2000:]}")
        return time.monotonic() - self._began

    def _ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"the server ended: {self.said[-2000:]}")
        if not self.healthy():
            return False
        if self._down_at is not None:  # an outage ends with the first worker that serves, not with the last
            self._outages.append((self._down_at, self._clock.now()))
            self._down_at = None
        return len(self.workers()) >= int(self.environment["CBT_WORKERS"])

    def healthy(self) -> bool:
        """Return whether it says that answers can be saved now."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            line.request("GET", "/healthz")
            return line.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()

    @property
    def said(self) -> str:
        """Return what it printed."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def workers(self) -> list[int]:
        """Return the processes that serve."""
        return [pid for pid in _children(self.pid) if _runs(pid) and _serves(pid) and not _writes(pid)]

    def writer(self) -> int | None:
        """Return the process that owns the writing, once it does; None where there is none."""
        if "CBT_DATABASE_URL" in self.environment or not wait_for(self._is_owned):
            return None
        return next((pid for pid in _children(self.pid) if _runs(pid) and _writes(pid)), None)

    def _is_owned(self) -> bool:
        return is_owned(Path(self.environment["CBT_DATA_DIR"]))

    def kill_writer(self) -> int:
        """SIGKILL the process that owns the writing; return its process id."""
        victim = self.writer()
        if victim is None:
            raise RuntimeError("no process owns the writing")
        self._began = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: not _runs(victim))
        return victim

    def kill_worker(self, rng: random.Random) -> int:
        """SIGKILL one worker; return its process id."""
        self._began = time.monotonic()
        victim = rng.choice(self.workers())
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: not _runs(victim))
        return victim

    def kill_parent(self) -> bool:
        """SIGKILL the parent alone; return whether its workers ended by themselves and the port was free then."""
        workers = self.workers()
        self._hit()
        os.kill(self.pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait()
        gone = wait_for(
            lambda: not any(_runs(pid) for pid in workers) and is_free(self.port), GONE_WITHIN_SECONDS
        )
        for pid in workers:
            if _runs(pid):
                os.kill(pid, signal.SIGKILL)
        return gone

    def kill_group(self) -> None:
        """SIGKILL the parent and everything it started, at once."""
        assert self.process is not None
        self._hit()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        wait_for(lambda: is_free(self.port), GONE_WITHIN_SECONDS)

    def _hit(self) -> None:
        self._down_at = self._down_at or self._clock.now()

    def stop(self) -> None:
        """End it politely, and for certain."""
        if self.process is None or self.process.poll() is not None:
            return
        self._hit()
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        self.kill_group()


def _children(pid: int) -> list[int]:
    """Return the children of all threads of a process."""
    try:
        texts = [path.read_text("ascii") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(one) for text in texts for one in text.split()]


def _writes(pid: int) -> bool:
    """Return whether this is the process that owns the writing."""
    try:
        return b"cbt.ops.writer_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _serves(pid: int) -> bool:
    """Return whether this is a worker; Python's own helper for shared memory is none, nor who carries out jobs."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"resource_tracker" not in command and b"cbt.ops.job_worker" not in command
    except OSError:
        return False


def _runs(pid: int) -> bool:
    """Return whether a process still runs; one that ended and was not yet reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
