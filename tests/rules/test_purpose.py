"""What a sitting is held for, and which of these is of consequence (R-4, R-60)."""

from __future__ import annotations

from cbt.rules.states import Purpose


def test_only_an_examination_counts() -> None:
    assert [one for one in Purpose if one.counts] == [Purpose.OFFICIAL]
