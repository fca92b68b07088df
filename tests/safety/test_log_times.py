"""The instants beside a copied log: what a torn line, a clock set back or a gap means, and where a log is cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cbt.errors import CbtError
from cbt.storage.log_times import Commit, TimesFile, commits_of, cut_at, read_times, times_path

NOON = datetime(2026, 12, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ZONE = ZoneInfo("Asia/Shanghai")


def _commits(*rows: tuple[int, int, bool]) -> list[Commit]:
    return [Commit(1, frames, NOON + second * SECOND, gap) for frames, second, gap in rows]


def test_where_a_log_is_cut() -> None:
    plain = _commits((3, 0, False), (5, 10, False), (9, 20, False))
    back = _commits((3, 0, False), (5, 100, False), (9, 20, False), (12, 200, False))
    gap = _commits((3, 0, False), (9, 20, True))
    for commits, second, frames in (
        (plain, 0, 3), (plain, 9.999, 3), (plain, 10, 5), (plain, 20, 9),
        (back, 50, 3), (back, 150, 9), (gap, 0, 3), (gap, 20, 9),
    ):  # fmt: skip
        assert cut_at(commits, NOON + second * SECOND, ZONE).frames == frames
    for commits, second, code in (
        ([], 0, "copy.no_moments"), (plain, -0.001, "copy.moment"), (plain, 20.001, "copy.moment"),
        (gap, 10, "copy.moment_gap"),
    ):  # fmt: skip
        with pytest.raises(CbtError, match=code.replace(".", r"\.")) as refused:
            cut_at(commits, NOON + second * SECOND, ZONE)
        assert refused.value.code == code
    assert refused.value.params["before"] == "2026-12-02 20:00:00"


def test_lines_that_a_power_cut_tore_are_none_and_a_log_without_its_end_makes_a_gap(tmp_path: Path) -> None:
    at = iter(NOON + second * SECOND for second in range(9))
    times = TimesFile(lambda: next(at))
    times.begin(times_path(tmp_path, 1))
    times.note(2)
    with times_path(tmp_path, 1).open("ab") as torn:
        torn.write(b"\n4 17" + bytes(3))
    times.note(6)
    times.note(6)
    times.note(5)
    times.begin(times_path(tmp_path, 2))
    times.note(1)
    times.close()
    assert [(one.frames, one.after_gap) for one in read_times(tmp_path, 1)] == [(2, False), (6, False)]
    whole, cut = ({"1": frames} for frames in (6, 8))
    assert [one.after_gap for one in commits_of(tmp_path, range(1, 3), whole)] == [False, False, False]
    assert [one.after_gap for one in commits_of(tmp_path, range(1, 3), cut)] == [False, False, True]
