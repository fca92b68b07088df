"""The form of a batch, read into values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from werkzeug.datastructures import MultiDict

from cbt.errors import InvalidInput
from cbt.sittings.planning.inputs import YEARS
from cbt.web.texts import WIDEST, whole_number

_AHEAD, _SATURDAY = 21, 5


@dataclass(frozen=True, slots=True)
class SentLevel:
    """A level as a form names it: by the ref of its blueprint, a version of it and the codes of papers."""

    ref: str
    version: int
    papers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SentShape:
    """What somebody wants a batch to be."""

    name: str
    levels: tuple[SentLevel, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None


def parse_shape(form: MultiDict[str, str]) -> SentShape:
    """Return what the form of a batch says.

    Raise InvalidInput("batch.day") for what is no day, ("batch.days_order") for an end before the start.
    """
    starts_on, ends_on = _day(form, "starts_on"), _day(form, "ends_on")
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        raise InvalidInput("batch.days_order", field="ends_on")
    levels = tuple(
        SentLevel(
            ref,
            whole_number(form.get(f"version.{ref}", ""), most=WIDEST) or 0,
            tuple(form.getlist(f"papers.{ref}")),
        )
        for ref in dict.fromkeys(form.getlist("levels"))
    )
    return SentShape(form.get("name", ""), levels, starts_on, ends_on)


def usual_days(today: date) -> tuple[date, date]:
    """Return the days a new batch starts from: the first weekend that leaves three weeks to prepare."""
    earliest = today + timedelta(days=_AHEAD)
    saturday = earliest + timedelta(days=(_SATURDAY - earliest.weekday()) % 7)
    return saturday, saturday + timedelta(days=1)


def _day(form: MultiDict[str, str], field: str) -> date | None:
    text = form.get(field, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("batch.day", field=field) from error
    if day.year not in YEARS:
        raise InvalidInput("batch.day", field=field)
    return day
