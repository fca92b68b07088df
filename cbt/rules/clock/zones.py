"""How far a zone is from UTC, and when that changes: so a page shows the centre's time without knowing any zone."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

STEP = timedelta(days=1)
"""No zone changes twice in a day."""
_MINUTE = timedelta(minutes=1)


def turns_of(zone: tzinfo, *, since: datetime, until: datetime) -> list[tuple[datetime, timedelta]]:
    """Return from when a zone is how far east of UTC: at `since`, then at each change until `until`."""
    found, at = [(since, _east(zone, since))], since
    while at < until:
        ahead = min(at + STEP, until)
        if _east(zone, ahead) != found[-1][1]:
            before, after = at, ahead
            while after - before > _MINUTE:
                middle = before + (after - before) / 2
                if _east(zone, middle) == found[-1][1]:
                    before = middle
                else:
                    after = middle
            turn = after.replace(second=0, microsecond=0)
            found.append((turn, _east(zone, after)))
        at = ahead
    return found


def _east(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)
