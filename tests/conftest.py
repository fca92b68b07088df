"""Fixtures: the product on both databases, with a clock that stands still until a test moves it."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import flask
import pytest

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.db.migrate import migrate
from cbt.db.types import db
from cbt.paths import product_dir
from cbt.translations.compiling import compile_catalogues
from tests.databases import PostgresServer, start_postgres
from tests.helpers import FakeClock
from tests.quicker import share, share_builders
from tests.world import START, World, build_world

IN_CI = os.environ.get("CI") == "true"
_names = itertools.count()
share_builders()


@pytest.fixture(scope="session", autouse=True)
def _catalogues() -> None:
    compile_catalogues()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server; its absence is a failure in CI and a loud skip elsewhere."""
    server = start_postgres()
    if server is None:
        if IN_CI:
            pytest.fail("PostgreSQL is missing: install postgresql, or set CBT_TEST_POSTGRES_URL")
        pytest.skip("PostgreSQL is missing: nothing of this test ran on it")
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Each test that stores something runs on both databases."""
    return str(request.param)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands at the world's first instant."""
    return FakeClock(START)


def base_settings(folder: Path, url: str = "") -> Settings:
    """Return the settings of one test installation below `folder`."""
    return Settings(
        data_dir=folder / "data",
        key_dir=folder / "keys",
        database_url=url,
        blueprint_dir=product_dir("blueprints"),
        bank_dir=product_dir("question_bank"),
    )


class Templates:
    """One migrated database and one with the small world in it, made once and copied for every test."""

    def __init__(self, folder: Path, postgres_of: pytest.FixtureRequest) -> None:
        self._folder = folder
        self._request = postgres_of
        self._made: dict[tuple[str, bool], tuple[Settings, World | None]] = {}

    def settings(self, kind: str, *, populated: bool, target: Path) -> tuple[Settings, World | None]:
        """Return fresh settings whose database is a copy of the template, and the template's world."""
        if (kind, populated) not in self._made:
            self._made[kind, populated] = self._build(kind, populated=populated)
        template, world = self._made[kind, populated]
        shutil.copytree(template.keys, target / "keys")
        if kind == "sqlite":
            shutil.copytree(template.data_dir, target / "data")
            return base_settings(target), world
        server: PostgresServer = self._request.getfixturevalue("postgres")
        (target / "data").mkdir()
        url = server.create(
            f"t{os.getpid()}_{next(_names)}", template=template.database_url.rsplit("/", 1)[1]
        )
        return replace(base_settings(target), database_url=url), world

    def _build(self, kind: str, *, populated: bool) -> tuple[Settings, World | None]:
        folder = self._folder / f"{kind}-{populated}"
        folder.mkdir()
        url = ""
        if kind == "postgresql":
            server: PostgresServer = self._request.getfixturevalue("postgres")
            url = server.create(f"template{os.getpid()}_{populated}".lower())
        settings = base_settings(folder, url)
        app = create_app(settings, clock=FakeClock(START))
        world = None
        with app.app_context():
            migrate()
            if populated:
                world = build_world(app)
            close_engine(app)
        return settings, world


def close_engine(app: flask.Flask) -> None:
    """Let go of every connection, so that a file can be copied or a database used as a template."""
    app.extensions["cbt_journal"].writer.close()
    if app.extensions["cbt_gate"].copy is not None:
        app.extensions["cbt_gate"].copy.close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Templates:
    """The template databases of this test run."""
    return Templates(tmp_path_factory.mktemp("templates"), request)


def _serve(
    templates: Templates, kind: str, clock: FakeClock, folder: Path, *, populated: bool
) -> Iterator[tuple[flask.Flask, World | None]]:
    settings, world = templates.settings(kind, populated=populated, target=folder)
    app = create_app(settings, clock=clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    share(app)
    yield app, world
    close_engine(app)


@pytest.fixture
def app(templates: Templates, database_kind: str, clock: FakeClock, tmp_path: Path) -> Iterator[flask.Flask]:
    """The product on a migrated, empty database."""
    for served, _ in _serve(templates, database_kind, clock, tmp_path, populated=False):
        yield served


@pytest.fixture
def world(templates: Templates, database_kind: str, clock: FakeClock, tmp_path: Path) -> Iterator[World]:
    """The product with a small centre, banks, staff of every role, candidates and drawn forms."""
    for served, made in _serve(templates, database_kind, clock, tmp_path, populated=True):
        assert made is not None
        yield made.on(served, clock)
