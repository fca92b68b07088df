"""What comes in at the door in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.door import AtSeat, Scan, ScanKind, named_by, read_scan

CARD = "11010519491231002X"
PEOPLE = (
    AtSeat("a", "王小明", "261100010001", 1),
    AtSeat("b", "王小", "261100010012", 2),
    AtSeat("c", "买买提·阿不都", "261100020001", 12),
    AtSeat("d", "Anna Li", "261100020002", 3),
)


@pytest.mark.parametrize(
    ("line", "kind", "value"),
    [
        ("", ScanKind.NOTHING, ""),
        (" \t\r\n", ScanKind.NOTHING, ""),
        ("7", ScanKind.SEAT, "7"),
        ("０７", ScanKind.SEAT, "7"),
        ("261100010001", ScanKind.TICKET, "261100010001"),
        ("2611 0001 0001\r", ScanKind.TICKET, "261100010001"),
        (CARD, ScanKind.DOCUMENT, CARD),
        (CARD.lower(), ScanKind.DOCUMENT, CARD),
        (f"王小明,男,汉,{CARD},19491231", ScanKind.DOCUMENT, CARD),
        ("110105194912310021", ScanKind.TICKET, "110105194912310021"),
        ("e12345678", ScanKind.DOCUMENT, "E12345678"),
        ("H1234567(8)", ScanKind.DOCUMENT, "H1234567(8)"),
        ("王小明", ScanKind.NAME, "王小明"),
        ("Anna Li", ScanKind.NAME, "Anna Li"),
        ("²", ScanKind.SEAT, "2"),
        ("٣", ScanKind.NAME, "٣"),
    ],
)
def test_a_line_is_read_as_what_it_is(line: str, kind: ScanKind, value: str) -> None:
    assert read_scan(line) == Scan(kind, value)


@pytest.mark.parametrize(
    ("line", "refs"),
    [
        ("1", "a"), ("12", "c"), ("99", ""),
        ("261100010001", "a"), ("0001", "ac"), ("0012", "b"), ("9999", ""),
        ("王小", "b"), ("王 小 明", "a"), ("小", "ab"), ("买买提•阿不都", "c"), ("anna li", "d"), ("赵", ""),
        (CARD, ""), ("", ""),
    ],
)  # fmt: skip
def test_who_is_named_exactly_comes_alone(line: str, refs: str) -> None:
    assert named_by(read_scan(line), PEOPLE) == tuple(refs)


@given(st.text(max_size=300))
def test_any_line_is_read(line: str) -> None:
    scan = read_scan(line)
    assert set(named_by(scan, PEOPLE)) <= {"a", "b", "c", "d"}


def test_a_name_of_nothing_but_blanks_within_names_nobody() -> None:
    assert named_by(Scan(ScanKind.NAME, " "), PEOPLE) == ()
