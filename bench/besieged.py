"""The saves of a hall of candidates beside requests that never end: what one machine can do to the others.

Source: R-21.
"""

from __future__ import annotations

import urllib.request
from statistics import median

from bench import rows
from bench.figures import Bench, Figure
from bench.servers.serve import Server
from bench.traffic import loads
from bench.traffic.client import HOST
from bench.traffic.paced import run_paced
from cbt.rehearsal.line import percentile_ms
from torture.faults.slow import half_sent_bodies

CANDIDATES = 500
HALF_SENT = 2000
EVERY_SECONDS = 1.0
PAIRS = 3


def measure_besieged(bench: Bench, server: Server, *, seconds: float) -> Figure:
    """Measure the saves of 500 candidates alone and beside 2,000 half-sent bodies from 4 addresses, in turn.

    `p99_of_alone` is the median of the pairs' ratios; `healthz` the share of pairs in which it answered.
    """
    figure, ledger = Figure("save_besieged"), loads.Ledger()
    chosen = bench.built.sitters[:CANDIDATES]
    ratios, healthy = [], 0
    for _ in range(PAIRS):
        ref_per_s = bench.ref()
        alone = run_paced(server.port, chosen, ledger, every=EVERY_SECONDS, seconds=seconds)
        with half_sent_bodies(server.port, HALF_SENT):
            among = run_paced(server.port, chosen, ledger, every=EVERY_SECONDS, seconds=seconds)
            healthy += _is_healthy(server.port)
        figure.add(among, ref_per_s)
        ratios.append(
            (percentile_ms(among.latencies, 0.99) or 0) / (percentile_ms(alone.latencies, 0.99) or 1)
        )
    figure.lost = rows.lost_answers(ledger.saved)
    figure.facts = {
        "candidates": len(chosen),
        "half_sent": HALF_SENT,
        "p99_of_alone": round(median(ratios), 2),
        "healthz": round(healthy / PAIRS, 2),
    }
    return figure


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
