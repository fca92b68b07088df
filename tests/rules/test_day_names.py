"""Names that say a day follow a sitting that is moved."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cbt.rules.planning.changes import following_name

SATURDAY = datetime(2026, 9, 26, 9, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 10, 4, 14, 30, tzinfo=UTC)
NIGHT = datetime(2026, 10, 12, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        pytest.param("2026年9月26日上午场", "2026年10月4日下午场", id="whole date and half of the day"),
        pytest.param("9月26号（周六）", "10月4号（周日）", id="day and weekday"),
        pytest.param("09月26日09:00 一号机房", "10月04日14:30 一号机房", id="two digits, and the hour"),
        pytest.param("2026-09-26 第 1 场", "2026-10-04 第 1 场", id="ISO"),
        pytest.param("场次20260926", "场次20261004", id="digits alone"),
        pytest.param("0926上午", "1004下午", id="month and day alone"),
        pytest.param("9.26 理论", "10.4 理论", id="with a dot"),
        pytest.param("9/26（星期六）9：00", "10/4（星期日）14：30", id="with a slash"),
        pytest.param("Saturday 26 September, morning", "Sunday 4 October, afternoon", id="English"),
        pytest.param("2025年9月26日补考", "2025年9月26日补考", id="another year"),
        pytest.param("2025-09-26", "2025-09-26", id="another year in ISO"),
        pytest.param("第 1 场", "第 1 场", id="no day"),
        pytest.param("9月27日下午场", "9月27日下午场", id="another day"),
        pytest.param("A10926 班 19:00", "A10926 班 19:00", id="parts of longer numbers"),
    ],
)
def test_what_a_name_says_of_the_former_time_follows(name: str, becomes: str) -> None:
    assert following_name(name, former=SATURDAY, start=SUNDAY) == becomes


def test_the_usual_way_is_taken_where_two_look_alike() -> None:
    assert following_name("10月12日晚间场", former=NIGHT, start=SATURDAY) == "9月26日上午场"
    assert following_name("9月26日上午场", former=SATURDAY, start=NIGHT) == "10月12日晚上场"
