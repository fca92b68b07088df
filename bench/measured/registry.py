"""All groups in the order of the table: the one list that the run, the checks, the pages and the picture use."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bench.answer_page import news
from bench.exam_day import measured as exam_day
from bench.measured import (
    besieged,
    boards,
    closing,
    elsewhere,
    handing_in,
    office,
    paced,
    pages,
    reference,
    saves,
    staff,
    stalls,
    starts,
    waiting,
)
from bench.measured.declaring import Group, Target

GROUPS: tuple[Group, ...] = (
    *reference.GROUPS,
    *saves.GROUPS,
    *news.GROUPS,
    *paced.GROUPS,
    *besieged.GROUPS,
    *stalls.GROUPS,
    *waiting.GROUPS,
    *starts.GROUPS,
    *handing_in.GROUPS,
    *boards.GROUPS,
    *closing.GROUPS,
    *pages.GROUPS,
    *staff.GROUPS,
    *office.GROUPS,
    *exam_day.GROUPS,
)
ROWS: tuple[Target, ...] = tuple(row for group in GROUPS for row in group.rows)
TWINS: tuple[Target, ...] = tuple(elsewhere.twin_of(row) for row in ROWS if row.twin)
TARGETS: tuple[Target, ...] = (*ROWS, *TWINS, *elsewhere.GROWTH)
BY_NAME = {target.name: target for target in TARGETS}


def names_of(*, only_steady: bool = False) -> list[str]:
    """Return the names of all rows that a run measures; of those alone that `make bench-check` compares."""
    return [row.name for row in (*ROWS, *TWINS) if row.checked or not only_steady]


def chosen(names: Collection[str]) -> Sequence[Group]:
    """Return the groups that measure rows of these names."""
    return [group for group in GROUPS if any(row.name in names for row in group.rows)]
