"""Somebody who brings a bank in through the browser, and the processes that a server begins for it."""

from __future__ import annotations

import http.client
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from bench.traffic.client import HOST

BANK = "customer-service-l3"
Told = Callable[[str, float], None]


@dataclass(slots=True)
class Author:
    """Somebody at the import page: brings a file, waits for its dry run, has it stored."""

    port: int
    cookie: str
    csrf_token: str
    peak_mb: int = 0
    seen: list[str] = field(default_factory=list)

    def bring(self, body: bytes, tell: Told) -> None:
        """Bring a workbook in, from the upload to the last item; tell the end of each phase and what it took."""
        began = time.perf_counter()
        status, address = self._post(f"/bank/{BANK}/import", {}, {"file": ("题库.xlsx", body)})
        assert status == 303, status
        self._wait(address)
        tell("checked", time.perf_counter() - began)
        began = time.perf_counter()
        status, address = self._post(address, {"mode": "update", "state": "in_review", "rows": "good"}, {})
        assert status == 303, status
        self._wait(address)
        tell("stored", time.perf_counter() - began)
        while self._is_busy():  # what was stored is made ready to be searched
            time.sleep(0.5)
        tell("indexed", time.perf_counter() - began)

    def _is_busy(self) -> bool:
        """Return whether the last job goes on."""
        *_head, page = self._ask("GET", "/jobs", b"", {})
        ref = page.partition('href="/jobs/')[2].partition('"')[0]
        return self._ask("GET", f"/jobs/{ref}", b"", {"Accept": "application/json"})[0] == HTTPStatus.ACCEPTED

    def _wait(self, address: str) -> None:
        while True:
            status, headers, page = self._ask("GET", f"{address}/progress", b"", {})
            assert status == 200, status
            self.seen.append(page.partition('role="status">')[2].partition("<")[0])
            self.peak_mb = max(self.peak_mb, *workers().values(), 0)
            if "hx-refresh" in headers:
                return
            time.sleep(0.5)

    def _post(
        self, path: str, fields: dict[str, str], files: dict[str, tuple[str, bytes]]
    ) -> tuple[int, str]:
        mark = uuid.uuid4().hex
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in {"csrf_token": self.csrf_token, **fields}.items()
        ]
        for name, (file, body) in files.items():
            head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'
            parts.append(head.encode() + body + b"\r\n")
        kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        status, headers, _page = self._ask("POST", path, b"".join(parts) + f"--{mark}--\r\n".encode(), kind)
        return status, headers.get("location", "")

    def _ask(
        self, method: str, path: str, body: bytes, more: dict[str, str]
    ) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        connection.request(method, path, body, {"Cookie": self.cookie, **more})
        answer = connection.getresponse()
        page = answer.read().decode(errors="replace")
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, page


def workers() -> dict[int, int]:
    """Return the workers that check files, each with the largest memory that it has had so far, in MB."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # one may have ended
            words = (place / "cmdline").read_bytes().split(b"\0")
            if b"cbt.ops.job_worker" in words:
                lines = (place / "status").read_text().splitlines()
                peak = max(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))
                found[int(place.name)] = peak
    return found


@contextmanager
def stopped() -> Iterator[None]:
    """Have the workers of jobs, and the readers that they wait for, stand still for the length of the block."""
    held = list(workers())
    for one in list(held):
        with suppress(OSError):
            tasks = Path(f"/proc/{one}/task").glob("*/children")
            held += [int(child) for task in tasks for child in task.read_text().split()]
    _send(held, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(held, signal.SIGCONT)


def _send(processes: Sequence[int], number: signal.Signals) -> None:
    for one in processes:
        with suppress(ProcessLookupError):
            os.kill(one, number)
