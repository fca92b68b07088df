"""The app context of a command: its app, the instant it begins, and page addresses without a request."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import flask

from cbt.errors import Unavailable
from cbt.storage.departure import check_not_moved
from cbt.storage.engine import files_of
from cbt.storage.migrate import check_migrated


def path_of(app: flask.Flask, endpoint: str, **values: object) -> str:
    """Return the path of a page; within a request it is what `url_for` gives."""
    return app.url_map.bind("").build(endpoint, values)


P = ParamSpec("P")
R = TypeVar("R")

_factory: list[Callable[[], flask.Flask]] = []


def register_factory(factory: Callable[[], flask.Flask]) -> None:
    """Tell how a command gets its app; `cbt.cli` does, so that no room imports the app."""
    _factory[:] = [factory]


def with_app(command: Callable[..., R]) -> Callable[..., R]:
    """Run a command in an app context and pass it `now`, the instant it begins (aware UTC).

    Raise Unavailable as `cbt.storage.migrate.check_migrated` does when the database is not ready for commands, and
    as `cbt.storage.departure.check_not_moved` when another is in use.
    """
    return _in_context(command, _check_in_use)


def with_any_database(command: Callable[..., R]) -> Callable[..., R]:
    """Run a command as `with_app` does, on a database of any version, also one moved away."""
    return _in_context(command, lambda: None)


def _check_in_use() -> None:
    check_migrated()
    check_not_moved()


def _in_context(command: Callable[..., R], check: Callable[[], None]) -> Callable[..., R]:
    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> R:
        if not _factory:
            raise Unavailable("cli.no_app")
        app = _factory[0]()
        files = files_of(app)
        if files is not None:
            files.join_server()
            files.check()
        with app.app_context():
            check()
            return command(*args, now=app.extensions["cbt_clock"].now(), **kwargs)

    return wrapped
