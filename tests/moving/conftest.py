"""An installation that is to move, and empty places for it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from sqlalchemy import Connection

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.ops.move import MoveResult, move
from cbt.ops.move_endpoints import Destination, blocks, read_destination, tables
from cbt.storage.types import db
from tests.conftest import Templates, close_engine, installation
from tests.databases import PostgresServer
from tests.helpers import FakeClock
from tests.moments import Moment
from tests.world import World

_names = itertools.count()
MakeDatabase = Callable[..., str]


def settings_of(app: flask.Flask) -> Settings:
    """Return the settings an app was made with."""
    settings: Settings = app.extensions["cbt_settings"]
    return settings


@pytest.fixture
def planned(templates: Templates, clock: FakeClock, tmp_path: Path) -> Iterator[World]:
    """A planned exam on the embedded database."""
    with installation(templates, "sqlite", tmp_path, clock) as (_, world):
        assert world is not None
        yield world


@pytest.fixture
def empty_database(postgres: PostgresServer, templates: Templates, tmp_path: Path) -> Iterator[MakeDatabase]:
    """Make databases on PostgreSQL that hold no row, and drop them again; this version's tables are there."""
    with_tables = _name(templates.settings("postgresql", populated=False, target=tmp_path / "empty")[0])
    made = [with_tables]

    def make(*, tables: bool = True) -> str:
        made.append(f"m{os.getpid()}_{next(_names)}")
        return postgres.create(made[-1], template=with_tables if tables else "template0")

    yield make
    for name in made:
        postgres.drop(name)


def _name(settings: Settings) -> str:
    return settings.database_url.rsplit("/", 1)[1]


class Mover:
    """Somebody at the server who moves the database and looks at what there is."""

    def __init__(self, app: flask.Flask, clock: FakeClock) -> None:
        self.app = app
        self.clock = clock
        self.told: list[tuple[str, str, int, int]] = []
        self._opened = ExitStack()

    def to(self, place: str) -> MoveResult:
        """Move to `place`."""
        return self.move(read_destination(place, settings_of(self.app)))

    def move(self, destination: Destination) -> MoveResult:
        """Move there, a minute later than whatever was before."""
        self.clock.set(self.clock.now() + timedelta(minutes=1))
        with self.app.app_context():
            return move(
                settings_of(self.app),
                destination,
                now=self.clock.now(),
                tell=lambda *told: self.told.append(told),
            )

    def on(self, settings: Settings) -> flask.Flask:
        """Return the product on another database of the same installation; it is closed with the test."""
        app = create_app(settings, clock=self.clock)
        app.testing = True
        self._opened.callback(close_engine, app)
        return app

    def close(self) -> None:
        """Let go of every database that was opened."""
        self._opened.close()


@pytest.fixture
def mover(planned: World) -> Iterator[Mover]:
    """Who moves the planned exam."""
    one = Mover(planned.app, planned.clock)
    yield one
    one.close()


def everything(app: flask.Flask) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, as values of Python, in an order that is the same everywhere."""
    with app.app_context(), db.engine.connect() as connection:
        return {table.name: sorted(_rows(connection, table), key=repr) for table in tables()}


def _rows(connection: Connection, table: Any) -> Iterator[tuple[Any, ...]]:
    for block in blocks(connection, table):
        yield from (tuple(row) for row in block)


def elsewhere(settings: Settings, **changed: Any) -> Settings:
    """Return the settings of the same installation with other places."""
    return replace(settings, **changed)


__all__ = ["MakeDatabase", "Moment", "Mover", "elsewhere", "everything", "settings_of"]
