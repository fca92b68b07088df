"""The audit log as it is read: entries in words, the filter that an address says, a page and a workbook of them.

Later rooms know what their things are called, and register how a name is found. What has no word, or was
written by a later version, is shown as it is stored.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import flask
from flask_babel import gettext as _
from sqlalchemy import CompoundSelect
from sqlalchemy.orm import Session

from cbt.accounts.sign_in import Guessed, guessed
from cbt.accounts.store import staff_named
from cbt.audit import flood_limit
from cbt.audit.chain import Head, head_of
from cbt.audit.models import AuditEntry
from cbt.audit.store import GROUPS, PRINT, SECOND, UNDO, Sought, entries
from cbt.errors import InvalidInput
from cbt.http.auth.access import access_of
from cbt.http.auth.login import Principal
from cbt.http.form_values import WIDEST, whole_number
from cbt.http.i18n import local_text, local_zone, word
from cbt.spreadsheets.writer import add_sheet, new_workbook, text_format, write_text
from cbt.storage.unit_of_work import reading, unit_of_work

_EXTENSION = "cbt_log_names"


@dataclass(frozen=True, slots=True)
class Called:
    """A thing by its name, and the page that shows it, "" for none."""

    name: str
    endpoint: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


Namer = Callable[[Session, Collection[str]], dict[str, Called]]
"""Finds things of one kind by the refs the log has for them; what is gone, or is nobody's, is left out."""


@dataclass(frozen=True, slots=True)
class LogNames:
    """How later rooms name what they put on record, by kind, and how they know what belongs to a sitting."""

    namers: Mapping[str, Namer]
    sittings: Callable[[Session, str], list[tuple[str, str]]]
    """The sittings to choose from, the latest first, with the one of that ref; each its ref and name."""
    of_sitting: Callable[[str], CompoundSelect[str]]
    """Selects the subjects that belong to a sitting."""


def register_names(app: flask.Flask, names: LogNames) -> None:
    app.extensions[_EXTENSION] = names


def log_names() -> LogNames:
    names: LogNames = flask.current_app.extensions[_EXTENSION]
    return names


def called(session: Session, things: Iterable[str]) -> dict[str, Called]:
    """Return what `things` such as `sitting:si-…` are called, with one query for each kind."""
    by_kind: dict[str, set[str]] = {}
    for thing in things:
        kind, _, ref = thing.partition(":")
        by_kind.setdefault(kind, set()).add(ref)
    namers = log_names().namers
    return {
        f"{kind}:{ref}": found
        for kind, refs in by_kind.items()
        if kind in namers
        for ref, found in namers[kind](session, refs).items()
    }


PLAIN_ACTORS = ("scheduler", "cli", "anonymous")


def _word(message_id: str) -> str:
    text = str(_(message_id))
    return "" if text == message_id else text


def act_name(act: str) -> str:
    """Return what people call an act; one that the catalogue does not know is shown as it is written."""
    for prefix, message, of in (
        (SECOND, "act.second", "approval.act."),
        (UNDO, "act.undo", "proctoring.act."),
        (PRINT, "act.print", "candidates.print."),
    ):
        if act.startswith(prefix):
            inner = _word(of + act.removeprefix(prefix))
            return str(_(message, act=inner.rstrip("…") or act.removeprefix(prefix)))
    return _word(f"act.{act}") or str(_("accounts.log.other_act", act=act))


def act_groups() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return the groups to choose from: each its code, its name and its acts, code and words."""
    return [
        (group, str(_(f"accounts.log.group.{group}")), [(act, act_name(act)) for act in acts])
        for group, acts in GROUPS.items()
    ]


def kind_of(thing: str) -> str:
    """Return in a word what a thing of the log is, "" when there is none for it."""
    return _word(f"accounts.log.kind.{thing.partition(':')[0]}")


def actor_name(actor: str, names: dict[str, Called]) -> str:
    if actor in PLAIN_ACTORS:
        return str(_(f"accounts.actor.{actor}"))
    return thing_name(actor, names)


def thing_name(thing: str, names: dict[str, Called]) -> str:
    """Return what a thing is called: its kind and name; without a name, what tells it apart."""
    kind, _colon, ref = thing.partition(":")
    if kind == "view":
        return refused_name(ref)
    if thing == "staff:unknown":
        return str(_("accounts.log.nobody"))
    name = names[thing].name if thing in names else ref
    word = kind_of(thing)
    if not word:
        return name if thing in names else thing
    return str(_("accounts.log.thing", kind=word, name=name)) if name else word


def refused_name(ref: str) -> str:
    """Return why an act was refused, in the words the person saw; without any, what was asked for."""
    sentence = _word(f"error.{ref.partition(':')[2]}.what")
    return sentence if sentence and "%(" not in sentence else ref


Facts = list[tuple[str, str]]
"""Names of facts with what they are, both in words."""
_THING = re.compile(r"[a-z_]+:[\w-]+(?::[\w-]+)?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:\d\d|Z)")
_STATES = ("sittings.state", "candidates.state", "proctoring.state", "bank.state", "rules.application.state")
_OF_KIND = {"item": "bank.state", "attempt": "proctoring.state", "registration": "candidates.state"}
"""Where the words of a state are, by what it is the state of."""
_VALUE = "accounts.log.value"
_CODES = {
    "roles": ("role",),
    "duty": ("role",),
    "mode": ("sittings.mode",),
    "purpose": ("sittings.purpose",),
    "verdict": ("objection.state", "ruling.verdict", "appeal.state"),
    "scope": ("appeal.scope",),
    "turn": ("marking.turn",),
    "brought_by": ("objection.by",),
    "document": ("door.document",),
    "document_type": ("door.document",),
    "door": ("sittings.plan.door",),
    "order": ("batches.seating.order",),
    "papers": ("batches.seating.papers", f"{_VALUE}.paper"),
    "paper": (f"{_VALUE}.paper",),
    "closed_by": ("record.by",),
    "cause": ("door.absent", "enrolment.fees.cause"),
    "kind": ("candidates.kind", "retention.kind", "jobs.kind", "key.kind", f"{_VALUE}.kind"),
    "code": ("proctoring.violation",),
    "received": ("enrolment.proof",),
    "checked": ("enrolment.proof",),
}
"""Where the words of a code are, by the name of the fact; those of no page stand beside the names of facts."""
_ACTS = frozenset({"act"})
_LISTED = frozenset({"received", "checked", "scope"})
"""Facts that are several codes with commas between."""
_REFS = {
    "unit": "member_unit",
    "application": "unit_application",
    "batch": "batch",
    "sitting": "sitting",
    "candidate": "candidate",
    "registration": "registration",
    "bank": "item_bank",
    "blueprint": "blueprint",
}
"""Facts that are told by a ref alone, and of what."""
_BY_REF = {"moves": "registration", "new_seats": "registration", "versions": "item"}
"""Facts that are told of several things, each by its ref."""


def things_in(stored: str) -> Iterator[str]:
    """Yield the things that stored facts speak of."""
    facts = _read(stored)
    for key, value in facts.items() if isinstance(facts, dict) else ():
        if key in _BY_REF and isinstance(value, dict):
            yield from (f"{_BY_REF[key]}:{ref}" for ref in value)
        elif key in _REFS and isinstance(value, str) and value:
            yield f"{_REFS[key]}:{value}"
    for value in _leaves(facts):
        if isinstance(value, str) and _THING.fullmatch(value):
            yield value


def in_words(stored: str, subject: str, names: Mapping[str, Called]) -> Facts:
    """Return the facts of an entry about `subject` in words; none where there were none."""
    kind = subject.partition(":")[0]
    facts = _read(stored)
    if not isinstance(facts, dict):
        return [("", str(facts))] if stored else []
    return [(_name(key), _said(key, value, kind, names)) for key, value in facts.items()]


def on_one_line(facts: Facts) -> str:
    return "\n".join(
        str(_("accounts.log.fact", name=name, value=value)) if name else value for name, value in facts
    )


def _read(stored: str) -> Any:
    try:
        return json.loads(stored) if stored else None
    except ValueError:
        return stored


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for element in value:
            yield from _leaves(element)
    else:
        yield value


def _name(key: str) -> str:
    return _word(f"accounts.log.key.{key}") or key


def _said(key: str, value: Any, kind: str, names: Mapping[str, Called]) -> str:
    if key in _LISTED and isinstance(value, str) and value:
        return str(_("accounts.log.comma")).join(_text(key, one, kind, names) for one in value.split(","))
    if isinstance(value, list):
        return str(_("accounts.log.comma")).join(_said(key, one, kind, names) for one in value) or _none()
    if isinstance(value, dict):
        parts = (
            str(_("accounts.log.fact", name=_name_in(key, name, names), value=_said(name, one, kind, names)))
            for name, one in value.items()
        )
        return str(_("accounts.log.comma")).join(parts) or _none()
    if value is None or value == "":
        return _none()
    if isinstance(value, bool):
        return str(_("accounts.log.yes" if value else "accounts.log.no"))
    return _text(key, str(value), kind, names)


def _name_in(key: str, name: str, names: Mapping[str, Called]) -> str:
    """Return what a part of a fact is called: the thing whose ref it is, or what it tells."""
    thing = f"{_BY_REF.get(key, '')}:{name}"
    return names[thing].name if thing in names else _name(name)


def _none() -> str:
    return str(_("accounts.log.no_value"))


def _text(key: str, value: str, kind: str, names: Mapping[str, Called]) -> str:
    if _INSTANT.fullmatch(value):
        return local_text(datetime.fromisoformat(value), "%Y-%m-%d %H:%M:%S")
    if (thing := value if value in names else f"{_REFS.get(key, '')}:{value}") in names:
        return names[thing].name
    if key in _ACTS:
        return act_name(value)
    if key == "reason_code":
        return word(f"proctoring.reason.{value}")
    prefixes: tuple[str, ...] = _CODES.get(key, ())
    if key == "state":
        prefixes = (_OF_KIND.get(kind, _STATES[0]), *_STATES)
    prefixes = (*prefixes, f"{_VALUE}.{key}")
    return next((label for prefix in prefixes if (label := _word(f"{prefix}.{value}"))), value)


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


def filter_of(sought: Mapping[str, str]) -> LogFilter:
    """Return the filter of an address or a form; raise InvalidInput("web.bad_request") for a page that is none."""
    fields = {name: sought.get(name, "").strip()[:most] for name, most in LONGEST.items()}
    before = sought.get("before", "")
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
    before: Facts
    after: Facts


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


def log_page(session: Session, log_filter: LogFilter, *, reader: Principal, now: datetime) -> LogPage:
    """Return the page; raise InvalidInput as `LogFilter.sought` does."""
    rows = entries(session, log_filter.sought, before=log_filter.before, limit=PAGE_SIZE + 1)
    shown = rows[:PAGE_SIZE]
    about = called(session, [log_filter.subject]) if log_filter.subject else {}
    return LogPage(
        lines=lines_of(session, shown, reader=reader),
        older=shown[-1].id if len(rows) > PAGE_SIZE else None,
        people=_people(session),
        sittings=log_names().sittings(session, log_filter.sitting),
        about=thing_name(log_filter.subject, about) if log_filter.subject else "",
        head=head_of(session),
        guesses=guessed(session, now=now),
    )


def lines_of(session: Session, rows: Sequence[AuditEntry], *, reader: Principal | None) -> list[WordedEntry]:
    """Return entries in words, with a fixed number of queries; links are for a `reader` of a page."""
    things = {thing for entry in rows for thing in (_who(entry.actor), entry.subject)}
    things |= {thing for one in rows for text in (one.before, one.after) for thing in things_in(text)}
    names = called(session, things)
    staff = staff_named(session, things)
    names |= {thing: Called(one.name) for thing, one in staff.items()}
    return [
        WordedEntry(
            entry=entry,
            who=staff[entry.actor].name if entry.actor in staff else actor_name(_who(entry.actor), names),
            roles=_roles(staff[entry.actor].roles) if entry.actor in staff else "",
            who_url=page_of_thing(names.get(_who(entry.actor)), reader),
            act=act_name(entry.act),
            what="" if entry.subject == _who(entry.actor) else thing_name(entry.subject, names),
            what_url=page_of_thing(names.get(entry.subject), reader),
            why=_why(entry),
            before=in_words(entry.before, entry.subject, names),
            after=in_words(entry.after, entry.subject, names),
        )
        for entry in rows
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
    reason = after.get("why", "") if isinstance(after, dict) else ""
    return reason if isinstance(reason, str) else ""


def _roles(roles: Sequence[str]) -> str:
    return str(_("accounts.log.comma")).join(_(f"role.{role}") for role in roles)


def page_of_thing(thing: Called | None, reader: Principal | None) -> str:
    """Return the address of the page that shows a thing, "" for none, or for none that this reader may see."""
    if reader is None or thing is None or not thing.endpoint:
        return ""
    access = access_of(flask.current_app, thing.endpoint)
    if access is None or not access.admits(reader):
        return ""
    return flask.url_for(thing.endpoint, **dict[str, Any](thing.values))


def _people(session: Session) -> list[tuple[str, str]]:
    plain = [(actor, str(_(f"accounts.actor.{actor}"))) for actor in PLAIN_ACTORS]
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


def exported(
    log_filter: LogFilter, *, actor: str, now: datetime, write: Callable[[Callable[[], None]], object]
) -> bytes:
    """Return the newest entries of a filter as a workbook; that somebody takes them is on record before.

    `write` does that unit of work. Raise InvalidInput as `LogFilter.sought` does.
    """
    sought = log_filter.sought
    write(partial(_note_export, log_filter, actor=actor, now=now))
    with reading() as session:
        selected = entries(session, sought, limit=MOST + 1)
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
            for line in lines_of(session, selected[:MOST], reader=None)
        ]
    return _workbook(rows, more=len(selected) > MOST)


def _note_export(log_filter: LogFilter, *, actor: str, now: datetime) -> None:
    shown = " ".join(f"{name}={value}" for name, value in log_filter.asked.items())
    with unit_of_work() as session:
        flood_limit.count(session, at=now, actor=actor, act="audit.export", subject="log", shown=shown)


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
