"""What a seat's machine says of itself: untrusted, so every field has its limits and no other field is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from cbt.errors import InvalidInput

MOST_BYTES = 2_000
MOST_TRIPS = 10
_HOUR_MS = 3_600_000
_YEARS_MS = 10**13
_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/(\d{1,4})")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d{1,4})")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS)/(\d{1,4})")),
    ("Safari", re.compile(r"Version/(\d{1,4}).*Safari/")),
)


class SentReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A report as a page sends it."""

    clock_ms: Annotated[int, msgspec.Meta(ge=-_YEARS_MS, le=_YEARS_MS)]
    width: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    height: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    keeping: Literal["disk", "local", "none"]
    trips: Annotated[
        list[Annotated[int, msgspec.Meta(ge=0, le=_HOUR_MS)]], msgspec.Meta(max_length=MOST_TRIPS)
    ]


@dataclass(frozen=True, slots=True)
class BrowserVersion:
    """What a browser calls itself; "" and 0 for one that says nothing known."""

    name: str = ""
    version: int = 0


def read_report(body: bytes) -> SentReport:
    """Return what a machine reports; raise InvalidInput("readiness.report") for anything else."""
    if len(body) > MOST_BYTES:
        raise InvalidInput("readiness.report")
    try:
        return msgspec.json.decode(body, type=SentReport)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput("readiness.report") from error


def browser_of(agent: str) -> BrowserVersion:
    """Return name and main version of a browser by its User-Agent header."""
    for name, known in _BROWSERS:
        if found := known.search(agent[:400]):
            return BrowserVersion(name, int(found[1]))
    return BrowserVersion()
