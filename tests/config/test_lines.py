"""A settings file is read as systemd reads it; what two readers could take differently is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.config import quoted, read_lines
from cbt.errors import InvalidInput

FILE = Path("/etc/cbt.env")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param("CBT_PORT=8000", "8000", id="plain"),
        pytest.param("  CBT_PORT = 8000  ", "8000", id="spaces around"),
        pytest.param("CBT_PORT=", "", id="nothing"),
        pytest.param("CBT_PORT='8000'", "8000", id="single quotes"),
        pytest.param('CBT_PORT="8000"', "8000", id="double quotes"),
        pytest.param(r"CBT_PORT='C:\cbt\data'", r"C:\cbt\data", id="single quotes are literal"),
        pytest.param(r'CBT_PORT="C:\cbt"', r"C:\cbt", id="a backslash before an ordinary letter stays"),
        pytest.param(r'CBT_PORT="a\"b\\c\$d\`e"', 'a"b\\c$d`e', id="what double quotes escape"),
        pytest.param("CBT_PORT='# 试 ; $X'", "# 试 ; $X", id="nothing is expanded"),
        pytest.param("CBT_PORT=a#b;c", "a#b;c", id="a sharp within a word"),
        pytest.param("CBT_PORT=a=b", "a=b", id="an equals sign in the value"),
    ],
)
def test_a_line_gives_its_value(line: str, value: str) -> None:
    assert read_lines(line, FILE)["CBT_PORT"].value == value


def test_remarks_and_empty_lines_are_passed_over_and_lines_are_counted() -> None:
    text = "# remark\r\n\r\n; another\r\nCBT_PORT=8000\r\n  # indented\nCBT_HOST=::1"
    assert {name: (entry.value, entry.line) for name, entry in read_lines(text, FILE).items()} == {
        "CBT_PORT": ("8000", 4),
        "CBT_HOST": ("::1", 6),
    }


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("export CBT_PORT=8000", "config.line", id="a shell's export"),
        pytest.param("CBT_PORT", "config.line", id="no value"),
        pytest.param("CBT_PORT＝8000", "config.line", id="a wide equals sign"),
        pytest.param("=8000", "config.line", id="no name"),
        pytest.param("CBT_PORT=8000 # the port", "config.quotes", id="a remark behind"),
        pytest.param("CBT_PORT='8000", "config.quotes", id="an open quote"),
        pytest.param("CBT_PORT='80''00'", "config.quotes", id="two quoted pieces"),
        pytest.param(r"CBT_PORT=C:\cbt", "config.quotes", id="a backslash without quotes"),
        pytest.param('CBT_PORT="C:\\cbt\\"', "config.quotes", id="a backslash that takes the quote away"),
        pytest.param("CBT_PORT=it's", "config.quotes", id="a quote within"),
        pytest.param("CBT_PORT=80\u300000", "config.control", id="a wide space"),
        pytest.param("CBT_PORT='80\t00'", "config.control", id="a tab"),
        pytest.param("CBT_PORT=1\nCBT_PORT=2", "config.twice", id="twice"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_its_line(line: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_lines(f"# remark\n{line}", FILE)
    assert refused.value.code == code
    assert refused.value.params["where"] == f"/etc/cbt.env:{3 if 'twice' in code else 2}"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], include_characters=" ")))
def test_what_is_written_is_read_back(value: str) -> None:
    assert read_lines(f"CBT_PORT={quoted(value)}", FILE)["CBT_PORT"].value == value
