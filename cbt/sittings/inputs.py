"""What the HTML forms of the sittings room hold, read into values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from cbt.errors import InvalidInput
from cbt.rules.policies import AdmissionPolicy
from cbt.web.i18n import local_zone

MARKS = ("check_in_opens", "report", "sign_in_opens", "late_limit")
YEARS = range(2000, 2200)
"""Years an examination can be planned in: the ends of the calendar have no neighbours to compute with."""
_DAY_MINUTES = 24 * 60


def parse_number(form: Mapping[str, str], field: str, *, minimum: int, maximum: int) -> int:
    """Return a whole number of a field; raise InvalidInput("input.number") naming the bounds."""
    text = form.get(field, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 6) or not minimum <= int(text) <= maximum:
        raise InvalidInput("input.number", field=field, minimum=minimum, maximum=maximum)
    return int(text)


def parse_local(form: Mapping[str, str], field: str) -> datetime:
    """Return the UTC instant of a local date and time field; raise InvalidInput("input.instant")."""
    try:
        local = datetime.fromisoformat(form.get(field, "").strip())
    except ValueError as error:
        raise InvalidInput("input.instant", field=field) from error
    if local.year not in YEARS:
        raise InvalidInput("input.instant", field=field)
    return local.replace(tzinfo=local_zone()).astimezone(UTC)


def parse_policy(form: Mapping[str, str]) -> AdmissionPolicy:
    """Return the admission policy of a sitting; a field left out keeps the shipped value.

    Raise InvalidInput("input.number"), ("sitting.marks_order") when reporting or signing in would open
    before check-in does.

    Source: R-11, R-14.
    """
    shipped = AdmissionPolicy()
    spans: dict[str, timedelta] = {
        name: timedelta(minutes=parse_number(form, name, minimum=0, maximum=_DAY_MINUTES))
        if form.get(name, "").strip()
        else getattr(shipped, name)
        for name in MARKS
    }
    late_from: Literal["report_at", "start"] = "start" if form.get("late_from") == "start" else "report_at"
    policy = AdmissionPolicy(
        **spans,
        late_from=late_from,
        sign_in_needs_check_in=form.get("sign_in_needs_check_in", "1") == "1",
        leave_allowed=form.get("leave_allowed", "1") == "1",
    )
    if policy.report > policy.check_in_opens or policy.sign_in_opens > policy.check_in_opens:
        raise InvalidInput("sitting.marks_order", field="check_in_opens")
    return policy
