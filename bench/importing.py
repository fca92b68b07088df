"""`python -m bench.importing`: a bank of 10,000 rows comes in through the browser while a hall saves its answers.

Printed are the seconds until the dry run and until all is stored, the memory of the process that did it, and the
saves of the candidates beside it against those before and after it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import rows
from bench.installation import Installation, choose_answers, installation
from bench.servers.serve import PRODUCT, serving
from bench.traffic import loads
from bench.traffic.client import HOST, percentile_ms, run_load
from bench.traffic.paced import run_paced
from cbt.db.unit_of_work import unit_of_work
from cbt.demo.browsers import Signer
from cbt.demo.places import add_staff
from cbt.rules.roles import Role
from tests.bank.sheets import single, truth, workbook

BANK = "customer-service-l3"
POINTS = ("A-A-A-001", "A-A-A-002", "A-A-A-003")
LETTERS = 1500
"""So many different ideographs the stems are made of."""


@dataclass(slots=True)
class Author:
    """Somebody at the import page: brings a file, waits for its dry run, has it stored."""

    port: int
    cookie: str
    csrf_token: str
    peak_mb: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def bring(self, body: bytes) -> None:
        """Bring a workbook in, from the upload to the last item."""
        began = time.perf_counter()
        status, address = self._post(f"/bank/{BANK}/import", {}, {"file": ("题库.xlsx", body)})
        assert status == 303, status
        self._wait(address)
        self.seconds["checked"] = time.perf_counter() - began
        began = time.perf_counter()
        status, address = self._post(address, {"mode": "update", "state": "in_review", "rows": "good"}, {})
        assert status == 303, status
        self._wait(address)
        self.seconds["stored"] = time.perf_counter() - began
        while peak_of_children():  # what was stored is made ready to be searched
            time.sleep(0.5)
        self.seconds["indexed"] = time.perf_counter() - began

    def _wait(self, address: str) -> None:
        while True:
            status, headers, page = self._ask("GET", f"{address}/progress", b"", {})
            assert status == 200, status
            self.seen.append(page.partition('role="status">')[2].partition("<")[0])
            self.peak_mb = max(self.peak_mb, peak_of_children())
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


def peak_of_children() -> int:
    """Return the largest memory that a process of a check has had so far, in MB."""
    peak = 0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            if b"work" in words and b"bank" in words:
                lines = (place / "status").read_text().splitlines()
                peak = max(
                    peak, *(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))
                )
        except OSError:
            continue  # it has ended
    return peak


def bank_of(count: int) -> bytes:
    """Return a workbook of so many different rows."""
    rng = random.Random(count)

    def words(length: int) -> str:
        return "".join(chr(0x4E00 + rng.randrange(LETTERS)) for _ in range(length))

    made = [
        truth(f"客服员在{words(6)}时应当{words(12)}，以便{words(8)}。", point=rng.choice(POINTS))
        if number % 3
        else single(f"接待员遇到{words(10)}，首先应当{words(6)}的是（　　）。", point=rng.choice(POINTS))
        for number in range(count)
    ]
    return workbook(made)


def measure(
    built: Installation, port: int, *, rows_in: int, every: float, seconds: float
) -> dict[str, object]:
    """Return what an import of `rows_in` rows takes, and what it does to saves every `every` seconds."""
    with built.app.app_context(), unit_of_work() as session:
        signer = Signer(built.app)
        staff = add_staff(session, Role.AUTHOR, login="author", name="命题员", now=built.now())
        cookie = signer.sign_in(
            session, kind="staff", subject_ref=staff.ref, machine="author", now=built.now()
        )
    author, body, ledger = Author(port, cookie, signer.csrf_token), bank_of(rows_in), loads.Ledger()
    alone = run_paced(port, built.sitters, ledger, every=every, seconds=seconds)
    bringing = threading.Thread(target=author.bring, args=(body,))
    bringing.start()
    phases: dict[str, list[float]] = {}
    while bringing.is_alive():
        phase = next((name for name in ("indexed", "stored", "checked") if name in author.seconds), "sent")
        found = run_paced(port, built.sitters, ledger, every=every, seconds=2.0)
        phases.setdefault(f"after_{phase}", []).extend(found.latencies)
    bringing.join()
    latencies = [one for some in phases.values() for one in some]
    after = run_paced(port, built.sitters, ledger, every=every, seconds=seconds)
    before_ms = max(percentile_ms(one.latencies, 0.99) or 0 for one in (alone, after))
    beside_ms = percentile_ms(latencies, 0.99) or 0
    return {
        "rows": rows_in,
        "file_kb": len(body) // 1024,
        **{f"{name}_s": round(value, 1) for name, value in author.seconds.items()},
        "peak_mb": author.peak_mb,
        "saves_per_s": round(len(built.sitters) / every),
        "p99_alone_ms": [round(percentile_ms(one.latencies, 0.99) or 0, 1) for one in (alone, after)],
        "p99_beside_ms": round(beside_ms, 1),
        "p99_by_phase_ms": {name: round(percentile_ms(some, 0.99) or 0, 1) for name, some in phases.items()},
        "of_alone": round(beside_ms / before_ms, 2) if before_ms else None,
        "worst_beside_ms": round(max(latencies, default=0) * 1000, 1),
        "lost": rows.lost_answers(ledger.saved),
        "progress": list(dict.fromkeys(author.seen)),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Build an installation, serve it, measure, print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m bench.importing", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument(
        "--every", type=float, default=2.0, help="seconds from one save of a candidate to the next"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the saves are measured alone")
    options = parser.parse_args(argv)
    with (
        tempfile.TemporaryDirectory() as folder,
        installation(Path(folder), attempts=options.candidates) as built,
    ):
        choose_answers(built)
        with serving(PRODUCT, built.environ) as port:
            run_load(port, [loads.starts(built.sitters)])
            found = measure(built, port, rows_in=options.rows, every=options.every, seconds=options.seconds)
    print(json.dumps(found, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
