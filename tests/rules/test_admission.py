"""Names, documents, late arrivals, and what two registrations may not share."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.door import (
    is_late,
    last_six,
    mask_document,
    masked_file_name,
    normalise_document,
    overlaps,
    paper_span,
    same_name,
    too_close,
    valid_resident_id,
    written_name,
)

from .builders import clock, minutes, theory

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        pytest.param("王 小明", "王小明", True, id="a space"),
        pytest.param("王　小明", "王小明", True, id="a full-width space"),
        pytest.param("阿依·古丽", "阿依•古丽", True, id="a bullet for the dot"),
        pytest.param("阿依．古丽", "阿依‧古丽", True, id="other dots"),
        pytest.param("阿依·古丽", "阿依古丽", False, id="without a dot"),
        pytest.param("ＬＩ", "LI", True, id="full-width letters"),
        pytest.param("䶮", "龑", False, id="rare characters are kept"),
        pytest.param("王小明", "王晓明", False, id="another name"),
    ],
)
def test_names_compare_without_spaces_and_kinds_of_dots(a: str, b: str, same: bool) -> None:
    assert same_name(a, b) is same


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param(" 张　三 ", "张三", id="set apart to fill a column"),
        pytest.param("买买提 · 艾力", "买买提 · 艾力", id="a dot is no Chinese character"),
        pytest.param("Anna  Maria\nLi", "Anna Maria Li", id="words of a Latin name"),
        pytest.param("李 Anna", "李 Anna", id="both"),
        pytest.param("𬭎 䶮", "𬭎䶮", id="rare characters"),
        pytest.param("  ", "", id="nothing"),
    ],
)
def test_a_name_is_kept_without_the_blanks_that_set_its_characters_apart(text: str, name: str) -> None:
    assert written_name(text) == name


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        pytest.param(" 11010519491231002x ", "11010519491231002X", id="a small x"),
        pytest.param("１１０１０５ 19491231 002Ｘ", "11010519491231002X", id="full width and spaces"),
        pytest.param("11010519491231002×", "11010519491231002X", id="a multiplication sign"),
        pytest.param("11010519491231002х", "11010519491231002X", id="a Cyrillic letter"),
        pytest.param("e12345678", "E12345678", id="a passport"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_document_numbers_compare_in_one_spelling(typed: str, plain: str) -> None:
    assert normalise_document(typed) == plain


def test_the_last_six_sign_a_candidate_in() -> None:
    assert last_six("11010519491231002x") == "31002X"
    assert last_six("E123") == "E123"


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        pytest.param("11010519491231002X", True, id="check digit X"),
        pytest.param("440524188001010014", True, id="check digit 4"),
        pytest.param("11010519491231002x", True, id="a small x"),
        pytest.param("110105194912310021", False, id="a wrong check digit"),
        pytest.param("110105194913310022", False, id="month 13"),
        pytest.param("11010519490229002X", False, id="29 February of a common year"),
        pytest.param("1101051949123100", False, id="too short"),
        pytest.param("11010519491231002X1", False, id="too long"),
        pytest.param("1101051949123100AX", False, id="a letter inside"),
        pytest.param("1101051949123100٢X", False, id="a digit of another script"),
    ],
)
def test_a_resident_number_is_checked(number: str, valid: bool) -> None:
    assert valid_resident_id(number) is valid


@given(st.dates(), st.integers(100_000, 999_999), st.integers(0, 999))
def test_exactly_one_check_digit_is_right(born: object, area: int, order: int) -> None:
    body = f"{area}{born:%Y%m%d}{order:03}".zfill(17)
    right = [digit for digit in "0123456789X" if valid_resident_id(body + digit)]
    assert right == ["10X98765432"[sum(int(d) * w for d, w in zip(body, WEIGHTS, strict=True)) % 11]]


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        pytest.param("11010519491231002x", "110*************2X", id="a resident number"),
        pytest.param("E1234567", "E12***67", id="eight characters"),
        pytest.param("E123456", "******6", id="seven characters"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_masked_number_covers_most_of_what_signs_in(number: str, masked: str) -> None:
    assert mask_document(number) == masked


@pytest.mark.parametrize(
    ("reading", "late"),
    [
        pytest.param("08:44:59", False, id="14:59 after the time to report"),
        pytest.param("08:45:00", True, id="15:00 after it"),
    ],
)
def test_fifteen_minutes_and_more_are_late(reading: str, late: bool) -> None:
    assert is_late(clock(reading), cutoff_at=clock("08:45")) is late


MORNING = (clock("09:00"), clock("09:45"))


@pytest.mark.parametrize(
    ("start", "end", "overlap", "close"),
    [
        pytest.param("09:44", "10:30", True, True, id="they overlap"),
        pytest.param("09:10", "09:20", True, True, id="one within the other"),
        pytest.param("09:45", "10:30", False, True, id="one after the other"),
        pytest.param("09:59:59", "10:30", False, True, id="a second too close"),
        pytest.param("10:00", "10:30", False, False, id="fifteen minutes between"),
        pytest.param("08:00", "08:50", False, True, id="ten minutes before"),
    ],
)
def test_two_sittings_need_time_between_them(start: str, end: str, overlap: bool, close: bool) -> None:
    other = (clock(start), clock(end))
    assert (overlaps(MORNING, other), overlaps(other, MORNING)) == (overlap, overlap)
    assert (too_close(MORNING, other), too_close(other, MORNING)) == (close, close)


def test_the_time_between_can_be_chosen() -> None:
    other = (clock("09:50"), clock("10:30"))
    assert not too_close(MORNING, other, minimum=minutes(5))
    assert too_close(MORNING, other, minimum=minutes(5) + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("factor", "extra", "lasts"),
    [("1", 0, 45), ("1.5", 0, 67.5), ("1", 10, 55), ("1.25", 5, 61.25)],
)
def test_a_paper_runs_as_long_as_the_accommodation_says(factor: str, extra: float, lasts: float) -> None:
    start = clock("09:00")
    span = paper_span(start, theory(), factor=Decimal(factor), extra=minutes(extra))
    assert span == (start, start + minutes(lasts))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("310101199001011237.jpg", "310*************37.jpg", id="the number alone"),
        pytest.param(
            "照片/王小明_31010119900101123x.JPG", "照片/王小明_310*************3X.JPG", id="beside a name"
        ),
        pytest.param("310101900101123.png", "310**********23.png", id="of the first generation"),
        pytest.param("E12345678-1.png", "E12****78-1.png", id="a passport"),
        pytest.param("26110010001 王小明.jpg", "26110010001 王小明.jpg", id="a ticket"),
        pytest.param("名册2026-11-24.xlsx", "名册2026-11-24.xlsx", id="a day"),
    ],
)
def test_a_file_is_called_by_no_whole_number_of_a_document(name: str, shown: str) -> None:
    assert masked_file_name(name) == shown
