"""The product and the model side by side, and what a page sends to both."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from werkzeug.test import TestResponse

from cbt.application.app import create_app
from tests.conftest import Templates, close_engine
from tests.delivery.driver import Page
from tests.helpers import FakeClock
from tests.proctoring.desk import Desk, change
from tests.torture.model import Answer, ModelAttempt, ModelRoom, Sent
from tests.world import PLANNED, World
from torture.deadlines.draw import terms_of
from torture.deadlines.oracle import Life

MINUTE = timedelta(minutes=1)
NAMES = ("theory", "skills", "second")


class Side:
    """One example's product, on a database of its own, and its model."""

    templates: ClassVar[Templates]
    kind: ClassVar[str]
    postgres: ClassVar[Any] = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="cbt-machine-"))
        found, world = self.templates.settings(self.kind, populated=True, target=self.folder)
        assert world is not None
        self.database = found.database_url
        clock = FakeClock(PLANNED)
        app = create_app(found, clock=clock)
        app.testing = True
        app.config["WTF_CSRF_ENABLED"] = False
        self.world: World = world.on(app, clock)
        self.world.admit_all()
        for name in set(self.world.sitters) - set(NAMES):
            change(self.world, name, arrived_at=None, absent_at=PLANNED, absent_cause="no_show")
        self.world.start()
        self.room = ModelRoom()
        self.attempts: dict[str, ModelAttempt] = {}
        self.positions: dict[str, list[tuple[int, int]]] = {}
        self.pages: dict[tuple[str, str], Page] = {}
        self.sent: dict[str, list[Sent]] = {name: [] for name in NAMES}
        self.receipts: dict[tuple[str, int], str] = {}
        self.proctor, self.chief = Desk(self.world), Desk(self.world, "chief_proctor")
        for name in NAMES:
            with app.app_context():
                info = app.extensions["cbt_journal"].infos.get(self.world.sitters[name].attempt_ref)
            places: dict[int, int] = {}
            for position, unit in enumerate(info.units, 1):
                places.setdefault(unit if unit else -position, position)
            self.positions[name] = [(place, max(unit, 0)) for unit, place in list(places.items())[:4]]
            life = Life(terms_of(info.paper), PLANNED, PLANNED)
            self.attempts[name] = ModelAttempt(self.room, life)

    @property
    def now(self) -> datetime:
        """The instant both stand at."""
        return self.world.clock.now()

    def page(self, name: str, login: str) -> Page:
        """Return one browser of a candidate."""
        if (name, login) not in self.pages:
            machine = f"{login.split('/')[0]}-{name}"
            self.pages[name, login] = Page(self.world, name, machine=machine)
        return self.pages[name, login]

    def entries(self, name: str, page: Page, draws: list[tuple[int, str | None, int]]) -> list[Sent]:
        """Return entries: `back` 0 is a new one, 1 repeats one sent before, more is an older number."""
        made: dict[int, Sent] = {}
        for place, value, back in draws:
            position, unit = self.positions[name][place % len(self.positions[name])]
            if back == 1 and self.sent[name]:
                one = self.sent[name][place % len(self.sent[name])]
            elif back > 1:
                one = Sent(max(1, page.seq - back), position, unit, self.canonical(value))
            else:
                page.seq += 3
                one = Sent(page.seq, position, unit, self.canonical(value))
            made[one.seq] = one
        self.sent[name] += made.values()
        return list(made.values())

    @staticmethod
    def canonical(value: str | None) -> str | None:
        """Return a value as it is stored."""
        return None if value is None else json.dumps(value)

    @staticmethod
    def raw(name: str, sent: list[Sent]) -> list[dict[str, Any]]:
        """Return entries as a page sends them."""
        kind = "note" if name == "skills" else "answer"
        return [
            {
                "seq": one.seq,
                "kind": kind,
                "position": one.position,
                "value": None if one.value is None else json.loads(one.value),
            }
            for one in sent
        ]

    def writer(self, name: str, page: Page, login: str) -> str:
        """Return the login whose lease a page holds: an older lease of the same login is nobody's."""
        return login if page.epoch == self.attempts[name].epoch else "nobody"

    def same(self, reply: TestResponse, expected: Answer) -> None:
        """Insist on the model's answer."""
        body = reply.get_json()
        assert (reply.status_code, body.get("code", "")) == expected, body

    def same_clock(self, name: str, clock: dict[str, Any]) -> None:
        """Insist that a page is shown the model's end."""
        attempt = self.attempts[name]
        assert datetime.fromisoformat(clock["closes_at"]) == attempt.closes_at
        assert (clock["unit"] or {}).get("number") == attempt.row.open_unit

    def teardown(self) -> None:
        """Let go of the database."""
        close_engine(self.world.app)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.database:
            self.postgres.drop(self.database.rsplit("/", 1)[1])
