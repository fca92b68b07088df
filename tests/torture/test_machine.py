"""One state machine drives the product over HTTP next to a small pure model of the rules.

After each step the answer is compared with the model's, and so is what is stored: states, ends, leases, the
journal entry by entry (I1, I2, I3), closings (I4), the lease (I11); at times scores and the audit chain (I6, I7).

CBT_MACHINE_EXAMPLES runs so many examples, drawn afresh, instead of the fixed few.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.app import create_app
from cbt.audit.models import AuditEntry
from cbt.db.unit_of_work import reading
from cbt.delivery.models import Attempt, Gap, JournalEntry
from cbt.delivery.sweeps import advance_overdue, expire_overdue
from cbt.safety.checking import verify_everything
from cbt.scoring.service import score_closed
from cbt.torture.deadline_draw import terms_of
from cbt.torture.deadline_oracle import Life, Stop
from tests.conftest import Templates, close_engine
from tests.delivery.driver import Page
from tests.helpers import FakeClock
from tests.proctoring.desk import Desk, change
from tests.torture.model import MARGIN, Answer, ModelAttempt, ModelRoom, Sent
from tests.world import PLANNED, World

MS = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
NAMES = ("theory", "skills", "second")
LOGINS = ("seat/1", "seat/2", "elsewhere/1")
SPANS = (MS, timedelta(seconds=1), timedelta(seconds=21), MINUTE, 4 * MINUTE, 11 * MINUTE)
EXAMPLES = {"sqlite": 18, "postgresql": 7}
STEPS = 40

names = st.sampled_from(NAMES)
logins = st.sampled_from(LOGINS)
often_first = st.sampled_from((*LOGINS[:1] * 5, *LOGINS[1:]))
texts = st.sampled_from(("A", "B", None))


class Exam(RuleBasedStateMachine):
    """The product and the model, side by side."""

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

    @initialize()
    def begin(self) -> None:
        """Let two candidates open their papers."""
        for name in NAMES[:2]:
            self.start(name, LOGINS[0])

    @rule(name=names, login=often_first)
    def start(self, name: str, login: str) -> None:
        """Open or reopen a paper."""
        page, attempt = self.page(name, login), self.attempts[name]
        expected = attempt.start(login, now=self.now)
        reply = page.start()
        self.same(reply, expected)
        if expected[0] == 200:
            assert page.epoch == attempt.epoch
            kind = "answers" if name != "skills" else "notes"
            shown = {int(place): value for place, value in page.opened["journal"][kind].items()}
            assert shown == {place: json.loads(value) for place, value in attempt.answers().items()}
            self.same_clock(name, page.opened["clock"])

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
                page.seq += 1
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

    draws = st.lists(st.tuples(st.integers(0, 3), texts, st.sampled_from((0, 0, 0, 1, 2, 3))), max_size=3)

    @rule(name=names, login=often_first, draws=draws, order=st.booleans())
    def save(self, name: str, login: str, draws: list[tuple[int, str | None, int]], order: bool) -> None:
        """Save some entries in either order, or beat."""
        page = self.page(name, login)
        if not page.lease:
            return
        sent = self.entries(name, page, draws)
        expected = self.attempts[name].save(self.writer(name, page, login), page.epoch, sent, now=self.now)
        raw = self.raw(name, sent)
        self.same(page.send(*(raw if order else raw[::-1])), expected)

    def writer(self, name: str, page: Page, login: str) -> str:
        """Return the login whose lease a page holds: an older lease of the same login is nobody's."""
        return login if page.epoch == self.attempts[name].epoch else "nobody"

    @rule(name=names, ahead=st.sampled_from((-1, 1)))
    def save_under_another_epoch(self, name: str, ahead: int) -> None:
        """The right lease with a wrong epoch is refused."""
        page = self.page(name, LOGINS[0])
        if page.lease and page.epoch + ahead > 0:
            page.epoch += ahead
            self.same(
                page.send(*self.raw(name, [Sent(900, *self.positions[name][0], '"A"')])), (409, "lease.lost")
            )
            page.epoch -= ahead

    @rule(login=often_first, unit=st.integers(0, 3), completed=st.booleans(), draws=draws)
    def advance(
        self, login: str, unit: int, completed: bool, draws: list[tuple[int, str | None, int]]
    ) -> None:
        """End a unit of the skills paper: mostly the one that is open."""
        page, attempt = self.page("skills", login), self.attempts["skills"]
        if not page.lease:
            return
        number = unit or attempt.row.open_unit or 1
        sent = self.entries("skills", page, draws)
        writer = self.writer("skills", page, login)
        expected = attempt.advance(writer, page.epoch, number, sent, completed=completed, now=self.now)
        entries = tuple(self.raw("skills", sent))
        self.same(page.advance(number, completed=completed, entries=entries), expected)

    @rule(name=names, login=often_first, draws=draws)
    def submit(self, name: str, login: str, draws: list[tuple[int, str | None, int]]) -> None:
        """Hand in; the receipt of one closing never changes."""
        page, attempt = self.page(name, login), self.attempts[name]
        if not page.lease:
            return
        sent = self.entries(name, page, draws)
        expected = attempt.submit(self.writer(name, page, login), page.epoch, sent, now=self.now)
        reply = page.submit(*self.raw(name, sent))
        self.same(reply, expected)
        if expected[0] == 200:
            receipt = reply.get_json()["receipt"]
            assert self.receipts.setdefault((name, attempt.closings), receipt) == receipt
            assert datetime.fromisoformat(reply.get_json()["closed_at"]) == attempt.closed_at

    @rule(span=st.sampled_from(SPANS))
    def time_passes(self, span: timedelta) -> None:
        """Let time pass."""
        self.world.clock.advance(span)

    @rule(name=names, edge=st.integers(0, 5), near=st.sampled_from((-MS, timedelta(0), MS)))
    def time_comes_to_an_edge(self, name: str, edge: int, near: timedelta) -> None:
        """Let time pass up to an end of somebody, a millisecond off or on it."""
        attempt = self.attempts[name]
        grace = attempt.life.terms.grace
        unit_at = attempt.row.unit_ends_at or attempt.life.earliest_at()
        edges = [attempt.closes_at, attempt.closes_at + grace, attempt.closes_at + grace + MARGIN]
        edges += [attempt.life.earliest_at(), unit_at, unit_at + grace]
        if edges[edge] + near > self.now:
            self.world.clock.set(edges[edge] + near)

    @rule(back=st.sampled_from((0, 0, 20)))
    def hold(self, back: int) -> None:
        """Hold the room, from now or from a little before."""
        since = (self.now - timedelta(seconds=back)).replace(microsecond=0) if back else self.now
        fields = {"reason_code": "power"}
        if back:
            fields |= {"since": "at", "from_at": f"{(since + timedelta(hours=8)):%H:%M:%S}"}
        reply = self.proctor.act("hold", **fields)
        if since < PLANNED or self.room.held_from is not None or self.room.ended:
            assert reply.status_code in (409, 422), reply.text
            return
        assert reply.status_code == 303, reply.text
        self.room.held_from = since
        for attempt in self.attempts.values():
            if attempt.closed_by == "deadline" and attempt.started and attempt.suspended and back:
                attempt.open_again(self.now)
        self.refresh()

    @rule()
    def resume_room(self) -> None:
        """Let the room go on."""
        reply = self.proctor.act("resume_room", reason="已恢复")
        if self.room.held_from is None or self.room.ended:
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        stop = Stop(self.room.held_from, self.now, room=True)
        self.room.held_from = None
        for attempt in self.attempts.values():
            attempt.life.stops.append(stop)
        self.refresh()

    def refresh(self) -> None:
        """A fact of the room moved everybody's clock."""
        for attempt in self.attempts.values():
            if attempt.under_way:
                attempt.store(self.now)

    @rule(name=names)
    def pause(self, name: str) -> None:
        """Pause one candidate."""
        attempt = self.attempts[name]
        if attempt.started and self.now >= attempt.closes_at:
            return
        reply = self.proctor.act("suspend", name, reason="核对身份")
        running = attempt.under_way and not attempt.suspended
        if not running or self.room.held_from is not None or self.room.ended:
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        attempt.paused_from = self.now
        attempt.store(self.now)

    @rule(name=names)
    def go_on(self, name: str) -> None:
        """Let one candidate go on."""
        attempt = self.attempts[name]
        reply = self.proctor.act("resume", name, reason="已核对")
        if self.room.held_from is not None or self.room.ended or attempt.state != "suspended":
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        assert attempt.paused_from is not None
        attempt.life.stops.append(Stop(attempt.paused_from, self.now, room=False))
        attempt.paused_from = None
        attempt.store(self.now)

    @rule(name=names, minutes=st.integers(1, 9), site_fault=st.booleans())
    def extend(self, name: str, minutes: int, site_fault: bool) -> None:
        """Give one candidate time; a site fault opens again what the deadline closed."""
        attempt = self.attempts[name]
        kind = "site_fault" if site_fault else "general"
        reply = self.proctor.act("adjust", name, kind=kind, minutes=str(minutes), reason_code="network")
        overdue = attempt.started and attempt.closed_by == "deadline"
        if self.room.ended or not (attempt.under_way or (overdue and site_fault)):
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        at = min(self.now, attempt.closed_at) if attempt.closed_at else self.now
        attempt.grant(at, minutes * MINUTE, site_fault=site_fault)
        if attempt.closed_by is None:
            attempt.store(self.now)
        elif attempt.suspended or attempt.closes_at > self.now:
            attempt.open_again(self.now)

    @rule(name=names)
    def force(self, name: str) -> None:
        """强制收卷."""
        attempt = self.attempts[name]
        reply = self.proctor.act("force", name, reason="疑似不适", second="chief_proctor")
        if self.room.ended or attempt.closed_by:
            assert reply.status_code == 409, reply.text
            return
        assert reply.status_code == 303, reply.text
        attempt.close("proctor", self.now)

    @rule(name=names)
    def violation(self, name: str) -> None:
        """A violation that ends the paper."""
        if self.room.ended:
            return
        attempt = self.attempts[name]
        reply = self.proctor.act("violation", name, code="phone_used", reason="当场查获")
        assert reply.status_code == 303, reply.text
        if attempt.closed_by is None:
            attempt.close("violation", self.now)

    @rule(name=names, minutes=st.sampled_from((0, 5)))
    def reopen(self, name: str, minutes: int) -> None:
        """恢复作答 by the chief, while time is left or given with it."""
        attempt = self.attempts[name]
        fields = {"minutes_more": str(minutes), "reason": "误交卷"}
        reply = self.chief.act("reopen", name, second="officer", **fields)
        if self.room.ended or not attempt.closed_by or not attempt.started:
            assert reply.status_code == 409, reply.text
            return
        grants = list(attempt.life.grants)
        if minutes:
            assert attempt.closed_at is not None
            at = min(self.now, attempt.closed_at) if attempt.closed_by == "deadline" else self.now
            attempt.grant(at, minutes * MINUTE, site_fault=False)
        if not attempt.suspended and attempt.closes_at <= self.now:
            assert reply.status_code == 409, reply.text
            attempt.life.grants = grants
            return
        assert reply.status_code == 303, reply.text
        attempt.open_again(self.now)

    @rule(name=names)
    def allow_move(self, name: str) -> None:
        """允许换机."""
        attempt = self.attempts[name]
        reply = self.proctor.act("move", name, reason="机器故障")
        if attempt.closed_by:
            assert reply.status_code == 409, reply.text
            return
        if self.room.ended:
            return
        assert reply.status_code == 303, reply.text
        attempt.may_move = True

    @rule()
    def sweep(self) -> None:
        """The scheduler's turn: what is overdue is closed, moved on and scored."""
        with self.world.app.app_context():
            expire_overdue(now=self.now)
            advance_overdue(now=self.now)
        for attempt in self.attempts.values():
            attempt.sweep(self.now)

    @rule()
    def score(self) -> None:
        """The scheduler scores."""
        with self.world.app.app_context():
            score_closed(now=self.now)
        for attempt in self.attempts.values():
            attempt.scored = attempt.closed_by is not None

    @precondition(lambda self: any(attempt.closed_by for attempt in self.attempts.values()))
    @rule()
    def verify(self) -> None:
        """Everything stored is what was stored: scores, chain, digests, keys (I6, I7, I8)."""
        with self.world.app.app_context():
            assert [check for check in verify_everything() if not check.ok] == []

    @precondition(lambda self: all(attempt.closed_by for attempt in self.attempts.values()))
    @rule()
    def end(self) -> None:
        """End the sitting; it is refused while a gap is undecided."""
        if self.room.ended:
            return
        reply = self.chief.act("end")
        if reply.status_code == 409:
            with self.world.app.app_context(), reading() as session:
                gaps = session.scalars(select(Gap.id).where(Gap.decided_at.is_(None))).all()
            assert gaps, reply.text
            return
        assert reply.status_code == 303, reply.text
        self.room.ended = True

    def same(self, reply: TestResponse, expected: Answer) -> None:
        """Insist on the model's answer."""
        body = reply.get_json()
        assert (reply.status_code, body.get("code", "")) == expected, body

    def same_clock(self, name: str, clock: dict[str, Any]) -> None:
        """Insist that a page is shown the model's end."""
        attempt = self.attempts[name]
        assert datetime.fromisoformat(clock["closes_at"]) == attempt.closes_at
        assert (clock["unit"] or {}).get("number") == attempt.row.open_unit

    @invariant()
    def stored_as_the_model_says(self) -> None:
        """Compare every attempt's row and journal."""
        ids = {self.world.sitters[name].attempt_id: name for name in NAMES}
        with self.world.app.app_context(), reading() as session:
            rows = session.scalars(select(Attempt).where(Attempt.id.in_(ids))).all()
            entries = session.scalars(select(JournalEntry).where(JournalEntry.attempt_id.in_(ids))).all()
            closings = Counter(
                session.scalars(select(AuditEntry.subject).where(AuditEntry.act == "attempt.close"))
            )
        for row in rows:
            attempt = self.attempts[ids[row.id]]
            ends = None if attempt.state == "suspended" else attempt.closes_at
            assert (row.state, row.lease_epoch) == (attempt.state, attempt.epoch), ids[row.id]
            if attempt.under_way:
                assert (row.closes_at, row.open_unit) == (ends, attempt.row.open_unit), ids[row.id]
            assert (row.closed_by, row.closed_at) == (attempt.closed_by, attempt.closed_at), ids[row.id]
            assert closings[f"attempt:{row.ref}"] == attempt.closings
        stored: dict[str, dict[Any, Any]] = {name: {} for name in NAMES}
        for entry in entries:
            key = (entry.lease_epoch, entry.seq)
            stored[ids[entry.attempt_id]][key] = (entry.position, entry.value, entry.received_at)
        assert stored == {name: attempt.journal for name, attempt in self.attempts.items()}

    def teardown(self) -> None:
        """Let go of the database."""
        close_engine(self.world.app)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.database:
            self.postgres.drop(self.database.rsplit("/", 1)[1])


def profile(kind: str) -> settings:
    """Return the fixed few examples, or as many fresh ones as the environment asks for."""
    more = int(os.environ.get("CBT_MACHINE_EXAMPLES", "0"))
    return settings(
        max_examples=more or EXAMPLES[kind],
        stateful_step_count=STEPS if not more else 2 * STEPS,
        derandomize=not more,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if more else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )


def machine(templates: Templates, kind: str, request: pytest.FixtureRequest) -> type[Exam]:
    """Return the machine on one database."""
    server = request.getfixturevalue("postgres") if kind == "postgresql" else None
    return type("Exam", (Exam,), {"templates": templates, "kind": kind, "postgres": server})


def test_the_product_does_what_the_model_says(
    templates: Templates, database_kind: str, request: pytest.FixtureRequest
) -> None:
    run_machine(machine(templates, database_kind, request), settings=profile(database_kind))
