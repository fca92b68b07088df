"""What anybody can see in a name; the long table of characters stands with the attacks."""

from __future__ import annotations

import pytest

from cbt.rules.visible import MOST_MARKS, Unseen, private_use, unseen, with_codes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("王小明", None, id="a usual name"),
        pytest.param("䶮𬭎·", None, id="rare characters and a dot"),
        pytest.param("\U0002ebf0", None, id="a Han character younger than the tables"),
        pytest.param("\U0002fffe", Unseen(1, "U+2FFFE"), id="no character among the Han"),
        pytest.param("甲\n乙\t丙", None, id="blanks of a cell"),
        pytest.param("王\ue863", None, id="a private character"),
        pytest.param("王\u200b明", Unseen(2, "U+200B"), id="a zero-width space"),
        pytest.param("王明\u202e", Unseen(3, "U+202E"), id="a turn of direction at the end"),
        pytest.param("\u3164", Unseen(1, "U+3164"), id="a letter without a shape"),
        pytest.param("王\ufffd", Unseen(2, "U+FFFD"), id="a character that got lost"),
        pytest.param("葛\U000e0100", Unseen(2, "U+E0100"), id="a selector of a variant"),
        pytest.param("\u2028", Unseen(1, "U+2028"), id="a line separator"),
        pytest.param("a\u20dd", Unseen(2, "U+20DD"), id="an enclosing mark"),
        pytest.param("e" + "\u0301" * MOST_MARKS, None, id="as many accents as there may be"),
        pytest.param("e" + "\u0301" * (MOST_MARKS + 1), Unseen(5, "U+0301"), id="one accent more"),
    ],
)
def test_the_first_unseen_character_is_found_with_its_place(text: str, found: Unseen | None) -> None:
    assert unseen(text) == found


def test_a_private_character_is_found_by_itself() -> None:
    assert private_use("王\ue863") == Unseen(2, "U+E863")
    assert private_use("王") is None


def test_what_nobody_sees_is_shown_as_its_code() -> None:
    assert with_codes("王\u200b明") == "王⟨U+200B⟩明"
