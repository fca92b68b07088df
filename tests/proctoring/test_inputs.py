"""What a proctor may type."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from cbt.errors import InvalidInput
from cbt.proctoring.act import read_clock_time, read_minutes, read_span
from cbt.proctoring.acts.time_adjustment import read_grant
from tests.exams.sources import shipped_table
from tests.helpers import utc

TABLE = shipped_table()
ZONE = ZoneInfo("Asia/Shanghai")
NOW = utc("2026-11-24T09:30:00+08:00")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("09:29:59", "2026-11-24T09:29:59+08:00", id="a second ago"),
        pytest.param("09:30", "2026-11-24T09:30:00+08:00", id="this instant"),
        pytest.param("9:05", "2026-11-24T09:05:00+08:00", id="one digit"),
        pytest.param("09：05", "2026-11-24T09:05:00+08:00", id="full-width colon"),
        pytest.param("03:30:00", "2026-11-24T03:30:00+08:00", id="exactly six hours back"),
    ],
)
def test_a_clock_time_is_the_latest_such_instant(text: str, shown: str) -> None:
    assert read_clock_time({"at": text}, "at", now=NOW, zone=ZONE) == utc(shown)


def test_a_clock_time_may_lie_before_midnight() -> None:
    just_after = utc("2026-11-24T00:10:00+08:00")
    at = read_clock_time({"at": "23:55"}, "at", now=just_after, zone=ZONE)
    assert at == utc("2026-11-23T23:55:00+08:00")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("09:30:01", id="a second ahead is not yesterday"),
        pytest.param("03:29:59", id="more than six hours back"),
        pytest.param("24:00", id="no such hour"),
        pytest.param("9点", id="words"),
    ],
)
def test_other_clock_times_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"proctoring\.clock_time"):
        read_clock_time({"at": text}, "at", now=NOW, zone=ZONE)


def test_an_empty_clock_time_is_none() -> None:
    assert read_clock_time({"at": " "}, "at", now=NOW, zone=ZONE) is None


@pytest.mark.parametrize("text", ["", "0", "121", "-5", "5.5", "１０", "9" * 400])
def test_minutes_are_whole_and_from_1_to_120(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_minutes({"minutes": text})


@pytest.mark.parametrize(("text", "minutes"), [("1", 1), ("120", 120)])
def test_minutes_at_the_edges(text: str, minutes: int) -> None:
    assert read_minutes({"minutes": text}) == timedelta(minutes=minutes)


def test_a_span_is_minutes_and_seconds() -> None:
    assert read_span({"amount": "04:35"}, "amount") == timedelta(minutes=4, seconds=35)
    with pytest.raises(InvalidInput):
        read_span({"amount": "4:75"}, "amount")


def test_the_reason_other_needs_words() -> None:
    form = {"kind": "general", "minutes": "5", "reason_code": "other"}
    with pytest.raises(InvalidInput, match="reason_needed"):
        read_grant(form, TABLE)
    assert read_grant({**form, "reason": "  考生 不适 "}, TABLE).reason == "考生 不适"


@pytest.mark.parametrize("kind", ["accommodation", "", "x"])
def test_only_time_back_and_extension_are_given_on_the_board(kind: str) -> None:
    with pytest.raises(InvalidInput, match="grant_kind"):
        read_grant({"kind": kind, "minutes": "5", "reason_code": "network"}, TABLE)
