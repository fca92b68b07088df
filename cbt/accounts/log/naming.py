"""What things of the log are called: later rooms know theirs, and say so through what is registered here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import flask
from sqlalchemy import CompoundSelect
from sqlalchemy.orm import Session

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
