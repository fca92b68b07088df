"""交卷: each candidate once."""

from __future__ import annotations

from bench import rows
from bench.figures import Figure
from bench.measured.declaring import Bound, Group, Stage, Stand, Target
from bench.traffic import loads


def measure(stand: Stand) -> list[Figure]:
    """Measure hand-ins of open papers."""
    stand.tell("hand-ins")
    bench, size = stand.bench, stand.size
    sitters = bench.built.sitters[: size.pairs * size.starts]
    runs = bench.shares(stand.port, sitters, lambda share: loads.submits(share, bench.ledger))
    submit = bench.measure("submit", runs)
    submit.lost = rows.lost_receipts(bench.ledger.receipts)
    return [submit]


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
)
