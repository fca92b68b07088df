"""`python -m bench`: build an installation, serve it as production does, measure, print, write the results."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import loads, rows
from bench.client import Exchange, request_bytes, run_load
from bench.figures import CONNECTIONS, MANY_CONNECTIONS, Bench, Figure
from bench.installation import Installation, choose_answers, installation
from bench.report import machine, machine_line, markdown, table
from bench.serve import PRODUCT, REF, REPLY_VARIABLE, SLOW, serving
from cbt.delivery.sweeps import expire_overdue
from cbt.rules.attempt_state import State
from cbt.scoring.service import score_closed, verify_sitting

RESULTS = Path(__file__).with_name("results.json")
WARM_UP_STARTS = 20


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: attempts, pairs of REF and figure, seconds of each run that has no natural end."""

    attempts: int
    pairs: int
    seconds: float


FULL = Size(attempts=2000, pairs=5, seconds=2.0)
QUICK = Size(attempts=240, pairs=2, seconds=0.5)


def run_bench(size: Size) -> dict[str, Any]:
    """Measure every figure on a fresh installation and return what bench/results.json holds.

    The figures come in the order of an exam: starts, saves into full journals, hand-ins; then, with the
    servers down, what the scheduler and the command line do.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cbt-bench-") as folder,
        ExitStack() as ref,
        installation(Path(folder), attempts=size.attempts) as built,
    ):
        choose_answers(built)
        with ExitStack() as product:
            port = product.enter_context(serving(PRODUCT, built.environ))
            slow_port = product.enter_context(serving(SLOW, built.environ))
            request, reply = _sample(built, port)
            ref_port = ref.enter_context(serving(REF, {REPLY_VARIABLE: reply}))
            bench = Bench(built, ref_port, request, size.pairs, size.seconds)
            figures = _served(bench, port, slow_port)
        figures += _swept(bench)
    return {
        "machine": machine(),
        "ref_per_s": round(median(bench.ref_rates), 1),
        "figures": {figure.name: figure.as_json() for figure in figures},
    }


def _sample(built: Installation, port: int) -> tuple[bytes, str]:
    """Start the first few papers and save one answer; return its request and reply, which REF repeats."""
    first = built.sitters[:WARM_UP_STARTS]
    run_load(port, [loads.starts([sitter]) for sitter in first])
    sitter = first[0]
    body, seen = loads.save_body(sitter), []

    def on_reply(status: int, reply: bytes) -> None:
        seen.append((status, reply.decode()))

    path = f"/attempts/{sitter.attempt_ref}/answers"
    request = request_bytes(path, body, {"X-CBT-Lease": sitter.lease})
    run_load(port, [iter([Exchange(request, on_reply)])])
    if seen[0][0] != 200:
        raise RuntimeError(f"a save was refused: {seen[0]}")
    return body, seen[0][1]


def _served(bench: Bench, port: int, slow_port: int) -> list[Figure]:
    sitters = bench.built.sitters
    start = bench.once_each("start", port, sitters[WARM_UP_STARTS:], loads.starts)
    start.lost = rows.lost_starts(sitters)
    rows.fill_journals(sitters, now=_now(bench))
    saved = [
        bench.save("save", port, CONNECTIONS),
        bench.save("save, COMMIT + 5 ms", slow_port, CONNECTIONS),
        bench.save("save, COMMIT + 5 ms, 400 connections", slow_port, MANY_CONNECTIONS),
    ]
    for figure in saved:
        figure.lost = rows.lost_answers(bench.ledger.saved)
    submit = bench.once_each("submit", port, sitters, lambda share: loads.submits(share, bench.ledger))
    submit.lost = rows.lost_receipts(bench.ledger.receipts)
    return [start, *saved, submit]


def _swept(bench: Bench) -> list[Figure]:
    """Everybody's time is up at one instant; then the whole sitting is scored again from the journal."""

    def due() -> int:
        return rows.make_due(now=_now(bench))

    def close() -> int:
        return expire_overdue(now=_now(bench))

    def close_and_score() -> int:
        closed = close()
        return min(closed, score_closed(now=_now(bench)))

    def rescore() -> int:
        return sum(1 for one in verify_sitting(bench.built.sitting_ref) if one.ok)

    everybody = len(bench.built.sitters)
    closing = bench.in_process("close at the deadline", close, before=due)
    closing.lost = everybody - rows.count_in(State.CLOSED)
    scoring = bench.in_process("close and score", close_and_score, before=due)
    scoring.lost = everybody - rows.count_in(State.SCORED)
    rescoring = bench.in_process("rescore and compare", rescore, before=lambda: None)
    rescoring.lost = everybody - rescore()
    return [closing, scoring, rescoring]


def _now(bench: Bench) -> Any:
    return bench.built.app.extensions["cbt_clock"].now()


def main() -> int:
    """Run the bench; the exit code is 1 when anything acknowledged was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    parser.add_argument("--markdown", action="store_true", help="also print the table for README")
    parser.add_argument(
        "--output", type=Path, help="where to write the results (default: bench/results.json)"
    )
    options = parser.parse_args()
    results = run_bench(QUICK if options.quick else FULL)
    print(machine_line(results["machine"]))
    print(table(results))
    if options.markdown:
        print(f"\n{markdown(results)}")
    output = options.output or (None if options.quick else RESULTS)
    if output is not None:
        output.write_text(json.dumps(results, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return 1 if any(figure["lost"] for figure in results["figures"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
