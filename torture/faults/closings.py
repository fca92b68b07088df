"""The deadline when something is wrong: a poisoned attempt, no scheduler, two of them, everybody at once.

Served in this process with a clock that is set, by several threads where they race.

Source: I2, I4; R-21, R-28, R-29.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import flask
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.clock import SystemClock
from cbt.rules.states import ClosedBy, State
from cbt.runner.close.closure import close_attempts, expire_overdue
from cbt.runner.models import Attempt
from cbt.scoring.service import score_closed
from cbt.storage.unit_of_work import reading, unit_of_work
from torture.browsers.driver import Driver, driver
from torture.browsers.local import LocalBrowser, SetClock
from torture.sites.site import LASTS, Site
from torture.trial import Trial

ANSWERS = 6
GRACE = timedelta(seconds=3)
JUST = timedelta(milliseconds=1)
SWEPT_AFTER = GRACE + timedelta(seconds=2)


@contextmanager
def _everybody(trial: Trial, site: Site, clock: SetClock) -> Iterator[list[LocalBrowser]]:
    """Let everybody open their paper and answer, in this process; some answers wait to be sent."""
    with site.app(clock) as app:
        browsers = [
            LocalBrowser(person, app, site.ledger, random.Random(f"{trial.seed}/{person.attempt_ref}"))
            for person in site.people
        ]
        for browser in browsers:
            browser.open()
            browser.write(ANSWERS)
            browser.save(browser.pending[:4])
        yield browsers


def _times(trial: Trial) -> Iterator[tuple[Site, datetime, SetClock]]:
    """Yield a fresh site, its deadline, and a clock that stands a minute after the start."""
    for _ in range(trial.times):
        started_at = SystemClock().now() - LASTS - timedelta(minutes=1)
        site = trial.site(started_at=started_at)
        yield site, started_at + LASTS, SetClock(started_at + timedelta(minutes=1))
        trial.judge(site)
        trial.builder.discard(site)


def poisoned(trial: Trial) -> None:
    """One attempt that the database refuses to close, one that cannot be scored: the others are."""
    for site, closes_at, clock in _times(trial):
        with _everybody(trial, site, clock) as browsers:
            victim, unscorable = (one.person.attempt_id for one in browsers[-2:])
            swept_at = closes_at + SWEPT_AFTER
            former = _spoil_form(unscorable)
            _poison(victim)
            trial.injected(2)
            closed = expire_overdue(now=swept_at)
            trial.expect(closed == len(browsers) - 1, "I4", f"{closed} closed beside a poisoned attempt")
            scored = score_closed(now=swept_at)
            trial.expect(scored == len(browsers) - 2, "I4", f"{scored} scored beside a poisoned attempt")
            _cure(victim)
            _set_form(unscorable, former)
            trial.expect(expire_overdue(now=swept_at) == 1, "I4", "the cured attempt was not closed")
            score_closed(now=swept_at)
            _expect_ends(trial, closes_at)


def _poison(attempt_id: int) -> None:
    """Make the database refuse every change of one attempt."""
    with unit_of_work() as session:
        for line in _poison_lines(session, attempt_id):
            session.execute(text(line))


def _poison_lines(session: Session, attempt_id: int) -> Sequence[str]:
    if session.get_bind().dialect.name == "sqlite":
        return [
            f"CREATE TRIGGER poison BEFORE UPDATE ON attempt WHEN old.id = {attempt_id} "
            "BEGIN SELECT raise(ABORT, 'poisoned'); END"
        ]
    return [
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'poisoned'; END $$",
        "CREATE TRIGGER poison BEFORE UPDATE ON attempt FOR EACH ROW "
        f"WHEN (old.id = {attempt_id}) EXECUTE FUNCTION poison()",
    ]


def _cure(_attempt_id: int) -> None:
    with unit_of_work() as session:
        embedded = session.get_bind().dialect.name == "sqlite"
        session.execute(text("DROP TRIGGER poison" if embedded else "DROP TRIGGER poison ON attempt"))


def _spoil_form(attempt_id: int) -> int:
    """Give one attempt a form that cannot be read; return the id of the former."""
    with unit_of_work() as session:
        former = session.scalars(
            select(Form).join(Attempt, Attempt.form_id == Form.id).where(Attempt.id == attempt_id)
        ).one()
        columns = {name: getattr(former, name) for name in _FORM_COLUMNS}
        spoiled = Form(**columns, ref=f"{former.ref[:30]}_spoiled", content="{")
        session.add(spoiled)
        session.flush()
        session.execute(update(Attempt).where(Attempt.id == attempt_id).values(form_id=spoiled.id))
        return former.id


_FORM_COLUMNS = ("blueprint_version_id", "paper", "bank_id", "bank_revision", "seed", "sha256", "drawn_at")


def _set_form(attempt_id: int, form_id: int) -> None:
    with unit_of_work() as session:
        session.execute(update(Attempt).where(Attempt.id == attempt_id).values(form_id=form_id))
        session.execute(text("DELETE FROM form WHERE content = '{'"))


def scheduler_dead(trial: Trial) -> None:
    """Nobody sweeps: saves and 交卷 end at the deadline and its grace all the same; the sweep comes later."""
    for site, closes_at, clock in _times(trial):
        with _everybody(trial, site, clock) as browsers:
            trial.injected()
            for after, accepted in ((GRACE - JUST, True), (GRACE, False), (timedelta(minutes=5), False)):
                clock.at = closes_at + after
                statuses = {one.save(one.pending[:1]).status for one in browsers if one.unit is None}
                wanted = {200} if accepted else {410}
                trial.expect(
                    statuses == wanted, "I2", f"{after} after the end saves were answered {statuses}"
                )
            statuses = {one.submit().status for one in browsers if one.unit is None}
            trial.expect(statuses == {410}, "I2", f"a hand-in after the end was answered {statuses}")
            trial.expect(_closed(State.CLOSED) == 0, "I4", "somebody closed without a scheduler")
            closed = expire_overdue(now=clock.at)
            trial.expect(closed == len(browsers), "I4", f"{closed} closed when the scheduler came back")
            _expect_ends(trial, closes_at)


def scheduler_two(trial: Trial) -> None:
    """Two processes close and score everybody at the same moment: each attempt once."""
    for site, closes_at, clock in _times(trial):
        with _everybody(trial, site, clock) as browsers:
            due = closes_at + SWEPT_AFTER
            with driver(site.settings) as one, driver(site.settings) as two:
                both = (one, two)
                trial.injected(2)
                closed = _at_once(both, "close", now=due)
                trial.expect(closed == len(browsers), "I4", f"two schedulers closed {closed}")
                scored = _at_once(both, "score", now=due)
                trial.expect(scored == len(browsers), "I4", f"two schedulers scored {scored}")
            _expect_ends(trial, closes_at)


def _at_once(drivers: Sequence[Driver], job: str, **arguments: Any) -> int:
    for one in drivers:
        one.tell(job, **arguments)
    return sum(one.answer() for one in drivers)


def submit_race(trial: Trial) -> None:
    """交卷 in the last millisecond of the grace, 强制收卷 and the deadline's sweep, all at once."""
    for site, closes_at, clock in _times(trial):
        with _everybody(trial, site, clock) as browsers, site.app(SetClock(closes_at)) as sweeping:
            clock.at = closes_at + GRACE - JUST
            leaving = [one for one in browsers if one.unit is None]
            _race([one.submit for one in leaving], leaving, sweeping, closes_at)
            trial.injected(len(leaving))
            expire_overdue(now=closes_at + SWEPT_AFTER)
            trial.expect(_closed(State.CLOSED) == len(browsers), "I4", "not everybody is closed")
            for one in leaving:
                one.over = False
                trial.expect(one.submit().status in (200, 410), "I4", "a repeated hand-in was refused")


def _race(
    submits: Sequence[Callable[[], object]],
    leaving: Sequence[LocalBrowser],
    app: flask.Flask,
    closes_at: datetime,
) -> None:
    """Let everybody hand in while every third is closed by force and the sweep comes."""
    forced = [one.person.attempt_id for one in leaving[::3]]
    jobs = [
        *submits,
        _within(app, lambda: expire_overdue(now=closes_at + SWEPT_AFTER)),
        _within(app, lambda: _force(forced, now=closes_at + GRACE - JUST)),
    ]
    barrier = threading.Barrier(len(jobs))
    threads = [threading.Thread(target=_after, args=(barrier, job)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _within(app: flask.Flask, job: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with app.app_context():
            return job()

    return run


def _after(barrier: threading.Barrier, job: Callable[[], object]) -> None:
    barrier.wait()
    job()


def _force(attempt_ids: Sequence[int], *, now: datetime) -> None:
    with unit_of_work() as session:
        rows = list(session.scalars(select(Attempt).where(Attempt.id.in_(attempt_ids))))
        close_attempts(session, rows, now=now, closed_at=now, closed_by=ClosedBy.PROCTOR, actor="cli")


def _closed(state: State) -> int:
    with reading() as session:
        return int(session.scalar(select(func.count()).where(Attempt.state == state)) or 0)


def _expect_ends(trial: Trial, closes_at: datetime) -> None:
    """Whoever the deadline closed finished at the deadline, not when somebody came to close."""
    with reading() as session:
        ends = set(session.scalars(select(Attempt.closed_at).where(Attempt.closed_by == ClosedBy.DEADLINE)))
    trial.expect(ends == {closes_at}, "I5", f"the deadline {closes_at} closed at {ends}")
