"""What of the log somebody wants to see, as the address says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from cbt.accounts.log.naming import log_names
from cbt.audit.acts import GROUPS
from cbt.audit.store import Sought
from cbt.errors import InvalidInput
from cbt.web.i18n import local_zone
from cbt.web.texts import WIDEST, whole_number

LONGEST = {"act": 60, "actor": 80, "subject": 120, "sitting": 60, "since": 10, "until": 10}
GROUP = "group:"


@dataclass(frozen=True, slots=True)
class LogFilter:
    """The filter as it was asked for, field by field, and how far back the page begins."""

    act: str = ""
    """An act, or `group:` and a group of them."""
    actor: str = ""
    subject: str = ""
    sitting: str = ""
    since: str = ""
    until: str = ""
    before: int | None = None

    @property
    def asked(self) -> dict[str, str]:
        """What narrows the log down, as an address says it."""
        return {name: value for name in LONGEST if (value := getattr(self, name))}

    @property
    def sought(self) -> Sought:
        """Which entries these are; raise InvalidInput("log.date") for a day that is none."""
        group = GROUPS.get(self.act.removeprefix(GROUP), ()) if self.act.startswith(GROUP) else ()
        since, until = _day(self.since, "since"), _day(self.until, "until")
        return Sought(
            acts=group or ((self.act,) if self.act else ()),
            actor=self.actor,
            subject=self.subject,
            subjects=log_names().of_sitting(self.sitting) if self.sitting else None,
            since=None if since is None else _midnight(since),
            until=None if until is None else _midnight(until + timedelta(days=1)),
        )


def filter_of(given: Mapping[str, str]) -> LogFilter:
    """Return the filter of an address or a form; raise InvalidInput("web.bad_request") for a page that is none."""
    fields = {name: given.get(name, "").strip()[:most] for name, most in LONGEST.items()}
    before = given.get("before", "")
    oldest = whole_number(before, most=WIDEST) if before else None
    if before and oldest is None:
        raise InvalidInput("web.bad_request")
    return LogFilter(before=oldest, **fields)


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("log.date", field=field) from error
    if not 1970 <= day.year <= 9000:
        raise InvalidInput("log.date", field=field)
    return day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=local_zone())
