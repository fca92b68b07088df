"""What the server's own examination says (`cbt doctor`), for the page of a room; the app tells who examines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import flask

from cbt.rules.planning.clashes import Gravity

_KEY = "cbt_room_doctor"


@dataclass(frozen=True, slots=True)
class ServerLine:
    """One finding that is not well: whether it stops, what is so, what to do."""

    stops: bool
    what: str
    fix: str


AskServer = Callable[[], list[ServerLine]]


def register_server_part(app: flask.Flask, ask: AskServer) -> None:
    """Tell who examines the server; it lies above this room."""
    app.extensions[_KEY] = ask


def server_lines() -> list[ServerLine]:
    """Return what is not well with the server, what stops first; raise what keeps it from being examined."""
    ask = cast(AskServer, flask.current_app.extensions[_KEY])
    return sorted(ask(), key=lambda one: not one.stops)


def gravity_of(lines: list[ServerLine]) -> Gravity | None:
    """Return what the server's part weighs; None where all is well."""
    if not lines:
        return None
    return Gravity.STOP if lines[0].stops else Gravity.WARN
