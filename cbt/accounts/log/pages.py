"""The log as it is read: the filter that an address says, a page of entries in words, a workbook of them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import flask
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.accounts.log import words
from cbt.accounts.log.words import Called, called, log_names, on_one_line
from cbt.accounts.sign_in.service import Guessed, guessed
from cbt.accounts.store import staff_named
from cbt.audit import flood_limit
from cbt.audit.acts import GROUPS
from cbt.audit.head import Head, head_of
from cbt.audit.models import AuditEntry
from cbt.audit.store import Sought, entries
from cbt.errors import InvalidInput
from cbt.http.auth.access import access_of
from cbt.http.auth.login import Principal
from cbt.http.form_values import WIDEST, whole_number
from cbt.http.i18n import local_text, local_zone
from cbt.spreadsheets.writer import add_sheet, new_workbook, text_format, write_text
from cbt.storage.unit_of_work import reading, unit_of_work

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


PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class WordedEntry:
    """An entry in words; `who_url` and `what_url` are "" where the reader may not go."""

    entry: AuditEntry
    who: str
    roles: str
    who_url: str
    act: str
    what: str
    what_url: str
    why: str
    before: words.Facts
    after: words.Facts


@dataclass(frozen=True, slots=True)
class LogPage:
    """What the page shows: its lines, what can be chosen, where older entries go on."""

    lines: list[WordedEntry]
    older: int | None
    people: list[tuple[str, str]]
    sittings: list[tuple[str, str]]
    about: str
    """What the one thing is called that the log is narrowed down to."""
    head: Head | None
    guesses: Sequence[Guessed]


def log_page(session: Session, asked: LogFilter, *, reader: Principal, now: datetime) -> LogPage:
    """Return the page; raise InvalidInput as `LogFilter.sought` does."""
    found = entries(session, asked.sought, before=asked.before, limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    about = called(session, [asked.subject]) if asked.subject else {}
    return LogPage(
        lines=lines_of(session, shown, reader=reader),
        older=shown[-1].id if len(found) > PAGE_SIZE else None,
        people=_people(session),
        sittings=log_names().sittings(session, asked.sitting),
        about=words.thing_name(asked.subject, about) if asked.subject else "",
        head=head_of(session),
        guesses=guessed(session, now=now),
    )


def lines_of(session: Session, found: Sequence[AuditEntry], *, reader: Principal) -> list[WordedEntry]:
    """Return entries in words, with a fixed number of queries."""
    things = {thing for entry in found for thing in (_who(entry.actor), entry.subject)}
    things |= {thing for one in found for text in (one.before, one.after) for thing in words.things_in(text)}
    names = called(session, things)
    staff = staff_named(session, things)
    names |= {thing: Called(one.name) for thing, one in staff.items()}
    return [
        WordedEntry(
            entry=entry,
            who=staff[entry.actor].name
            if entry.actor in staff
            else words.actor_name(_who(entry.actor), names),
            roles=_roles(staff[entry.actor].roles) if entry.actor in staff else "",
            who_url=_url(names.get(_who(entry.actor)), reader),
            act=words.act_name(entry.act),
            what="" if entry.subject == _who(entry.actor) else words.thing_name(entry.subject, names),
            what_url=_url(names.get(entry.subject), reader),
            why=_why(entry),
            before=words.in_words(entry.before, entry.subject, names),
            after=words.in_words(entry.after, entry.subject, names),
        )
        for entry in found
    ]


def _who(actor: str) -> str:
    # Who acts as a candidate is logged by the registration.
    kind, _colon, ref = actor.partition(":")
    return f"registration:{ref}" if kind == "candidate" else actor


def _why(entry: AuditEntry) -> str:
    """Return the reason of an entry: beside it, or among what it says of a request."""
    if entry.reason or not entry.after:
        return entry.reason
    after = json.loads(entry.after)
    said = after.get("why", "") if isinstance(after, dict) else ""
    return said if isinstance(said, str) else ""


def _roles(roles: Sequence[str]) -> str:
    return str(_("accounts.log.comma")).join(_(f"role.{role}") for role in roles)


def _url(thing: Called | None, reader: Principal) -> str:
    if thing is None or not thing.endpoint:
        return ""
    access = access_of(flask.current_app, thing.endpoint)
    if access is None or not access.admits(reader):
        return ""
    return flask.url_for(thing.endpoint, **dict[str, Any](thing.values))


def _people(session: Session) -> list[tuple[str, str]]:
    plain = [(actor, str(_(f"accounts.actor.{actor}"))) for actor in words.PLAIN_ACTORS]
    everybody = sorted((one.name, one.login, actor) for actor, one in staff_named(session, None).items())
    return [*((actor, f"{name} ({login})") for name, login, actor in everybody), *plain]


MOST = 5_000
"""So many entries at a time: who wants more asks for a shorter time."""
_COLUMNS = (
    ("number", 10),
    ("at", 20),
    ("actor", 20),
    ("roles", 16),
    ("act", 26),
    ("subject", 44),
    ("reason", 44),
    ("before", 30),
    ("after", 30),
)


def exported(asked: LogFilter, *, reader: Principal, now: datetime) -> bytes:
    """Return the newest entries of a filter as a workbook; that somebody takes them is on record before.

    Raise InvalidInput as `LogFilter.sought` does.
    """
    sought = asked.sought
    shown = " ".join(f"{name}={value}" for name, value in asked.asked.items())
    with unit_of_work() as session:
        flood_limit.count(
            session, at=now, actor=reader.logged_as, act="audit.export", subject="log", shown=shown
        )
    with reading() as session:
        found = entries(session, sought, limit=MOST + 1)
        rows = [
            (
                str(line.entry.id),
                local_text(line.entry.at, "%Y-%m-%d %H:%M:%S"),
                line.who,
                line.roles,
                line.act,
                line.what,
                line.why,
                on_one_line(line.before),
                on_one_line(line.after),
            )
            for line in lines_of(session, found[:MOST], reader=reader)
        ]
    return _workbook(rows, more=len(found) > MOST)


def _workbook(rows: Sequence[tuple[str, ...]], *, more: bool) -> bytes:
    target = io.BytesIO()
    book = new_workbook(target)
    sheet = add_sheet(book, str(_("accounts.place.audit")))
    plain = text_format(book, {"text_wrap": True, "valign": "top"})
    bold = text_format(book, {"bold": True, "bg_color": "#F2F2F2", "border": 1})
    for place, (name, width) in enumerate(_COLUMNS):
        sheet.set_column(place, place, width, plain)
        write_text(sheet, 0, place, str(_(f"accounts.audit.{name}")), bold)
    sheet.freeze_panes(1, 0)
    if more:
        rows = [*rows, (str(_("accounts.log.more", count=MOST)),)]
    for row, cells in enumerate(rows, start=1):
        for place, cell in enumerate(cells):
            write_text(sheet, row, place, cell, plain)
    book.close()
    return target.getvalue()
