"""交卷: each candidate once, alone and while others save."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from statistics import median

from bench import rows
from bench.figures import CONNECTIONS, Figure
from bench.measured.declaring import NONE_LOST, NONE_REFUSED, Bound, Group, Stage, Stand, Target, most
from bench.sizes import Size
from bench.traffic import loads
from bench.traffic.leaving import Left, leaving
from bench.traffic.paced import run_paced
from cbt.rehearsal.http_client import percentile_ms

SAVERS = 1600
"""So many candidates save once a second."""
HAND_INS_PER_S = 600.0
ROUNDS = 3


def measure(stand: Stand) -> list[Figure]:
    """Measure hand-ins of open papers."""
    stand.tell("hand-ins")
    bench, size = stand.bench, stand.size
    sitters = bench.built.sitters[: size.pairs * size.starts]
    runs = bench.shares(stand.port, sitters, lambda share: loads.submits(share, bench.ledger))
    submit = bench.measure("submit", runs)
    submit.lost = rows.lost_receipts(bench.ledger.receipts)
    return [submit]


def beside(stand: Stand) -> list[Figure]:
    """Measure hand-ins beside 1,600 saves a second: at 600/s, and as fast as they are answered.

    The rate and the latencies are those of the latter; `p99_of_alone` is the median over the rounds of the saves'
    p99 beside the 600/s to their p99 alone, `fast_p99_of_alone` the same beside as many as go.
    """
    bench, size = stand.bench, stand.size
    savers = size.of(SAVERS, 60)
    stand.tell(f"hand-ins beside {savers} saves/s")
    people = bench.built.sitters[-_people(size) :]
    saving, going = people[:savers], people[savers:]
    figure, ledger, receipts = Figure("submit_beside"), loads.Ledger(), dict[int, str]()
    paced: dict[str, list[float]] = {"p99_of_alone": [], "fast_p99_of_alone": []}
    seconds = size.starts / HAND_INS_PER_S
    with leaving(stand.port, going, connections=min(CONNECTIONS, size.starts)) as others:
        for number in range(2 * size.of(ROUNDS, 1)):
            alone = run_paced(stand.port, saving, ledger, every=1.0, seconds=seconds)
            fast = bool(number % 2)
            first, begun = number * size.starts, list[Future[Left]]()
            begin = partial(others.begin, first, first + size.starts, per_s=None if fast else HAND_INS_PER_S)
            # With the first save: the savers' connections are there by then.
            events = [(0.0, lambda begin=begin, begun=begun: begun.append(begin()))]
            among = run_paced(stand.port, saving, ledger, every=1.0, seconds=seconds, events=events)
            load, given = begun[0].result()
            receipts |= given
            figure.refused += among.refused
            p99 = [percentile_ms(one.latencies, 0.99) or 1 for one in (among, alone)]
            paced["fast_p99_of_alone" if fast else "p99_of_alone"].append(p99[0] / p99[1])
            if fast:
                figure.add(load, None)
            else:
                figure.refused += load.refused
                figure.facts["at_600_p99_ms"] = round(percentile_ms(load.latencies, 0.99) or 0, 1)
                figure.facts["saves_p99_ms"] = round(p99[0], 1)
    figure.lost = rows.lost_receipts(receipts) + rows.lost_answers(ledger.saved)
    figure.facts |= {name: round(median(ratios), 2) for name, ratios in paced.items()}
    return [figure]


def _people(size: Size) -> int:
    return size.of(SAVERS, 60) + 2 * size.of(ROUNDS, 1) * size.starts


GROUPS = (
    Group(
        (
            Target(
                "submit",
                "hand-ins",
                "交卷",
                (Bound("ratio", 0.12, 0.20),),
                checked=True,
                twin=(Bound("of_embedded", 0.7, None),),
            ),
        ),
        Stage.CLOSING,
        measure,
        people=lambda size: size.pairs * size.starts,
    ),
    Group(
        (
            Target(
                "submit_beside",
                "hand-ins beside 1,600 saves/s",
                "交卷，同时每秒保存 1600 次",
                (Bound("per_s", 600, 1000), most("p99_of_alone", 2.0, 1.3), NONE_LOST, NONE_REFUSED),
                paced=True,
            ),
        ),
        Stage.CLOSING,
        beside,
        people=lambda size: size.pairs * size.starts + _people(size),
    ),
)
