"""The saves of a hall of candidates beside requests that never end: what one machine can do to the others.

Source: R-21.
"""

from __future__ import annotations

import urllib.request
from statistics import median

from bench import rows
from bench.figures import Figure
from bench.measured.declaring import NONE_LOST, Bound, Group, Stage, Stand, Target, most
from bench.traffic import loads
from bench.traffic.client import HOST
from bench.traffic.paced import run_paced
from cbt.rehearsal.line import percentile_ms
from torture.faults.slow import half_sent_bodies

CANDIDATES = 500
HALF_SENT = 2000
EVERY_SECONDS = 1.0
PAIRS = 3
SECONDS = 6.0


def measure(stand: Stand) -> list[Figure]:
    """Measure the saves of 500 candidates alone and beside 2,000 half-sent bodies from 4 addresses, in turn.

    `p99_of_alone` is the median of the pairs' ratios; `healthz` the share of pairs in which it answered.
    """
    stand.tell(f"{CANDIDATES} candidates beside {HALF_SENT} half-sent bodies")
    figure, ledger = Figure("save_besieged"), loads.Ledger()
    chosen, seconds = stand.bench.built.sitters[:CANDIDATES], min(SECONDS, stand.size.paced_seconds)
    ratios, healthy = [], 0
    pairs = stand.size.of(PAIRS, 1)
    for _ in range(pairs):
        alone = run_paced(stand.port, chosen, ledger, every=EVERY_SECONDS, seconds=seconds)
        with half_sent_bodies(stand.port, HALF_SENT):
            among = run_paced(stand.port, chosen, ledger, every=EVERY_SECONDS, seconds=seconds)
            healthy += _is_healthy(stand.port)
        figure.add(among, None)
        ratios.append(
            (percentile_ms(among.latencies, 0.99) or 0) / (percentile_ms(alone.latencies, 0.99) or 1)
        )
    figure.lost = rows.lost_answers(ledger.saved)
    figure.facts = {
        "candidates": len(chosen),
        "half_sent": HALF_SENT,
        "p99_of_alone": round(median(ratios), 2),
        "healthz": round(healthy / pairs, 2),
    }
    return [figure]


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


GROUPS = (
    Group(
        (
            Target(
                "save_besieged",
                "500 candidates beside 2,000 half-sent bodies",
                "500 名考生，同时有 2000 个停在半途的请求",
                (most("p99_of_alone", 2.0, 1.5), Bound("healthz", 1.0, None), NONE_LOST),
                paced=True,
            ),
        ),
        Stage.OPEN,
        measure,
        people=lambda size: size.of(CANDIDATES, 100),
    ),
)
