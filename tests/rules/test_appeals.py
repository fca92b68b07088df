"""成绩复核: the window, one a paper, what a recount finds and carries, who may decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cbt.errors import Conflict
from cbt.rules.appeals import (
    APPEAL_TRANSITIONS,
    AppealEvent,
    AppealFinding,
    AppealRefusal,
    AppealState,
    Recount,
    ResultFacts,
    added_lines,
    answer_due,
    appeal_refusal,
    appeal_window,
    mark_lines,
    may_be_appealed,
    next_appeal_state,
    sum_of,
    verdict_refusal,
)
from cbt.rules.calendar import Holidays
from cbt.rules.retake import PaperOutcome

KNOWN = Holidays(frozenset({2026}), {date(2026, 10, day): False for day in range(1, 8)})
RELEASED = date(2026, 11, 20)
WINDOW = appeal_window(RELEASED, KNOWN)
STEP = Decimal("0.1")


@pytest.mark.parametrize(
    ("released_on", "days", "last_on", "provisional"),
    [
        pytest.param("2026-11-20", 15, "2026-12-11", False, id="three weeks"),
        pytest.param("2026-09-30", 1, "2026-10-08", False, id="over National Day"),
        pytest.param("2026-12-31", 1, "2027-01-04", True, id="into a year nobody has published"),
    ],
)
def test_a_window_counts_working_days_from_the_release(
    released_on: str, days: int, last_on: str, provisional: bool
) -> None:
    window = appeal_window(date.fromisoformat(released_on), KNOWN, days=days)
    assert (window.last_on, window.provisional) == (date.fromisoformat(last_on), provisional)


@pytest.mark.parametrize(
    ("outcome", "on", "asked", "refusal"),
    [
        pytest.param("failed", "2026-11-20", False, None, id="on the day of the release"),
        pytest.param("passed", "2026-12-11", False, None, id="on the last day"),
        pytest.param("failed", "2026-12-12", False, "over", id="a day late"),
        pytest.param("failed", "2026-11-19", False, "over", id="a day early"),
        pytest.param("failed", "2026-11-20", True, "asked", id="a second time"),
        pytest.param("absent", "2026-11-20", False, "no_score", id="absent"),
        pytest.param("violation", "2026-11-20", False, "no_score", id="out for a violation"),
        pytest.param(None, "2026-11-20", False, "unreleased", id="nothing released"),
        pytest.param("unopened", "2026-11-20", False, "no_score", id="never opened"),
    ],
)
def test_who_may_appeal(outcome: str | None, on: str, asked: bool, refusal: str | None) -> None:
    scored = outcome != "unopened"
    outcome = outcome if scored else "failed"
    known = None if outcome is None else PaperOutcome(outcome)
    window = None if outcome is None else WINDOW
    expected = None if refusal is None else AppealRefusal(refusal)
    assert appeal_refusal(known, window, scored=scored, asked=asked, on=date.fromisoformat(on)) is expected


def test_an_appeal_ends_once() -> None:
    refused = 0
    for state in AppealState:
        for event in AppealEvent:
            if (reached := APPEAL_TRANSITIONS.get((state, event))) is not None:
                assert next_appeal_state(state, event) is reached
                continue
            with pytest.raises(Conflict, match=r"appeal\.transition"):
                next_appeal_state(state, event)
            refused += 1
    assert refused == 9


def mark(position: int, earned: str | None, *, answered: bool = True) -> dict[str, Any]:
    return {"position": position, "points": "2", "answered": answered, "earned": earned}


def section(number: int, earned: str | None) -> dict[str, Any]:
    return {"number": number, "name": f"第 {number} 部分", "points": "50", "earned": earned}


def test_marks_are_held_against_each_other_line_by_line() -> None:
    kept = [mark(1, "2"), mark(2, "0"), mark(10, "2.0"), mark(3, "0", answered=False)]
    lines = list(mark_lines(kept, [mark(2, "2"), mark(1, "2"), mark(10, "2"), mark(11, None)]))
    assert [(line.position, line.differs) for line in lines] == [
        (1, False), (2, True), (3, True), (10, False), (11, False),
    ]  # fmt: skip
    assert (lines[2].points, lines[2].answered, lines[2].counted) == (Decimal(2), False, None)


@pytest.mark.parametrize(
    ("earned", "total"),
    [
        pytest.param(["20", "39.9"], "59.9", id="added"),
        pytest.param(["20", "39.95"], "60.0", id="rounded once, half up"),
        pytest.param(["20", None], None, id="a section waits for its marks"),
    ],
)
def test_sections_are_added_up_anew(earned: list[str | None], total: str | None) -> None:
    kept = [section(number, one) for number, one in enumerate(earned, 1)]
    lines = list(added_lines(kept, [section(2, "39.9"), section(3, "1")]))
    assert [line.name for line in lines] == ["第 1 部分", "第 2 部分", "第 3 部分"]
    assert lines[0].differs
    assert sum_of(lines[:2], step=STEP) == (None if total is None else Decimal(total))


def facts(score: str | None) -> ResultFacts:
    if score is None:
        return ResultFacts(PaperOutcome.VIOLATION, None)
    points = Decimal(score)
    return ResultFacts(PaperOutcome.PASSED if points >= 60 else PaperOutcome.FAILED, points)


def recount(*, released: str | None = "59.9", evident: str | None = "59.9", **values: Any) -> Recount:
    usual: dict[str, Any] = {
        "marks": (),
        "groups": (),
        "recorded": Decimal("59.9"),
        "summed": Decimal("59.9"),
        "counted": Decimal("59.9"),
        "released": facts(released),
        "due": facts(released),
        "evident": facts(evident),
        "is_sealed": True,
    }
    return Recount(**usual | values)


@pytest.mark.parametrize(
    ("values", "findings"),
    [
        pytest.param({}, set(), id="in order"),
        pytest.param({"marks": tuple(mark_lines([mark(1, "0")], [mark(1, "2")]))}, {"missed"}, id="missed"),
        pytest.param({"summed": Decimal("61.9")}, {"added"}, id="added up wrongly"),
        pytest.param(
            {"groups": tuple(added_lines([section(1, "0")], [section(1, "2")]))}, {"added"}, id="a section"
        ),
        pytest.param({"due": facts("60.9")}, {"entered"}, id="entered wrongly"),
        pytest.param({"due": None}, set(), id="nothing decided by what is on record"),
        pytest.param({"taken": (3,), "counted": Decimal(62)}, {"marked"}, id="a fresh mark is taken"),
    ],
)
def test_what_a_recount_finds(values: dict[str, Any], findings: set[str]) -> None:
    assert recount(**values).findings == {AppealFinding(one) for one in findings}


@pytest.mark.parametrize(
    ("values", "late", "keep", "change"),
    [
        pytest.param({}, False, None, "nothing_found", id="the same"),
        pytest.param({"evident": "60.0"}, False, "something_found", None, id="better"),
        pytest.param({"evident": "58.0"}, False, None, "nothing_found", id="worse: nobody falls by asking"),
        pytest.param({"released": None}, False, "something_found", None, id="marks where none were told"),
        pytest.param({"evident": None}, False, None, "nothing_found", id="out for a violation"),
        pytest.param(
            {"marks": tuple(mark_lines([mark(1, "2")], [mark(1, None)]))},
            False,
            "marks_first",
            "marks_first",
            id="an answer is to be marked afresh",
        ),
        pytest.param({"waits": True}, False, "marks_first", "marks_first", id="a fresh mark is asked for"),
        pytest.param({"taken": (3,)}, False, "taken_kept", "nothing_found", id="a lower mark is taken"),
        pytest.param({"taken": (3,), "evident": "60.0"}, False, "something_found", None, id="a higher one"),
        pytest.param({"evident": "60.0"}, True, "late_first", "late_first", id="late answers wait"),
        pytest.param(
            {"evident": "60.0", "is_sealed": False}, False, "not_sealed", "not_sealed", id="a broken seal"
        ),
    ],
)
def test_which_outcome_a_recount_carries(
    values: dict[str, Any], late: bool, keep: str | None, change: str | None
) -> None:
    counted = recount(**values)
    refusals = [
        verdict_refusal(event, counted, has_evidence_to_come=late)
        for event in (AppealEvent.KEEP, AppealEvent.CHANGE)
    ]
    assert refusals == [keep, change]


def test_a_pass_for_the_same_points_is_better() -> None:
    kept = replace(recount(released="60.0"), evident=facts("60.0"))
    assert not kept.is_better
    assert replace(kept, released=ResultFacts(PaperOutcome.FAILED, Decimal("60.0"))).is_better


@pytest.mark.parametrize(
    ("outcome", "on", "may"),
    [
        pytest.param("failed", "2027-03-20", True, id="the longest window there is"),
        pytest.param("failed", "2027-03-21", False, id="a day after it"),
        pytest.param("absent", "2026-11-20", False, id="no score"),
    ],
)
def test_whom_a_page_leads_to_an_appeal(outcome: str, on: str, may: bool) -> None:
    assert may_be_appealed(PaperOutcome(outcome), RELEASED, date.fromisoformat(on)) is may


def test_an_appeal_is_due_in_working_days() -> None:
    assert answer_due(date(2026, 9, 30), KNOWN, days=2).day == date(2026, 10, 9)


def test_a_recount_against_the_candidate_is_told_apart() -> None:
    assert recount(evident="58.0").is_worse
    assert not recount().is_worse
    assert not replace(recount(), evident=None).is_worse
