"""试题更正: which answers are right by it, whose score may change."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cbt.rules.form_score import KeyRevision
from cbt.rules.key_corrections import (
    CorrectionKind,
    Shift,
    VerdictTurn,
    is_kept,
    may_raise,
    revision_by,
    shift_of,
    turn_of,
)
from cbt.rules.retake import PaperOutcome

PASSED, FAILED, VIOLATION = PaperOutcome.PASSED, PaperOutcome.FAILED, PaperOutcome.VIOLATION


@pytest.mark.parametrize(
    ("kind", "keys", "names", "revision"),
    [
        ("key", [(1,)], True, KeyRevision("A", 0, answer_key=(1,), version=3)),
        ("key", [(1,), (2,)], True, KeyRevision("A", 0, answer_key=(1,), accept=((2,),), version=3)),
        ("accept", [(1,), (2,)], True, KeyRevision("A", 0, accept=((1,), (2,)), version=3)),
        ("give_all", [], False, KeyRevision("A", 0, give_all=True, version=3)),
        ("void", [], False, KeyRevision("A", 0, void=True, version=3)),
    ],
)
def test_a_correction_changes_what_it_says(
    kind: str, keys: list[tuple[int, ...]], names: bool, revision: KeyRevision
) -> None:
    assert revision_by(CorrectionKind(kind), "A", 3, 0, keys) == revision
    assert CorrectionKind(kind).names_answers is names


@pytest.mark.parametrize(
    ("before", "after", "shift", "kept", "raised"),
    [
        pytest.param("59.9", "60.0", Shift.RISES, False, True, id="up"),
        pytest.param("60.0", "59.9", Shift.FALLS, True, False, id="down"),
        pytest.param("60.0", "60", Shift.STAYS, False, True, id="the same"),
        pytest.param(None, "60.0", Shift.STAYS, False, False, id="nothing before"),
        pytest.param("60.0", None, Shift.STAYS, False, False, id="waits for people"),
    ],
)
def test_a_released_score_never_falls(
    before: str | None, after: str | None, shift: Shift, kept: bool, raised: bool
) -> None:
    was, now = (None if one is None else Decimal(one) for one in (before, after))
    assert shift_of(was, now) is shift
    assert is_kept(shift, released=True) is kept
    assert not is_kept(shift, released=False)
    assert may_raise(was, now) is raised


@pytest.mark.parametrize(
    ("before", "after", "turn"),
    [
        (FAILED, PASSED, VerdictTurn.GAINS),
        (PASSED, FAILED, VerdictTurn.LOSES),
        (PASSED, PASSED, VerdictTurn.NONE),
        (VIOLATION, VIOLATION, VerdictTurn.NONE),
        (None, PASSED, VerdictTurn.NONE),
        (PASSED, None, VerdictTurn.NONE),
    ],
)
def test_who_crosses_the_mark(
    before: PaperOutcome | None, after: PaperOutcome | None, turn: VerdictTurn
) -> None:
    assert turn_of(before, after) is turn


@pytest.mark.parametrize(
    ("by_people", "is_typed", "kinds"),
    [
        pytest.param(False, True, {"key", "accept", "give_all", "void"}, id="a key that is typed"),
        pytest.param(True, False, {"rubric", "give_all", "void"}, id="marked by people"),
        pytest.param(False, False, {"give_all", "void"}, id="a key that nobody types"),
    ],
)
def test_what_can_be_done_about_an_item_goes_by_who_marks_it(
    by_people: bool, is_typed: bool, kinds: set[str]
) -> None:
    offered = {kind.value for kind in CorrectionKind if kind.suits(by_people=by_people, is_typed=is_typed)}
    assert offered == kinds
