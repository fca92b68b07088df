"""What is measured once more: on PostgreSQL, whose COMMIT waits for the disk, and on a database of years."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench.figures import Figure
from bench.measured.declaring import Bound, Target

PREFIX = "postgres_"
GROWTH = (
    Target("growth_save", "saves on a grown database", "大库上的保存", (Bound("of_empty", 0.90, 0.97),)),
    Target("growth_start", "starts on a grown database", "大库上的开卷", (Bound("of_empty", 0.90, 0.97),)),
    Target("growth_board", "board on a grown database", "大库上的监考大屏", (Bound("of_empty", 0.90, 0.97),)),
)
"""The rows of `python -m bench.growth`, which measures them by itself."""


def twin_of(row: Target) -> Target:
    """Return the row of the same on PostgreSQL."""
    label, label_zh = f"{row.label}, PostgreSQL", f"{row.label_zh}，PostgreSQL"
    return Target(PREFIX + row.name, label, label_zh, row.twin, checked=row.checked, paced=row.paced)


def as_twins(
    figures: Iterable[Figure], rows: Mapping[str, Target], embedded: Mapping[str, Figure]
) -> list[Figure]:
    """Return those figures that are a twin's under its name, each with its share of the embedded one's."""
    found = []
    for figure in figures:
        if not rows[figure.name].twin:
            continue
        other = embedded.get(figure.name)
        if other is not None and other.ratio and figure.ratio:
            figure.facts["of_embedded"] = round(figure.ratio / other.ratio, 3)
        figure.name = PREFIX + figure.name
        found.append(figure)
    return found
