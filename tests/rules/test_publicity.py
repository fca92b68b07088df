"""公示: shown for its working days, objections hold their own result, the rest may be released."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.calendar import Holidays
from cbt.rules.publicity import (
    PublicityHold,
    PublicityWindow,
    masked_name,
    publicity_window,
    releasable,
    ticket_tail,
)

DAY = timedelta(days=1)
KNOWN = Holidays(frozenset({2026}), {date(2026, 10, day): False for day in range(1, 8)})
WINDOW = publicity_window(date(2026, 11, 20), KNOWN)
RESULTS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("published_on", "days", "last_on", "provisional"),
    [
        pytest.param("2026-11-20", 5, "2026-11-27", False, id="over a weekend"),
        pytest.param("2026-09-30", 5, "2026-10-14", False, id="over National Day"),
        pytest.param("2026-12-28", 5, "2027-01-05", True, id="into a year nobody has published"),
        pytest.param("2026-11-20", 1, "2026-11-23", False, id="one day"),
    ],
)
def test_results_are_shown_for_working_days(
    published_on: str, days: int, last_on: str, provisional: bool
) -> None:
    found = publicity_window(date.fromisoformat(published_on), KNOWN, days=days)
    assert (found.last_on, found.provisional) == (date.fromisoformat(last_on), provisional)


@pytest.mark.parametrize(
    ("on", "open_then", "over"),
    [
        pytest.param("2026-11-19", False, False, id="the day before"),
        pytest.param("2026-11-20", True, False, id="its first"),
        pytest.param("2026-11-27", True, False, id="its last"),
        pytest.param("2026-11-28", False, True, id="the day after"),
    ],
)
def test_publicity_is_open_on_its_first_and_its_last_day(on: str, open_then: bool, over: bool) -> None:
    day = date.fromisoformat(on)
    assert (WINDOW.is_open(day), WINDOW.is_over(day)) == (open_then, over)


@given(st.integers(-3, 12))
def test_one_may_object_until_it_is_over(later: int) -> None:
    day = WINDOW.published_on + DAY * later
    assert WINDOW.is_open(day) == (0 <= later <= 7)
    assert WINDOW.is_over(day) == (later > 7)


@pytest.mark.parametrize(
    ("window", "on", "free", "held"),
    [
        pytest.param(WINDOW, "2026-11-28", ("a", "b", "c"), {}, id="over"),
        pytest.param(
            WINDOW, "2026-11-27", (), dict.fromkeys(RESULTS, (PublicityHold.PUBLICITY,)), id="its last day"
        ),
        pytest.param(
            None, "2026-11-28", (), dict.fromkeys(RESULTS, (PublicityHold.PUBLICITY,)), id="never shown"
        ),
    ],
)
def test_nothing_is_released_before_it_is_over(
    window: PublicityWindow | None, on: str, free: tuple[str, ...], held: dict[str, tuple[PublicityHold, ...]]
) -> None:
    found = releasable(RESULTS, window, on=date.fromisoformat(on))
    assert (found.results, found.held) == (free, held)


@given(st.sets(st.sampled_from("abcx")), st.sets(st.sampled_from("abcx")), st.integers(0, 12))
def test_an_objection_holds_its_own_result_only(objections: set[str], rulings: set[str], later: int) -> None:
    on = WINDOW.published_on + DAY * later
    found = releasable(RESULTS, WINDOW, on=on, objections=objections, rulings=rulings)
    assert sorted([*found.results, *found.held]) == list(RESULTS)
    for result in RESULTS:
        reasons = found.held.get(result, ())
        assert (PublicityHold.OBJECTION in reasons) == (result in objections)
        assert (PublicityHold.RULING in reasons) == (result in rulings)
        assert (result in found.results) == (not reasons)


def test_without_publicity_only_what_is_open_holds() -> None:
    found = releasable(RESULTS, None, on=WINDOW.published_on, objections="b", required=False)
    assert (found.results, found.held) == (("a", "c"), {"b": (PublicityHold.OBJECTION,)})


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("张三", "张*", id="two characters"),
        pytest.param("张小三", "张*三", id="three"),
        pytest.param("阿卜杜热合曼·买买提江", "阿*********江", id="long"),
        pytest.param("张", "张", id="one"),
        pytest.param("", "", id="none"),
    ],
)
def test_a_public_list_has_no_whole_name_and_no_whole_ticket(name: str, shown: str) -> None:
    assert masked_name(name) == shown
    assert ticket_tail("261100010007") == "0007"
