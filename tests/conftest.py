"""Fixtures: the product on both databases, with a clock that stands still until a test moves it."""

from __future__ import annotations

import gc
import itertools
import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zlib import crc32

import flask
import pytest

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.confined.child import compute_alone
from cbt.paths import product_dir
from cbt.storage.engine import DATABASE_NAME, begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.types import db
from cbt.translations.compiler import compile_catalogues
from tests import product_processes, row_locks
from tests.app_cache import hash_quickly, keep_templates, share, share_compiled
from tests.compiled_catalogues import compiled_since
from tests.counters import share_counters
from tests.database_pool import KeptDatabases
from tests.databases import URL_VARIABLE, PostgresServer, find_binaries, quick_folder
from tests.file_pool import SpareFiles
from tests.fork_server import CAN_FORK
from tests.forked_runner import pytest_addoption, pytest_runtestloop  # noqa: F401  # hooks
from tests.helpers import Client, FakeClock, leave_nothing_for_later
from tests.moments import Course, Moment
from tests.run_cache import folder_of_run, locked, server_of_run
from tests.world import START, World, build_world

DATABASES = ("sqlite", "postgresql")
IN_CI = os.environ.get("CI") == "true"
_names = itertools.count()
compute_alone()  # cases of statistics load numpy here, and a process with threads is not forked
share_compiled()
share_counters()
hash_quickly()
product_processes.begin_warm()
row_locks.watch()
flask.Flask.test_client_class = Client


def new_name() -> str:
    """Return a name that no other database of this run has."""
    return f"t{os.getpid()}_{next(_names)}"


def pytest_collection(session: pytest.Session) -> None:
    """Search for no garbage while eleven thousand cases are put together; begin what commands are forked of."""
    gc.disable()
    if session.config.getoption("--workers") and CAN_FORK:
        product_processes.begin_server()


def pytest_collection_finish() -> None:
    """Leave what was loaded and collected out of every search for garbage to come, and search seldom.

    Thousands of apps are let go with all they hold; a search after each few hundred objects finds nothing.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 10)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave each case marked `once` to one of the two databases; what is named runs.

    Which one is said by the mark (`on`), else by the case's name.
    """
    if any("::" in asked for asked in config.args):
        return
    chosen = DATABASES if os.environ.get(URL_VARIABLE) or find_binaries() else DATABASES[:1]
    left = []
    for item in items:
        kind = (
            item.callspec.params.get("database_kind")
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else None
        )
        once = item.get_closest_marker("once")
        if kind in DATABASES and once is not None:
            name = item.nodeid.replace(str(kind), "", 1)
            if kind != once.kwargs.get("on", chosen[crc32(name.encode()) % len(chosen)]):
                left.append(item)
    config.hook.pytest_deselected(items=left)
    gone = set(left)
    items[:] = [item for item in items if item not in gone]


def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests store in memory where it fits: they wait for thousands of commits."""
    folder = quick_folder()
    if folder is not None and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


@pytest.fixture(scope="session", autouse=True)
def _catalogues(tmp_path_factory: pytest.TempPathFactory) -> None:
    if not compiled_since():
        compile_catalogues()
    keep_templates(folder_of_run(tmp_path_factory) / "templates")


@pytest.fixture(autouse=True)
def _lock_order() -> Iterator[None]:
    """Insist that what a test had the product do on PostgreSQL locked rows in the one order."""
    row_locks.wrong.clear()
    yield
    assert not row_locks.wrong, "\n".join(row_locks.wrong)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real PostgreSQL server; its absence is a failure in CI and a loud skip elsewhere."""
    with server_of_run(folder_of_run(tmp_path_factory)) as server:
        if server is None:
            if IN_CI:
                pytest.fail("PostgreSQL is missing: install postgresql, or set CBT_TEST_POSTGRES_URL")
            pytest.skip("PostgreSQL is missing: nothing of this test ran on it")
        yield server


@pytest.fixture(scope="session")
def kept_databases(postgres: PostgresServer) -> Iterator[KeptDatabases]:
    """The databases of PostgreSQL that the tests of this process use one after another."""
    kept = KeptDatabases(postgres, new_name)
    yield kept
    kept.leave()


@pytest.fixture(params=DATABASES)
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
    """A database at each moment of an exam, made by whoever needs it first in a run, and copied for every test."""

    def __init__(self, folder: Path, own: Path, request: pytest.FixtureRequest) -> None:
        """`folder` is that of the run, `own` that of this process."""
        self._folder = folder
        self._request = request
        self._spare = SpareFiles(own / "spare")
        self._made: dict[tuple[str, Moment], tuple[Settings, World | None]] = {}

    def settings(self, kind: str, *, populated: bool, target: Path) -> tuple[Settings, World | None]:
        """Return fresh settings whose database is a copy of the template, and the template's world."""
        return self._copied(kind, Moment.PLANNED if populated else Moment.EMPTY, target)

    def _copied(self, kind: str, moment: Moment, target: Path) -> tuple[Settings, World | None]:
        template, world = self._template(kind, moment)
        url = "" if kind == "sqlite" else self._postgres().create(new_name(), template=_name_of(template))
        settings, _ = self._place(kind, moment, target, url)
        if kind == "sqlite":
            self.fill(settings, moment)
        return settings, world

    def place(self, kind: str, moment: Moment, target: Path) -> tuple[Settings, World | None]:
        """Return settings of an installation that has its keys and lacks its database, and its world."""
        url = "" if kind == "sqlite" else self._postgres().url(self._kept().take())
        return self._place(kind, moment, target, url)

    def _place(self, kind: str, moment: Moment, target: Path, url: str) -> tuple[Settings, World | None]:
        template, world = self._template(kind, moment)
        for name in ("keys", "data"):
            (target / name).mkdir(mode=0o700, parents=True)
        self._spare.put(template.keys, target / "keys")
        return base_settings(target, url), world

    def fill(self, settings: Settings, moment: Moment) -> None:
        """Put the database of `moment` where placed `settings` look for it; nobody may be connected."""
        if settings.embedded:
            assert not any(settings.data_dir.glob("*-wal")), "somebody is connected"
            self._spare.put(self._template("sqlite", moment)[0].data_dir, settings.data_dir, DATABASE_NAME)
        else:
            template, _ = self._template("postgresql", moment)
            self._kept().put(_name_of(settings), moment, _name_of(template))

    def give_back(self, settings: Settings) -> None:
        """Give back the database of placed settings; what else there is goes with the test's folder."""
        if settings.embedded:
            self._spare.keep(settings.data_dir / DATABASE_NAME)
        else:
            self._kept().give(_name_of(settings))

    def _postgres(self) -> PostgresServer:
        server: PostgresServer = self._request.getfixturevalue("postgres")
        return server

    def _kept(self) -> KeptDatabases:
        kept: KeptDatabases = self._request.getfixturevalue("kept_databases")
        return kept

    def _template(self, kind: str, moment: Moment) -> tuple[Settings, World | None]:
        if (kind, moment) not in self._made:
            where = kind if kind == "sqlite" else f"{kind}-{self._postgres().port}"
            made = self._folder / f"{where}-{moment}.made"
            with locked(made.with_suffix(".turn")):
                if not made.exists():
                    made.write_bytes(pickle.dumps(self._build(kind, moment)))
            self._made[kind, moment] = pickle.loads(made.read_bytes())
        settings, world = self._made[kind, moment]
        # Whom a test adds to its world is known to that test alone: the next one's database lacks them.
        return settings, world.copy() if world is not None else None

    def _build(self, kind: str, moment: Moment) -> tuple[Settings, World | None]:
        folder = Path(tempfile.mkdtemp(prefix=f"{kind}-{moment}-", dir=self._folder))
        if moment is Moment.EMPTY:
            url = "" if kind == "sqlite" else self._postgres().create(new_name())
            settings, world = base_settings(folder, url), None
        else:
            settings, world = self._copied(kind, Moment(moment - 1), folder)
        clock = FakeClock(START)
        begin_installation(settings)
        app = create_app(settings, clock=clock)
        share(app)
        with app.app_context():
            if moment is Moment.EMPTY:
                migrate()
            elif moment is Moment.PLANNED:
                world = build_world(app)
        if world is not None and moment > Moment.PLANNED:
            here = world.on(app, clock)
            here.admit_all() if moment is Moment.ADMITTED else here.start()
        close_engine(app)
        return settings, world


def _name_of(settings: Settings) -> str:
    return settings.database_url.rsplit("/", 1)[1]


def close_engine(app: flask.Flask) -> None:
    """Let go of every connection, so that a file can be copied or a database used as a template."""
    app.extensions["cbt_journal"].close()
    if app.extensions["cbt_gate"].copy is not None:
        app.extensions["cbt_gate"].copy.close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Templates:
    """The template databases of this test run."""
    folder = folder_of_run(tmp_path_factory) / "templates"
    folder.mkdir(mode=0o700, exist_ok=True)
    return Templates(folder, tmp_path_factory.getbasetemp(), request)


@contextmanager
def installation(
    templates: Templates,
    kind: str,
    folder: Path,
    clock: FakeClock,
    *,
    moment: Moment = Moment.PLANNED,
    at_once: bool = False,
    **changed: Any,
) -> Iterator[tuple[flask.Flask, World | None]]:
    """Keep the product on a database of its own below `folder`, with the world that is in it.

    Until the app first asks its database something, the world may have come to a later moment, of which there is a
    copy, too: that one is put in its place. `changed` are settings.
    """
    settings, world = templates.place(kind, moment, folder)

    course = Course(moment, partial(templates.fill, settings), at_once=at_once or settings.embedded)
    app = create_app(replace(settings, **changed), clock=clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    share(app)
    leave_nothing_for_later(app)
    place = quote(f"{settings.data_dir}/") if settings.embedded else f"'{_name_of(settings)}'"
    with course.watching(place):
        yield app, world.on(app, clock, course) if world is not None else None
        close_engine(app)
    templates.give_back(settings)


def _at_once(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("past_sqlalchemy") is not None


@pytest.fixture
def app(
    templates: Templates,
    database_kind: str,
    clock: FakeClock,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[flask.Flask]:
    """The product on a migrated, empty database."""
    with installation(
        templates, database_kind, tmp_path, clock, moment=Moment.EMPTY, at_once=_at_once(request)
    ) as (served, _):
        yield served


@pytest.fixture
def world(
    templates: Templates,
    database_kind: str,
    clock: FakeClock,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[World]:
    """The product with a small centre, banks, staff of every role, candidates and drawn forms."""
    with installation(templates, database_kind, tmp_path, clock, at_once=_at_once(request)) as (_, made):
        assert made is not None
        yield made
