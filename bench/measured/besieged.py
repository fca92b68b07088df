"""Saves beside requests that never end, pages of staff beside sign-ins: what one machine can do to the others.

Source: R-21.
"""

from __future__ import annotations

import time
import urllib.request
from http.client import HTTPConnection
from statistics import median
from urllib.parse import urlencode

from bench import rows
from bench.figures import Figure
from bench.measured.declaring import NONE_LOST, Bound, Group, Stage, Stand, Target, most
from bench.traffic import loads
from bench.traffic.client import HOST
from bench.traffic.paced import run_paced
from bench.traffic.strangers import COUNT, signing_in
from cbt.rehearsal.http_client import percentile_ms
from torture.faults.slow import half_sent_bodies

CANDIDATES = 500
HALF_SENT = 2000
EVERY_SECONDS = 1.0
PAIRS = 3
SECONDS = 6.0
GIVEN_UP_SECONDS = 30.0
"""So long a proctor waits for a page."""


def measure(stand: Stand) -> list[Figure]:
    """Measure the saves of 500 candidates alone and beside 2,000 half-sent bodies from 4 addresses, in turn.

    `p99_of_alone` is the median of the pairs' ratios; `healthz` the share of pairs in which it answered. Then one
    proctor's pages, and their 统一开考, alone and beside 400 connections of random sign-ins, in turn.
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
        **_beside_sign_ins(stand, pairs=pairs, seconds=seconds),
    }
    return [figure]


def _beside_sign_ins(stand: Stand, *, pairs: int, seconds: float) -> dict[str, float]:
    """Return what pages of staff, and a start, take at the 99th percentile beside sign-ins and as × alone."""
    stand.tell(f"pages of staff beside {COUNT} connections of random sign-ins")
    found: dict[str, list[tuple[float, float]]] = {"staff_page": [], "staff_start": []}
    for _ in range(pairs):
        alone = _staff(stand, seconds)
        with signing_in(stand.port):
            beside = _staff(stand, seconds)
        for name, kept in found.items():
            kept.append((_p99_ms(alone[name]), _p99_ms(beside[name])))
    facts: dict[str, float] = {"sign_in_connections": COUNT}
    for name, kept in found.items():
        facts[f"{name}_p99_ms"] = round(median(beside for _, beside in kept), 1)
        facts[f"{name}_p99_of_alone"] = round(median(beside / alone for alone, beside in kept), 2)
    stand.tell(", ".join(f"{name} {value}" for name, value in facts.items()))
    return facts


def _p99_ms(latencies: list[float]) -> float:
    return percentile_ms(latencies, 0.99) or 0.0


def _staff(stand: Stand, seconds: float) -> dict[str, list[float]]:
    """Return how long a proctor waited for page after page, and for starts: the room has begun, and they say so."""
    built, line = stand.bench.built, HTTPConnection(HOST, stand.port, timeout=GIVEN_UP_SECONDS)
    room = f"/proctor/rooms/{built.rooms[0]}"
    sent = {"Cookie": built.proctor, "Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"csrf_token": built.csrf_token})
    asked = (
        ("staff_page", "GET", room, ""),
        ("staff_page", "GET", "/staff", ""),
        ("staff_start", "POST", f"{room}/acts/start", form),
    )
    taken: dict[str, list[float]] = {"staff_page": [], "staff_start": []}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for name, method, path, body in asked:
            begun = time.perf_counter()
            try:
                line.request(method, path, body=body or None, headers=sent)
                line.getresponse().read()
            except OSError:
                line.close()  # given up: it counts with all that it waited
            taken[name].append(time.perf_counter() - begun)
    line.close()
    return taken


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
