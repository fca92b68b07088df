"""A page of the log, gathered in one reading: entries with the names of all they speak of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import flask
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.accounts.log import values, words
from cbt.accounts.log.filters import LogFilter
from cbt.accounts.log.naming import Called, called, log_names
from cbt.accounts.sign_in.guessing import Guessed, guessed
from cbt.accounts.store import staff_named
from cbt.audit.heads import Head, head_of
from cbt.audit.models import AuditEntry
from cbt.audit.store import entries
from cbt.web.who.access import access_of
from cbt.web.who.login import Principal

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
    before: values.Facts
    after: values.Facts


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
    things |= {thing for one in found for text in (one.before, one.after) for thing in values.things_in(text)}
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
            before=values.in_words(entry.before, entry.subject, names),
            after=values.in_words(entry.after, entry.subject, names),
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
