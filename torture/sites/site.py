"""An examination day to break: a room of candidates, signed in, their forms frozen, on either database."""

from __future__ import annotations

import os
import random
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import flask
from sqlalchemy import select

from cbt.clock import Clock, SystemClock
from cbt.config import Settings, as_environment, read_settings
from cbt.rehearsal.installation import app_for
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import start_room
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.unit_of_work import unit_of_work
from torture.browsers.client import Browser
from torture.browsers.load import Load
from torture.judging.ledger import Ledger
from torture.sites.people import Person, populate
from torture.sites.postgres import PostgresServer
from torture.sites.server import Server

ALLOWED_TO_LEAVE = timedelta(minutes=31)
"""A room that started so long ago lets everybody hand in."""
LASTS = timedelta(minutes=45)
"""How long each of its papers lasts."""


@dataclass
class Site:
    """One installation under test, its people and its ledger."""

    folder: Path
    settings: Settings
    people: Sequence[Person]
    ledger: Ledger = field(default_factory=Ledger)
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)
    """When its server was away, as the harness saw it."""

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings as a process of this installation reads them."""
        return as_environment(self.settings)

    @property
    def process_environment(self) -> dict[str, str]:
        """Return the whole environment of a process of this installation: no CBT_ variable but its own."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("CBT_")}
        return {**kept, **self.environment, "PYTHONUTF8": "1"}

    @contextmanager
    def app(self, clock: Clock | None = None) -> Iterator[flask.Flask]:
        """Open the installation in this process, within its context, and let go of every connection at the end."""
        with app_for(self.settings, clock) as app:
            yield app

    def start_room(self, started_at: datetime) -> None:
        """Start the room's clock at `started_at`."""
        with self.app(), unit_of_work() as session:
            for room in session.scalars(select(SittingRoom)):
                start_room(session, room, now=started_at, actor="cli")

    @contextmanager
    def serving(
        self,
        *,
        node: str = "",
        ready: bool = True,
        prefix: Sequence[str] = (),
        extra: Mapping[str, str] | None = None,
    ) -> Iterator[Server]:
        """Serve it by `cbt serve` in a process of its own until the block ends.

        `prefix` is put before the command, `extra` joins its environment.

        A second node on PostgreSQL is served under another name, with a data folder of its own.
        """
        environment = dict(self.environment)
        if node:
            (self.folder / node).mkdir()
            environment["CBT_DATA_DIR"] = str(self.folder / node)
        server = Server(self.folder, environment, self.outages, name=node or "server")
        try:
            server.start(*prefix, extra=extra)
            if ready:
                server.wait_ready()
            yield server
        finally:
            server.stop()

    def browsers(self, port: Callable[[], int], seed: int) -> list[Browser]:
        """Return everybody's browser; `port` is asked at each connection."""
        return [
            Browser(person, port, self.ledger, random.Random(f"{seed}/{person.attempt_ref}"))
            for person in self.people
        ]

    @contextmanager
    def load(self, seed: int, port: Callable[[], int], *, pause: float = 0.03) -> Iterator[Load]:
        """Let everybody answer, `pause` seconds after each reply, until the block ends or `stop` is called."""
        load = Load(self.browsers(port, seed), pause=pause)
        load.start()
        try:
            yield load
        finally:
            load.stop()


class Builder:
    """Builds sites: one template per database, made once and copied."""

    def __init__(self, folder: Path, postgres: Callable[[], PostgresServer | None]) -> None:
        self._folder = folder
        self._postgres = postgres
        self._templates: dict[str, tuple[Settings, Sequence[Person]]] = {}

    def build(self, kind: str, *, started_at: datetime | None = None, data_dir: Path | None = None) -> Site:
        """Return a fresh site whose room started at `started_at`, or 31 minutes ago.

        `data_dir` puts the data elsewhere, as on a small file system.
        """
        if kind not in self._templates:
            self._templates[kind] = self._make_template(kind)
        template, people = self._templates[kind]
        folder = self._fresh_folder()
        settings = self._settings(folder, kind, template=template)
        shutil.copytree(template.keys, settings.keys)
        if data_dir is not None:
            settings = replace(settings, data_dir=data_dir)
        shutil.copytree(template.data_dir, settings.data_dir, dirs_exist_ok=True)
        site = Site(folder, settings, people)
        site.start_room(started_at or SystemClock().now() - ALLOWED_TO_LEAVE)
        return site

    def copy(self, site: Site, *, ledger: bool = True) -> Site:
        """Return a copy of a site that is not served, with the ledger as it stands now."""
        folder = self._fresh_folder()
        settings = replace(site.settings, data_dir=folder / "data", key_dir=folder / "keys")
        shutil.copytree(site.settings.data_dir, settings.data_dir)
        shutil.copytree(site.settings.keys, settings.keys)
        if not settings.embedded:
            server = self._server()
            settings = replace(
                settings, database_url=server.create(_fresh_name(), template=_name(site.settings))
            )
        return Site(folder, settings, site.people, site.ledger.copy() if ledger else Ledger())

    def beside(self, site: Site) -> Site:
        """Return an empty place with the people and the ledger of a site, for a copy that is brought back."""
        folder = self._fresh_folder()
        settings = replace(site.settings, data_dir=folder / "data", key_dir=folder / "keys")
        if not settings.embedded:
            settings = replace(settings, database_url=self._server().create(_fresh_name()))
        return Site(folder, settings, site.people, site.ledger)

    def discard(self, site: Site) -> None:
        """Remove a site that is not served any more."""
        shutil.rmtree(site.folder, ignore_errors=True)
        if not site.settings.embedded:
            self._server().drop(_name(site.settings))

    def _make_template(self, kind: str) -> tuple[Settings, Sequence[Person]]:
        settings = self._settings(self._fresh_folder(), kind)
        begin_installation(settings)
        site = Site(settings.data_dir.parent, settings, ())
        begin_installation(settings)
        with site.app() as app:
            migrate()
            people = populate(app, now=app.extensions["cbt_clock"].now())
        return settings, people

    def _settings(self, folder: Path, kind: str, *, template: Settings | None = None) -> Settings:
        settings = replace(
            read_settings({}),
            data_dir=folder / "data",
            key_dir=folder / "keys",
            host="127.0.0.1",
            slow_ms=60_000,
            workers=2,  # of two a loss takes half; and three may ask for more connections than there are
        )
        if kind == "sqlite":
            return settings
        name = "template1" if template is None else _name(template)
        settings.data_dir.mkdir(parents=True)
        return replace(settings, database_url=self._server().create(_fresh_name(), template=name))

    def _server(self) -> PostgresServer:
        server = self._postgres()
        if server is None:
            raise LookupError("PostgreSQL is missing")
        return server

    def _fresh_folder(self) -> Path:
        folder = self._folder / f"site-{secrets.token_hex(4)}"
        folder.mkdir()
        return folder


def _fresh_name() -> str:
    return f"torture_{secrets.token_hex(6)}"


def _name(settings: Settings) -> str:
    return settings.database_url.rsplit("/", 1)[1]
