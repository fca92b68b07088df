"""Runs `cbt` as an installation does: a process of its own, its own data, a free port of this machine."""

from __future__ import annotations

import contextlib
import html
import http.client
import os
import re
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from http.cookiejar import CookieJar
from pathlib import Path

from cbt.config import FILE_VARIABLE, NO_FILE
from cbt.paths import product_dir
from tests.fork_server import CAN_FORK, end_with_parent
from tests.product_processes import PATIENCE_SECONDS, Forked, run_cbt
from torture.sites.waiting import free_port, wait_for

CHECKOUT = (sys.executable, "-m", "cbt.cli")
SERVE = "tests.packaging.serving:serve"
WRITING = b"cbt.ops.writer_process"
"""In the command line of the process that owns the writing, or its name."""
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Installation:
    """A data directory with its keys, and the `cbt` that works on it."""

    def __init__(self, folder: Path, *, command: Sequence[str] = CHECKOUT, data: str = "data") -> None:
        self.folder = folder
        self.data = folder / data
        self.keys = folder / f"{data}.keys"
        self.port = free_port()
        self._command = list(command)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes: no CBT_ variable but its own, no way in for another `cbt`."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("CBT_", "PYTHON"))}
        own = {"CBT_DATA_DIR": str(self.data), "CBT_HOST": "127.0.0.1", "CBT_PORT": str(self.port)}
        own[FILE_VARIABLE] = NO_FILE
        checkout = {"PYTHONPATH": str(product_dir("templates").parent)}
        return kept | own | {"PYTHONUTF8": "1"} | (checkout if tuple(self._command) == CHECKOUT else {})

    def run(
        self, *arguments: str, settings: Mapping[str, str] | None = None, entered: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, with other settings and what is typed in when there is some."""
        environment = self.environment | dict(settings or {})
        if self._forks:
            return run_cbt(arguments, environment, self.folder, entered=entered or "")
        return subprocess.run(
            [*self._command, *arguments],
            cwd=self.folder,
            env=environment,
            timeout=PATIENCE_SECONDS,
            input=entered,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    @property
    def _forks(self) -> bool:
        return CAN_FORK and tuple(self._command) == CHECKOUT

    @contextlib.contextmanager
    def serving(self) -> Iterator[Server]:
        """Serve until the block ends."""
        log = self.folder / "server.log"
        log.write_bytes(b"")
        process: subprocess.Popen[bytes] | Forked
        if self._forks:
            process = Forked(
                SERVE, ["serve"], environment=self.environment, folder=self.folder, out=log, err=log
            )
        else:
            with log.open("wb") as handle:
                process = subprocess.Popen(
                    [*self._command, "serve"],
                    cwd=self.folder,
                    env=self.environment,
                    stdout=handle,
                    stderr=handle,
                    preexec_fn=end_with_parent if CAN_FORK else None,
                )
        server = Server(process, log, self.port)
        try:
            server.wait()
            yield server
        finally:
            server.stop()


class Server:
    """A running `cbt serve`."""

    def __init__(self, process: subprocess.Popen[bytes] | Forked, log: Path, port: int) -> None:
        self.process = process
        self.port = port
        self._log = log

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self._log.read_text("utf-8", "replace")

    def wait(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until it answers."""
        assert wait_for(lambda: self.process.poll() is not None or self._answers(), seconds), self.said
        assert self.process.poll() is None, self.said

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5):
                return True
        except (OSError, http.client.HTTPException):
            return False

    def workers(self) -> list[int]:
        """Return the processes it started (Linux), each of its threads."""
        texts = [
            path.read_text("ascii") for path in Path(f"/proc/{self.process.pid}/task").glob("*/children")
        ]
        return [int(one) for text in texts for one in text.split()]

    def job_workers(self) -> list[int]:
        """Return those of them that carry out jobs."""
        return [pid for pid in self.workers() if b"cbt.ops.job_worker" in _told_of(pid)]

    def writers(self) -> list[int]:
        """Return those of them that own the writing."""
        return [pid for pid in self.workers() if WRITING[:15] in _told_of(pid)]

    def stop(self) -> None:
        """End it, politely first; after a kill there is nothing left to end."""
        for number, patience in ((signal.SIGTERM, PATIENCE_SECONDS), (signal.SIGKILL, 10)):
            if self.process.poll() is not None:
                return
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=patience)


def _told_of(pid: int) -> bytes:
    """Return a process's name and command line; nothing of one that has gone meanwhile."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return b"\0".join(Path(f"/proc/{pid}/{where}").read_bytes() for where in ("comm", "cmdline"))
    return b""


class Visitor:
    """A browser without a face: keeps cookies, follows redirects, fills in forms."""

    def __init__(self, port: int) -> None:
        self.path = ""
        self._base = f"http://127.0.0.1:{port}"
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def fetch(self, path: str, fields: dict[str, str] | None = None) -> bytes:
        """Return what is at `path`; with `fields` it is posted to. `self.path` is where that led."""
        body = urllib.parse.urlencode(fields).encode() if fields is not None else None
        request = urllib.request.Request(self._base + path, body)
        with self._opener.open(request, timeout=PATIENCE_SECONDS) as reply:
            self.path = urllib.parse.urlsplit(reply.url).path
            found: bytes = reply.read()
        return found

    def open(self, path: str, fields: dict[str, str] | None = None) -> str:
        """Return the text of a page."""
        return html.unescape(self.fetch(path, fields).decode())

    def fill_in(self, path: str, *, to: str, **fields: str) -> str:
        """Open the page at `path` and post `fields` to `to` with its token; return the page that follows."""
        token = _TOKEN.search(self.open(path))
        assert token, path
        return self.open(to, {"csrf_token": token[1], **fields})
