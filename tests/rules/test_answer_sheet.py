"""Where things lie on a 答题卡, what its code says, and which answers its marks are."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.rules.assembly.form import draw_form
from cbt.rules.canonical import canonical_json
from cbt.rules.items.content import LETTERS, PaperAnswer
from cbt.rules.items.registry import TYPES
from cbt.rules.items.response import parse_answer
from cbt.rules.items.short_answer import A_PAGE
from cbt.rules.paper import sheet
from cbt.rules.paper.reading import MarkDoubt, PageProblem
from cbt.rules.paper.sheet import AnswerSheetPage, SheetCode, SheetLayout

from .builders import case_bank, skills, theory, theory_bank

Position = dict[str, Any]
Rectangle = tuple[float, float, float, float]
MOST_SIGNS, MOST_ROWS = 15, 22
"""What large print has room for on one page."""


def position(number: int, kind: str, size: int = 4, *, unit: int = 0, section: int | None = 0) -> Position:
    """Return a position as a form has it; `size` is how much there is of what its type has."""
    shapes: dict[str, Position] = {
        "true_false": {"order": [0, 1]},
        "matching": {"order": list(range(size)), "lefts": list(range(max(2, size - 1)))},
        "fill_blank": {"order": [], "blanks": size},
        "short_answer": {"order": [], "limits": {"characters": 60 * size}},
        "numeric": {"order": []},
    }
    shape = shapes.get(kind, {"order": list(range(size))})
    return {"position": number, "type": kind, "unit": unit, "section": section, **shape}


def numbered(*kinds: str, size: int = 4) -> list[Position]:
    return [position(number, kind, size) for number, kind in enumerate(kinds, 1)]


ON_PAPER = [kind for kind in TYPES if kind not in ("case", "hotspot")]
KINDS = st.tuples(st.sampled_from(ON_PAPER), st.integers(2, MOST_SIGNS))


@st.composite
def forms(draw: st.DrawFn) -> list[Position]:
    """Sections of one type, units of several, and short ones of everything."""
    positions: list[Position] = []
    for number in range(draw(st.integers(1, 4))):
        of_units = draw(st.booleans())
        if draw(st.booleans()):
            kinds = [draw(KINDS)] * draw(st.integers(1, 70))
        else:
            kinds = draw(st.lists(KINDS, min_size=1, max_size=12))
        for kind, size in kinds:
            place = {"unit": number + 1, "section": 0} if of_units else {"unit": 0, "section": number}
            positions.append(position(len(positions) + 1, kind, size) | place)
    return positions


def around(x: float, y: float, wide: float, high: float) -> Rectangle:
    return (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)


def frame(*, first: bool) -> Iterator[Rectangle]:
    """What stands on any page: marks, ticks, the code with its quiet zone, the head and the foot."""
    for corner in (*sheet.CORNERS, sheet.UPRIGHT):
        yield around(*corner, sheet.CORNER, sheet.CORNER)
    for x in sheet.TICKS_ACROSS:
        for y in (12.0, 285.0):
            yield around(x, y, sheet.TICK_SHORT, sheet.TICK_LONG)
    for y in sheet.TICKS_DOWN:
        for x in (12.0, 198.0):
            yield around(x, y, sheet.TICK_LONG, sheet.TICK_SHORT)
    x, y = sheet.CODE_AT
    yield around(x + sheet.CODE_SIDE / 2, y + sheet.CODE_SIDE / 2, sheet.CODE_SIDE + 6, sheet.CODE_SIDE + 6)
    yield (18.0, 18.0, 166.0, 66.0 if first else 39.0)
    yield (30.0, 279.0, 180.0, 282.0)


def things(page: AnswerSheetPage, size: sheet.SheetSize) -> Iterator[Rectangle]:
    """What is laid out on a page: names of sections, the bubbles of rows with their marks and numbers, fields."""
    for heading in page.headings:
        yield (heading.left, heading.top, heading.left + 174.0, heading.top + 6.5)
    for row in page.rows:
        (first, _), (last, _) = marks = sheet.row_marks(row, size)
        for mark in marks:
            yield around(*mark, *sheet.ROW_MARK)
        number = (first + 0.8, row.y - size.bubble[1] / 2, row.left + size.label, row.y + size.bubble[1] / 2)
        assert number[2] - number[0] >= 9
        yield number
        for x in row.xs:
            yield around(x, row.y, *size.bubble)
        assert last > row.xs[-1]
    for field in page.fields:
        yield (field.left, field.top, field.left + field.width, field.top + field.height)


def apart(rectangles: list[Rectangle]) -> None:
    """Hold that none of these touches another."""
    open_ones: list[Rectangle] = []
    for one in sorted(rectangles, key=lambda rectangle: rectangle[1]):
        open_ones = [other for other in open_ones if other[3] > one[1]]
        for other in open_ones:
            assert other[2] <= one[0] + 1e-6 or one[2] <= other[0] + 1e-6, (one, other)
        open_ones.append(one)


def is_whole(layout: SheetLayout) -> None:
    """Hold that nothing of a sheet lies on or outside anything else."""
    for place, page in enumerate(layout.pages):
        laid = list(things(page, layout.size))
        assert laid
        apart([*laid, *frame(first=place == 0)])
        top = sheet.TOP if place else sheet.TOP_FIRST
        for left, upper, right, lower in laid:
            assert 18.0 <= left < right <= 194.0
            assert top <= upper < lower <= sheet.BOTTOM


# Where everything lies


@given(forms(), st.booleans())
@settings(max_examples=150)
def test_nothing_on_a_sheet_lies_on_anything_else(positions: list[Position], large: bool) -> None:
    assert sheet.unfit(positions) == ()
    is_whole(sheet.lay_out(positions, large=large))


@given(forms(), st.booleans())
@settings(max_examples=100)
def test_each_position_has_its_rows_and_fields_once_in_the_order_of_the_booklet(
    positions: list[Position], large: bool
) -> None:
    pages = sheet.lay_out(positions, large=large).pages
    rows = [row for page in pages for row in page.rows]
    fields = [one for page in pages for one in page.fields]
    answers = {one["position"]: TYPES[one["type"]].on_paper(one) or PaperAnswer() for one in positions}
    assert [(one.position, one.part) for one in rows] == [
        (number, part) for number, answer in answers.items() for part in range(len(answer.rows))
    ]
    assert [(one.position, one.part) for one in fields] == [
        (number, part) for number, answer in answers.items() for part in range(len(answer.fields))
    ]
    for row in rows:
        assert row.signs == answers[row.position].rows[row.part]
        assert row.many == answers[row.position].many
        assert len(row.xs) == len(row.signs)
    places = {(one["unit"], one["section"]) for one in positions}
    assert {(one.unit, one.section) for page in pages for one in page.headings} == places
    assert sum(len(page.headings) for page in pages) == len(places)


def test_a_theory_paper_of_a_hundred_takes_one_side() -> None:
    bank, weights, importances = theory_bank()
    form = draw_form(theory(), bank, weights, importances, rng=random.Random(1))
    layout = sheet.lay_out(form["positions"])
    assert len(form["positions"]) == 100
    assert [len(page.rows) for page in layout.pages] == [100]
    assert [one.section for one in layout.pages[0].headings] == [0, 1]
    assert len(sheet.lay_out(form["positions"], large=True).pages) == 2
    is_whole(layout)


def test_a_paper_of_cases_has_a_heading_for_each_unit() -> None:
    form = draw_form(skills(), case_bank(skills()), {}, {}, rng=random.Random(1))
    layout = sheet.lay_out(form["positions"])
    assert [one.unit for page in layout.pages for one in page.headings] == [1, 2, 3, 4]
    is_whole(layout)


def test_rows_fill_columns_downwards_in_fives() -> None:
    page = sheet.lay_out(numbered(*["single_choice"] * 30)).pages[0]
    lefts = sorted({row.left for row in page.rows})
    columns = [[row for row in page.rows if row.left == left] for left in lefts]
    assert [[row.position for row in column] for column in columns] == [
        list(range(first, min(first + 10, 31))) for first in (1, 11, 21)
    ]
    gaps = [after.y - before.y for before, after in pairwise(columns[0])]
    assert gaps == [6.0] * 4 + [8.0] + [6.0] * 4


def test_the_rows_of_one_position_stand_together_with_their_numbers() -> None:
    page = sheet.lay_out(
        [position(1, "single_choice"), position(2, "matching", 4), position(3, "ordering", 3)]
    )
    rows = page.pages[0].rows
    assert [row.label for row in rows] == ["1", "2-1", "2-2", "2-3", "3-1", "3-2", "3-3"]
    assert [row.signs for row in rows[1:2]] == [("1", "2", "3", "4")]
    for number in (2, 3):
        assert len({row.left for row in rows if row.position == number}) == 1


def test_columns_of_unequal_blocks_end_on_the_page() -> None:
    positions = numbered(*["true_false"] * 5) + [position(6 + n, "matching", 10) for n in range(30)]
    layout = sheet.lay_out(positions)
    is_whole(layout)
    assert len(layout.pages) > 1
    assert [row.position for page in layout.pages for row in page.rows if not row.part] == list(range(1, 36))


def test_short_fields_stand_two_beside_each_other_and_long_ones_alone() -> None:
    positions = [
        position(1, "numeric"), position(2, "numeric"), position(3, "numeric"),
        position(4, "short_answer"), position(5, "numeric"),
    ]  # fmt: skip
    fields = sheet.lay_out(positions).pages[0].fields
    assert [(one.left, one.width) for one in fields] == [
        (18.0, 86.0), (106.0, 86.0), (18.0, 86.0), (18.0, 174.0), (18.0, 86.0)
    ]  # fmt: skip
    assert fields[0].top == fields[1].top < fields[2].top < fields[3].top < fields[4].top
    assert [one.lines for one in fields] == [1, 1, 1, 10, 1]


@pytest.mark.parametrize("large", [False, True])
def test_the_longest_answer_has_a_page_and_no_more(large: bool) -> None:
    positions = [position(1, "short_answer", 83), position(2, "short_answer", 83)]
    layout = sheet.lay_out(positions, large=large)
    assert [one.lines for page in layout.pages for one in page.fields] == [15 if large else A_PAGE] * 2
    assert len(layout.pages) == 2
    is_whole(layout)


def test_what_follows_a_full_page_stands_on_the_next_with_its_heading() -> None:
    choices = [position(number, "single_choice", section=1) for number in range(2, 7)]
    positions = [position(1, "short_answer", 83), *choices]
    first, second = sheet.lay_out(positions).pages
    assert (first.headings[0].section, second.headings[0].section) == (0, 1)
    assert second.headings[0].top == sheet.TOP
    assert second.rows[0].y == sheet.TOP + 7.0 + sheet.USUAL.down / 2


def test_a_section_goes_on_without_its_name() -> None:
    layout = sheet.lay_out(numbered(*["single_choice"] * 5, "numeric", *["true_false"] * 200))
    assert len(layout.pages) == 2
    assert [len(page.headings) for page in layout.pages] == [1, 0]


def test_a_form_of_nothing_has_a_page_of_nothing() -> None:
    assert sheet.lay_out([]).pages == (AnswerSheetPage((), (), ()),)


# What cannot be answered on paper


@pytest.mark.parametrize(
    ("kind", "fitting", "too_large"),
    [("single_choice", MOST_SIGNS, MOST_SIGNS + 1), ("ordering", MOST_SIGNS, MOST_SIGNS + 1)],
)
def test_a_row_longer_than_a_page_is_wide_is_not_for_paper(kind: str, fitting: int, too_large: int) -> None:
    assert sheet.unfit([position(1, kind, fitting), position(2, kind, too_large)]) == (2,)


def test_more_rows_than_a_page_has_room_for_are_not_for_paper() -> None:
    most = position(1, "matching", 3) | {"lefts": list(range(MOST_ROWS))}
    more = position(2, "matching", 3) | {"lefts": list(range(MOST_ROWS + 1))}
    assert sheet.unfit([most, more]) == (2,)
    for large in (False, True):
        is_whole(sheet.lay_out([most], large=large))


def test_a_place_in_a_picture_is_not_for_paper_and_has_no_answer_there() -> None:
    hotspot = position(2, "hotspot")
    assert sheet.unfit([*numbered("single_choice"), hotspot, position(3, "numeric")]) == (2,)
    assert sheet.answers_of([hotspot], {}, {}) == {2: ""}
    assert sheet.lay_out([hotspot]) == sheet.lay_out([])


# The layout's digest


def test_equal_forms_have_equal_sheets_whatever_they_ask() -> None:
    mixed = [
        one | {"order": one["order"][::-1]} for one in numbered("single_choice", "true_false", "ordering")
    ]
    assert sheet.lay_out(mixed).digest == sheet.lay_out(numbered(*(one["type"] for one in mixed))).digest


def test_any_other_place_is_another_layout() -> None:
    layout = sheet.lay_out(numbered("single_choice", "numeric", "multiple_choice"))
    page = layout.pages[0]
    first, last = page.rows
    field, heading = page.fields[0], page.headings[0]

    def changed(**given: Any) -> SheetLayout:
        return replace(layout, pages=(replace(page, **given),))

    others = [
        changed(rows=(replace(first, y=first.y + 0.01), last)),
        changed(rows=(replace(first, left=first.left + 0.01), last)),
        changed(rows=(replace(first, xs=(*first.xs[:-1], first.xs[-1] + 0.01)), last)),
        changed(rows=(replace(first, signs=("A", "B", "C", "E")), last)),
        changed(rows=(replace(first, part=1), last)),
        changed(rows=(last, first)),
        changed(rows=(first, replace(last, many=False))),
        changed(fields=(replace(field, width=field.width - 0.01),)),
        changed(fields=(replace(field, lines=2),)),
        changed(headings=(replace(heading, top=heading.top + 0.01),)),
        replace(layout, size=replace(layout.size, bubble=(5.0, 2.9))),
        replace(layout, pages=(page, page)),
        sheet.lay_out(numbered("single_choice", "numeric", "multiple_choice"), large=True),
        sheet.lay_out(numbered("single_choice", "numeric", "multiple_choice", size=5)),
    ]
    assert len({one.digest for one in others} | {layout.digest}) == len(others) + 1


@pytest.mark.parametrize("name", ["CORNERS", "UPRIGHT", "TICKS_ACROSS", "TICKS_DOWN", "CODE_AT", "ROW_MARK"])
def test_marks_at_another_place_make_another_layout(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = sheet.lay_out(numbered("single_choice"))
    before = layout.digest
    assert len(before) == 10
    monkeypatch.setattr(sheet, name, (*getattr(sheet, name)[:-1], 7.0))
    assert layout.digest != before


# The code


PIECES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=4, max_size=40)
DIGITS = "0123456789abcdef"


@st.composite
def codes(draw: st.DrawFn) -> SheetCode:
    pages = draw(st.integers(1, 99))
    return SheetCode(
        draw(PIECES),
        draw(st.text(DIGITS, min_size=8, max_size=8) | st.just(sheet.NO_FORM)),
        draw(st.text(DIGITS, min_size=10, max_size=10)),
        draw(st.integers(1, pages)),
        pages,
    )


CODE = SheetCode("pp-7k2m", "0a1b2c3d", "0123456789", 2, 3)


def test_what_a_code_says_is_read_back() -> None:
    text = CODE.text()
    assert text.startswith("CBT1.PP-7K2M.0A1B2C3D.0123456789.2.3.")
    assert sheet.read_code(text) == CODE
    spare = replace(CODE, form=sheet.NO_FORM)
    assert sheet.read_code(spare.text()) == spare


@given(codes())
def test_any_code_is_read_back(code: SheetCode) -> None:
    assert sheet.read_code(code.text()) == code


@given(codes(), st.data())
def test_a_code_with_any_other_character_is_none_of_ours(code: SheetCode, data: st.DataObject) -> None:
    text = code.text()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.-abz\n ") | st.characters())
    changed = text[:place] + other + text[place + 1 :]
    assert changed == text or sheet.read_code(changed) is None


@given(st.text(max_size=90))
def test_any_other_text_is_none_of_ours(text: str) -> None:
    assert sheet.read_code(text) is None
    assert sheet.read_code(f"CBT1.{text}") is None


@pytest.mark.parametrize("code", [replace(CODE, page=0), replace(CODE, page=4), replace(CODE, piece="abc")])
def test_a_page_that_a_sheet_does_not_have_is_none_of_ours(code: SheetCode) -> None:
    assert sheet.read_code(code.text()) is None


def test_a_code_is_read_only_as_it_is_printed() -> None:
    assert sheet.read_code(CODE.text().lower()) is None
    assert sheet.read_code(CODE.text() + "\n") is None
    padded = replace(CODE, page=1).text().replace(".1.3.", ".01.3.")
    assert sheet.read_code(padded) is None


# Which answers marks are


@pytest.mark.parametrize(
    ("asked", "marked", "answer"),
    [
        (position(1, "single_choice"), {(1, 0): (2,)}, "C"),
        (position(1, "single_choice"), {(1, 0): (0, 2)}, ""),
        (position(1, "single_choice"), {}, ""),
        (position(1, "multiple_choice"), {(1, 0): (3, 0)}, "AD"),
        (position(1, "multiple_choice"), {}, ""),
        (position(1, "true_false"), {(1, 0): (0,)}, "A"),
        (position(1, "true_false"), {(1, 0): (1,)}, "B"),
        (position(1, "true_false"), {(1, 0): (0, 1)}, ""),
        (position(1, "true_false"), {}, ""),
        (position(1, "matching"), {(1, 0): (3,), (1, 2): (0,)}, [4, None, 1]),
        (position(1, "matching"), {(1, 0): (3, 1), (1, 1): (1,)}, [None, 2, None]),
        (position(1, "ordering", 3), {(1, 0): (2,), (1, 1): (0,), (1, 2): (1,)}, [3, 1, 2]),
        (position(1, "ordering", 3), {(1, 0): (2,), (1, 1): (2,), (1, 2): (1,)}, ""),
        (position(1, "ordering", 3), {(1, 0): (2,), (1, 1): (0,)}, ""),
        (position(1, "ordering", 3), {(1, 0): (2,), (1, 1): (0, 1), (1, 2): (1,)}, ""),
    ],
)
def test_marks_are_the_answer_that_a_browser_would_send(
    asked: Position, marked: dict[tuple[int, int], tuple[int, ...]], answer: object
) -> None:
    assert sheet.answers_of([asked], marked, {}) == {1: answer}


@pytest.mark.parametrize(
    ("asked", "written", "answer"),
    [
        (position(1, "numeric"), {(1, 0): "86.7"}, "86.7"),
        (position(1, "numeric"), {}, ""),
        (position(1, "fill_blank", 2), {(1, 1): "客户"}, ["", "客户"]),
        (position(1, "short_answer"), {(1, 0): "先致歉"}, "先致歉"),
        (position(1, "short_answer"), {(2, 0): "别处"}, ""),
    ],
)
def test_what_was_written_is_the_answer_that_a_browser_would_send(
    asked: Position, written: dict[tuple[int, int], str], answer: object
) -> None:
    assert sheet.answers_of([asked], {}, written) == {1: answer}


@given(st.data())
def test_whoever_marks_an_answer_has_given_it(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, MOST_SIGNS))
    places = st.integers(0, size - 1)
    one, other = data.draw(places), data.draw(st.booleans())
    some = sorted(data.draw(st.sets(places, min_size=1)))
    lefts = data.draw(st.lists(st.none() | places, min_size=size, max_size=size))
    order = data.draw(st.permutations(range(size)))
    positions = [
        position(1, "single_choice", size), position(2, "multiple_choice", size), position(3, "true_false"),
        position(4, "matching", size) | {"lefts": list(range(size))}, position(5, "ordering", size),
    ]  # fmt: skip
    marked: dict[tuple[int, int], tuple[int, ...]] = {
        (1, 0): (one,),
        (2, 0): tuple(some),
        (3, 0): (int(other),),
        **{(4, part): (place,) for part, place in enumerate(lefts) if place is not None},
        **{(5, part): (step,) for part, step in enumerate(order)},
    }
    answers = sheet.answers_of(positions, marked, {})
    assert answers == {
        1: LETTERS[one],
        2: "".join(LETTERS[place] for place in some),
        3: "B" if other else "A",
        4: [None if place is None else place + 1 for place in lefts],
        5: [step + 1 for step in order],
    }
    for asked in positions:
        stored = parse_answer(asked, answers[asked["position"]])
        assert stored is not None or answers[asked["position"]] == [None] * size


@given(forms(), st.data())
@settings(max_examples=60)
def test_whatever_is_marked_the_journal_takes_it(positions: list[Position], data: st.DataObject) -> None:
    rng = random.Random(data.draw(st.integers()))
    marked = {
        (row.position, row.part): tuple(place for place in range(len(row.signs)) if rng.random() < 0.4)
        for page in sheet.lay_out(positions).pages
        for row in page.rows
    }
    answers = sheet.answers_of(positions, marked, {})
    assert list(answers) == [one["position"] for one in positions]
    for asked in positions:
        stored = parse_answer(asked, answers[asked["position"]])
        assert stored is None or isinstance(stored, str)
    assert canonical_json({str(number): answer for number, answer in answers.items()})


def test_why_a_person_must_look_is_said_in_words_of_their_own() -> None:
    assert {one.value for one in PageProblem} == {
        "blank", "no_code", "bad_code", "not_registered", "not_proved", "too_poor"
    }  # fmt: skip
    assert {one.value for one in MarkDoubt} == {"light", "double", "erased", "stray"}
