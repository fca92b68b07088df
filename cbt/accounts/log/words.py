"""Words for entries of the log: what acts and things are called, and what stood before and after an act.

Later rooms know what their things are called, and register how a name is found. What has no word, or was
written by a later version, is shown as it is stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import flask
from flask_babel import gettext as _
from sqlalchemy import CompoundSelect
from sqlalchemy.orm import Session

from cbt.audit.acts import GROUPS, PRINT, SECOND, UNDO
from cbt.http.i18n import local_text, word

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
    """Have the log call things as `names` says."""
    app.extensions[_EXTENSION] = names


def log_names() -> LogNames:
    """Return what is registered."""
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
    found = str(_(message_id))
    return "" if found == message_id else found


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
    """Return who acted: by name, else by what they are."""
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
    said = _word(f"error.{ref.partition(':')[2]}.what")
    return said if said and "%(" not in said else ref


Facts = list[tuple[str, str]]
"""Names of facts with what they are, both in words."""
_THING = re.compile(r"[a-z_]+:[\w-]+(?::[\w-]+)?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:\d\d|Z)")
_STATES = ("sittings.state", "candidates.state", "proctoring.state", "bank.state")
_OF_KIND = {"item": "bank.state", "attempt": "proctoring.state", "registration": "candidates.state"}
"""Where the words of a state are, by what it is the state of."""
_CODES = {
    "roles": ("role",),
    "mode": ("sittings.mode",),
    "purpose": ("sittings.purpose",),
    "verdict": ("objection.state",),
    "brought_by": ("objection.by",),
}
_ACTS = frozenset({"act"})


def things_in(stored: str) -> Iterator[str]:
    """Yield the things that stored facts speak of."""
    for value in _leaves(_read(stored)):
        if isinstance(value, str) and _THING.fullmatch(value):
            yield value


def in_words(stored: str, subject: str, names: Mapping[str, Called]) -> Facts:
    """Return the facts of an entry about `subject` in words; none where there were none."""
    kind = subject.partition(":")[0]
    found = _read(stored)
    if not isinstance(found, dict):
        return [("", str(found))] if stored else []
    return [(_name(key), _said(key, value, kind, names)) for key, value in found.items()]


def on_one_line(facts: Facts) -> str:
    """Return facts as a cell of a sheet holds them."""
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
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _name(key: str) -> str:
    return _word(f"accounts.log.key.{key}") or key


def _said(key: str, value: Any, kind: str, names: Mapping[str, Called]) -> str:
    if isinstance(value, list):
        return str(_("accounts.log.comma")).join(_said(key, one, kind, names) for one in value) or _none()
    if isinstance(value, dict):
        parts = (
            str(_("accounts.log.fact", name=_name(name), value=_said(name, one, kind, names)))
            for name, one in value.items()
        )
        return str(_("accounts.log.comma")).join(parts) or _none()
    if value is None or value == "":
        return _none()
    if isinstance(value, bool):
        return str(_("accounts.log.yes" if value else "accounts.log.no"))
    return _text(key, str(value), kind, names)


def _none() -> str:
    return str(_("accounts.log.no_value"))


def _text(key: str, value: str, kind: str, names: Mapping[str, Called]) -> str:
    if _INSTANT.fullmatch(value):
        return local_text(datetime.fromisoformat(value), "%Y-%m-%d %H:%M:%S")
    if value in names:
        return names[value].name
    if key in _ACTS:
        return act_name(value)
    if key == "reason_code":
        return word(f"proctoring.reason.{value}")
    prefixes: tuple[str, ...] = _CODES.get(key, ())
    if key == "state":
        prefixes = (_OF_KIND.get(kind, _STATES[0]), *_STATES)
    return next((said for prefix in prefixes if (said := _word(f"{prefix}.{value}"))), value)
