"""One state machine drives the product over HTTP next to a small pure model of the rules.

After each step the answer is compared with the model's, and so is what is stored: states, ends, leases, the
journal entry by entry (I1, I2, I3), closings (I4), the lease (I11); at times scores and the audit chain (I6, I7).

CBT_TEST_MACHINE_EXAMPLES runs so many examples, drawn afresh, instead of the fixed few.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.runner.models import Attempt, JournalEntry
from cbt.storage.unit_of_work import reading
from tests.conftest import Templates
from tests.torture.model import MARGIN, Sent
from tests.torture.office import Office
from tests.torture.side import NAMES

MS = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
LOGINS = ("seat/1", "seat/2", "elsewhere/1")
SPANS = (MS, timedelta(seconds=1), timedelta(seconds=21), MINUTE, 4 * MINUTE, 11 * MINUTE)
EXAMPLES = {"sqlite": 12, "postgresql": 4}
STEPS = 40

names = st.sampled_from(NAMES)
logins = st.sampled_from(LOGINS)
often_first = st.sampled_from((*LOGINS[:1] * 5, *LOGINS[1:]))
texts = st.sampled_from(("A", "B", None))
OFFICE = (
    *("hold", "resume_room", "pause", "go_on", "reopen", "allow_move", "score", "verify"),
    *("resume_room", "go_on", "force", "violation"),
)
draws = st.lists(st.tuples(st.integers(0, 3), texts, st.sampled_from((0, 0, 1, 2, 4))), max_size=3)


class Exam(Office, RuleBasedStateMachine):
    """The product and the model, driven by rules."""

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

    @rule(name=names, draws=draws)
    def save_and_open_again(self, name: str, draws: list[tuple[int, str | None, int]]) -> None:
        """Save and reload: what the page shows then is what counts."""
        self.save(name, LOGINS[0], draws, True)
        self.start(name, LOGINS[0])

    @rule(name=names, place=st.integers(0, 3), together=st.booleans())
    def save_late_what_was_entered_earlier(self, name: str, place: int, together: bool) -> None:
        """An older number of the same position arrives after the newer one: the newer still counts."""
        page = self.page(name, LOGINS[0])
        if not page.lease:
            return
        page.seq += 3
        position, unit = self.positions[name][place % len(self.positions[name])]
        newer, older = Sent(page.seq, position, unit, '"A"'), Sent(page.seq - 1, position, unit, '"B"')
        for sent in ([newer, older],) if together else ([newer], [older]):
            writer = self.writer(name, page, LOGINS[0])
            expected = self.attempts[name].save(writer, page.epoch, sent, now=self.now)
            self.same(page.send(*self.raw(name, sent)), expected)
        self.start(name, LOGINS[0])

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

    @rule(
        name=names,
        edge=st.integers(0, 5),
        near=st.sampled_from((-MS, timedelta(0), MS)),
        swept=st.booleans(),
    )
    def time_comes_to_an_edge(self, name: str, edge: int, near: timedelta, swept: bool) -> None:
        """Let time pass up to an end of somebody, a millisecond off or on it; then perhaps the sweeps run."""
        attempt = self.attempts[name]
        grace = attempt.life.terms.grace
        unit_at = attempt.row.unit_ends_at or attempt.life.earliest_at()
        edges = [attempt.closes_at, attempt.closes_at + grace, attempt.closes_at + grace + MARGIN]
        edges += [attempt.life.earliest_at(), unit_at, unit_at + grace]
        if edges[edge] + near > self.now:
            self.world.clock.set(edges[edge] + near)
        if swept:
            self.sweep()

    @rule(act=st.sampled_from(OFFICE), name=names, number=st.integers(0, 2))
    def staff_acts(self, act: str, name: str, number: int) -> None:
        """Something the room's staff or the scheduler does now and then."""
        match act:
            case "hold":
                self.hold(back=20 if number == 0 else 0)
            case "reopen":
                self.reopen(name, minutes=5 if number == 0 else 0)
            case "resume_room" | "score":
                getattr(self, act)()
            case "verify":
                if any(attempt.closed_by for attempt in self.attempts.values()):
                    self.verify()
            case _:
                getattr(self, act)(name)

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

    @rule(minutes=st.integers(1, 9), site_fault=st.booleans())
    def room_gets_time(self, minutes: int, site_fault: bool) -> None:
        """Give the whole room time."""
        self.extend_room(minutes, site_fault)

    @rule(name=names, minutes=st.integers(1, 9), site_fault=st.booleans())
    def one_gets_time(self, name: str, minutes: int, site_fault: bool) -> None:
        """Give one candidate time."""
        self.extend(name, minutes, site_fault)

    @rule()
    def jobs_run(self) -> None:
        """The scheduler's turn."""
        self.sweep()

    @precondition(lambda self: all(attempt.closed_by for attempt in self.attempts.values()))
    @rule()
    def sitting_ends(self) -> None:
        """End the sitting."""
        self.end()


def profile(kind: str) -> settings:
    """Return the fixed few examples, or as many fresh ones as the environment asks for."""
    more = int(os.environ.get("CBT_TEST_MACHINE_EXAMPLES", "0"))
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
