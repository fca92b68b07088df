"""`python -m bench.importing`: a bank of 10,000 rows comes in through the browser while a hall saves its answers.

Printed are the seconds until the dry run and until all is stored, the memory of the process that did it, and the
saves of the candidates beside it against those before and after it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from bench import rows
from bench.author import Author, stopped
from bench.installation import Installation, choose_answers, installation
from bench.servers.serve import PRODUCT, serving
from bench.traffic import loads
from bench.traffic.client import run_load
from bench.traffic.paced import run_paced
from cbt.demo.world import Signer, add_staff
from cbt.rehearsal.http_client import percentile_ms
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import unit_of_work
from tests.bank.sheets import single, truth, workbook

POINTS = ("A-A-A-001", "A-A-A-002", "A-A-A-003")
PHASES = ("checked", "stored", "indexed")
SLICE_SECONDS = 2.0
LETTERS = 1500
"""So many different ideographs the stems are made of."""


def bank_of(count: int) -> bytes:
    """Return a workbook of so many different rows, with keys of every letter: those of one are doubted."""
    rng = random.Random(count)

    def words(length: int) -> str:
        return "".join(chr(0x4E00 + rng.randrange(LETTERS)) for _ in range(length))

    made = [
        truth(
            f"客服员在{words(6)}时应当{words(12)}，以便{words(8)}。",
            point=rng.choice(POINTS),
            answer=rng.choice("√×"),
        )
        if number % 3
        else single(
            f"接待员遇到{words(10)}，首先应当{words(6)}的是（　　）。",
            point=rng.choice(POINTS),
            answer=rng.choice("ABCD"),
        )
        for number in range(count)
    ]
    return workbook(made)


def _bring(author: Author, body: bytes, line: Connection) -> None:
    author.bring(body, lambda *told: line.send(told))
    line.send((author.peak_mb, list(dict.fromkeys(author.seen))))


def measure(
    built: Installation, port: int, *, rows_in: int, every: float, seconds: float, paired: bool
) -> dict[str, object]:
    """Return what an import of `rows_in` rows takes, and what it does to saves every `every` seconds.

    Saves alone and beside it are measured alike, in slices; the author is a process of their own, so that who
    measures does nothing else. When `paired`, the import stands still for every second slice: whatever else the
    machine does meets both alike, and the seconds of the import are no measure.
    """
    with built.app.app_context(), unit_of_work() as session:
        signer = Signer(built.app)
        staff = add_staff(session, Role.AUTHOR, login="author", name="命题员", now=built.now())
        cookie = signer.sign_in(
            session, kind="staff", subject_ref=staff.ref, machine="author", now=built.now()
        )
    body, ledger = bank_of(rows_in), loads.Ledger()

    def saves() -> list[float]:
        return run_paced(port, built.sitters, ledger, every=every, seconds=SLICE_SECONDS).latencies

    def alone() -> list[list[float]]:
        return [saves() for _ in range(round(seconds / SLICE_SECONDS))]

    saves()  # the first of a server's life are no measure
    quiet = alone()
    here, there = multiprocessing.Pipe()
    bringing = multiprocessing.get_context("spawn").Process(
        target=_bring, args=(Author(port, cookie, signer.csrf_token), body, there)
    )
    bringing.start()
    took: dict[str, float] = {}
    phases: dict[str, list[list[float]]] = {}
    stands: list[list[float]] = []
    while bringing.is_alive() or here.poll():
        phase = next((name for name in PHASES if name not in took), "end")
        phases.setdefault(phase, []).append(saves())
        if paired:
            with stopped():
                stands.append(saves())
        while here.poll():
            name, value = here.recv()
            if name not in PHASES:
                peak_mb, seen = name, value
                break
            took[name] = value
    bringing.join()
    beside = [one for some in phases.values() for one in some]
    quiet += alone()
    return {
        "rows": rows_in,
        "file_kb": len(body) // 1024,
        **{f"{name}_s": round(value, 1) for name, value in took.items()},
        "peak_mb": peak_mb,
        "saves_per_s": round(len(built.sitters) / every),
        "alone": _figures(stands or quiet),
        "beside": _figures(beside),
        "until": {name: _figures(some) for name, some in phases.items()},
        "of_alone": round(_figures(beside)["p99_ms"] / _figures(stands or quiet)["p99_ms"], 2),
        "lost": rows.lost_answers(ledger.saved),
        "progress": seen,
    }


def _figures(slices: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return medians over slices, which a moment in which the machine did something else does not decide."""
    every = [one for some in slices for one in some]
    return {
        "slices": len(slices),
        "p50_ms": median(_ms(one, 0.5) for one in slices),
        "p99_ms": median(_ms(one, 0.99) for one in slices),
        "p99_of_all_ms": _ms(every, 0.99),
        "worst_ms": _ms(every, 1),
    }


def _ms(latencies: Sequence[float], share: float) -> float:
    return round(percentile_ms(latencies, share) or 0, 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Build an installation, serve it, measure, print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m bench.importing", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument(
        "--every", type=float, default=2.0, help="seconds from one save of a candidate to the next"
    )
    parser.add_argument("--paired", action="store_true", help="let the import stand still every other 2 s")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the saves are measured alone")
    options = parser.parse_args(argv)
    with (
        tempfile.TemporaryDirectory() as folder,
        installation(Path(folder), attempts=options.candidates) as built,
    ):
        choose_answers(built)
        with serving(PRODUCT, built.environ) as port:
            run_load(port, [loads.starts(built.sitters)])
            found = measure(
                built,
                port,
                rows_in=options.rows,
                every=options.every,
                seconds=options.seconds,
                paired=options.paired,
            )
    print(json.dumps(found, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
