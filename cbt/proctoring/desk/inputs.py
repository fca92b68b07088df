"""Reads what a proctor typed into an act's form; every refusal names its field."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

from cbt.errors import InvalidInput
from cbt.proctoring.desk.act import Form
from cbt.rules.reasons import OTHER, ReasonTable

MOST_MINUTES = 120
LONGEST_TEXT = 200
FARTHEST_BACK = timedelta(hours=6)
LONGEST_REASON = 500


def read_reason(form: Form, *, field: str = "reason", required: bool = True) -> str:
    """Return the reason; raise InvalidInput when it is needed and missing, or too long."""
    reason = " ".join(form.get(field, "").split())
    if required and not reason:
        raise InvalidInput("proctoring.reason_needed", field=field)
    if len(reason) > LONGEST_REASON:
        raise InvalidInput("proctoring.too_long", field=field, most=LONGEST_REASON)
    return reason


def read_text(form: Form, field: str, *, most: int = LONGEST_TEXT) -> str:
    """Return a text that must not be empty."""
    text = form.get(field, "").strip()
    if not text:
        raise InvalidInput("proctoring.text_needed", field=field)
    if len(text) > most:
        raise InvalidInput("proctoring.too_long", field=field, most=most)
    return text


def read_reason_of(form: Form, table: ReasonTable) -> tuple[str, str]:
    """Return one of the reasons the table offers (R-26) and the words, which `other` needs."""
    code = form.get("reason_code", "")
    if code not in {one.code for one in table.offered_reasons}:
        raise InvalidInput("proctoring.reason_code", field="reason_code")
    return code, read_reason(form, required=code == OTHER)


def read_minutes(form: Form, *, field: str = "minutes", least: int = 1) -> timedelta:
    """Return whole minutes from `least` to 120; a missing field is `least` when that is 0."""
    text = form.get(field, "").strip() or ("0" if least == 0 else "")
    if not text.isascii() or not text.isdigit() or not least <= int(text[:4]) <= MOST_MINUTES:
        raise InvalidInput("proctoring.minutes", field=field, least=least, most=MOST_MINUTES)
    return timedelta(minutes=int(text[:4]))


def read_span(form: Form, field: str) -> timedelta:
    """Return a span typed as mm:ss."""
    found = re.fullmatch(r"([0-9]{1,3}):([0-5][0-9])", form.get(field, "").strip().replace("：", ":"))
    if found is None:
        raise InvalidInput("proctoring.span", field=field)
    return timedelta(minutes=int(found[1]), seconds=int(found[2]))


def read_clock_time(form: Form, field: str, *, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the latest instant up to `now` at which the centre's clock showed HH:MM or HH:MM:SS.

    None for an empty field. Raise InvalidInput for anything else, and for a time that is still to come or
    lies more than 6 h back.
    """
    text = form.get(field, "").strip().replace("：", ":")
    if not text:
        return None
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?", text)
    if found is None:
        raise InvalidInput("proctoring.clock_time", field=field)
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    local = now.astimezone(zone).replace(hour=hour, minute=minute, second=second, microsecond=0)
    at = local if local <= now else local - timedelta(days=1)
    if now - at > FARTHEST_BACK:
        raise InvalidInput("proctoring.clock_time", field=field)
    return at.astimezone(now.tzinfo)


def read_number(form: Form, field: str) -> int | None:
    """Return a whole number, or None for an empty field."""
    text = form.get(field, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInput("proctoring.number", field=field)
    return int(text)
