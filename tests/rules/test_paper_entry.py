"""What goes into the journal of a paper: read, typed, or left to whoever marks."""

from __future__ import annotations

from typing import Any

from cbt.rules.paper.entry import HANDWRITTEN, entered_answers, to_be_typed

POSITIONS: list[dict[str, Any]] = [
    {"position": 1, "type": "single_choice", "order": [0, 1, 2, 3]},
    {"position": 2, "type": "true_false", "order": [0, 1]},
    {"position": 3, "type": "numeric", "order": []},
    {"position": 4, "type": "short_answer", "order": [], "limits": {"characters": 100}},
    {"position": 5, "type": "fill_blank", "order": [], "blanks": 2},
]


def test_what_was_read_is_taken_and_handwriting_is_marked_by_people() -> None:
    entered = entered_answers(POSITIONS, {(1, 0): (2,), (2, 0): (1,)}, {(4, 0): "sp-7"}, {})
    assert entered.values == {1: "C", 2: "B", 3: "", 4: HANDWRITTEN.format(page="sp-7"), 5: ["", ""]}
    assert (entered.handwritten, entered.to_type) == ((4,), ())


def test_numbers_and_blanks_by_hand_wait_until_two_people_typed_them() -> None:
    written = {(3, 0): "sp-1", (5, 1): "sp-2"}
    assert to_be_typed(POSITIONS, written) == (3, 5)
    assert entered_answers(POSITIONS, {}, written, {3: "12"}).to_type == (5,)
    entered = entered_answers(POSITIONS, {}, written, {3: "12", 5: ["", "客户"]})
    assert (entered.values[3], entered.values[5], entered.to_type) == ("12", ["", "客户"], ())


def test_without_a_scan_it_is_what_was_typed() -> None:
    typed = {1: "A", 2: "", 3: "", 4: "投诉", 5: ["", ""]}
    entered = entered_answers(POSITIONS, None, {}, typed)
    assert entered.values == typed
    assert (entered.handwritten, entered.to_type) == ((), ())


def test_what_was_typed_goes_before_what_was_read() -> None:
    entered = entered_answers(POSITIONS, {(1, 0): (0,)}, {(4, 0): "sp-7"}, {1: "B", 4: "记录"})
    assert (entered.values[1], entered.values[4]) == ("B", "记录")
    assert entered.handwritten == ()
