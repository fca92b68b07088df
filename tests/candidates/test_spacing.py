"""Two papers of one candidate: how far apart a roster has to keep them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cbt.sittings.service import cancel_sitting
from tests.candidates.rosters import HEADERS, row
from tests.candidates.test_importing import SECOND, another_sitting, bring, problems
from tests.sittings.conftest import OFFICER, PLANNED, Day


@pytest.mark.parametrize(
    ("after", "found"),
    [
        pytest.param(timedelta(minutes=45) - SECOND, [(2, "roster.overlap", True)], id="overlapping"),
        pytest.param(timedelta(minutes=45), [(2, "check.person_close", False)], id="back to back"),
        pytest.param(timedelta(minutes=60) - SECOND, [(2, "check.person_close", False)], id="14:59 apart"),
        pytest.param(timedelta(minutes=60), [], id="15:00 apart"),
    ],
)
def test_two_papers_of_one_candidate_keep_their_distance(
    day: Day, after: timedelta, found: list[tuple[int, str, bool]]
) -> None:
    bring(day, [row(1)])
    later = another_sitting(day, after)
    assert problems(day, [row(1, paper="技能")], sitting=later) == found


def test_the_longest_individual_deadline_counts(day: Day) -> None:
    bring(day, [[*row(1), "加时30分钟"]], [*HEADERS, "合理便利"])
    later = another_sitting(day, timedelta(minutes=60))
    assert problems(day, [row(1, paper="技能")], sitting=later) == [(2, "roster.overlap", True)]


def test_a_cancelled_sitting_is_in_nobodys_way(day: Day) -> None:
    bring(day, [row(1)])
    with day.write() as session:
        cancel_sitting(session, day.work(session)[0], reason="改期", now=PLANNED, actor=OFFICER)
    later = another_sitting(day, timedelta(minutes=10))
    assert problems(day, [row(1)], sitting=later) == []
