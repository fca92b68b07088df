"""A page's wall time: from when the centre's zone is how far from UTC."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.calendar import turns_of

YEAR = timedelta(days=400)
SINCE = datetime(2026, 1, 1, 3, 7, 9, tzinfo=UTC)
ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]


def test_a_zone_that_never_changes_has_one() -> None:
    assert turns_of(ZoneInfo("Asia/Shanghai"), since=SINCE, until=SINCE + YEAR) == [
        (SINCE, timedelta(hours=8))
    ]


def test_summer_time_begins_and_ends_at_its_minute() -> None:
    found = turns_of(ZoneInfo("Europe/Berlin"), since=SINCE, until=datetime(2026, 12, 1, tzinfo=UTC))
    assert found == [
        (SINCE, timedelta(hours=1)),
        (datetime(2026, 3, 29, 1, tzinfo=UTC), timedelta(hours=2)),
        (datetime(2026, 10, 25, 1, tzinfo=UTC), timedelta(hours=1)),
    ]


@pytest.mark.parametrize("name", ZONES)
@given(minutes=st.integers(0, 400 * 24 * 60 - 1), start=st.integers(0, 5_000_000))
def test_every_instant_is_as_far_from_utc_as_its_turn_says(name: str, minutes: int, start: int) -> None:
    since = SINCE + timedelta(minutes=start)
    at, zone = since + timedelta(minutes=minutes), ZoneInfo(name)
    found = turns_of(zone, since=since, until=since + YEAR)
    east = [one for begins, one in found if begins <= at][-1]
    assert east == at.astimezone(zone).utcoffset()
