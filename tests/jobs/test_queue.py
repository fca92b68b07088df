"""The queue of jobs on both databases: who carries one out, what a crash or a cancellation leaves, who sees it."""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from cbt.accounts.models import Staff
from cbt.audit.models import AuditEntry
from cbt.confined.runner import others_turn
from cbt.errors import Conflict, TextId
from cbt.jobs import queue, worker
from cbt.jobs.models import Job, JobPart, JobState
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, init_jobs, job_kinds_of
from cbt.jobs.worker import JobRun, NoLongerHeld, new_holder, run_due
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import put_down_joined, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows
from tests.file_jobs import wait_until
from tests.world import World

PIECES = 4


class Steps:
    """A kind of job that marks its pieces one by one in the log, and stops where it is told to."""

    def __init__(self) -> None:
        self.before: dict[int, Callable[[], None]] = {}
        self.written: list[int] = []
        self.refusal: Exception | None = None

    def run(self, work: Work) -> JobResult:
        """Write the pieces that are not there yet."""
        if self.refusal is not None:
            raise self.refusal
        for number in range(len(self.written), PIECES):
            self.before.get(number, lambda: None)()
            work.in_front(lambda number=number: self._write(number))  # type: ignore[misc]  # a default is a value
            work.tell(number + 1, PIECES)
        return JobResult(
            {"pieces": PIECES}, JobFile("名单.txt", "text/plain", b"x" * (queue.PIECE_BYTES + 7))
        )

    def _write(self, number: int) -> None:
        with unit_of_work() as session:
            session.execute(select(Job.id))
        self.written.append(number)


@pytest.fixture
def steps(world: World) -> Iterator[Steps]:
    """A kind of job of the officers, in the place of the product's."""
    made, former = Steps(), job_kinds_of(world.app)
    own = JobKind("test.own", frozenset({Role.OFFICER}), made.run)
    shared = JobKind("test.shared", frozenset({Role.OFFICER}), made.run, is_shared=True, can_cancel=False)
    init_jobs(world.app, [own, shared])
    yield made
    world.app.extensions["cbt_jobs"] = former


def ask(world: World, kind: str = "test.own", *, role: str = "officer", **asked: Any) -> str:
    """Have a job of somebody wait."""
    with world.app.app_context(), unit_of_work() as session:
        ref = session.scalar(select(Staff.ref).where(Staff.login == role))
        made = queue.put(
            session,
            job_kinds_of(world.app)[kind],
            subject=f"sitting:{world.sitting_ref}",
            asked=asked,
            locale="zh",
            now=world.clock.now(),
            actor=f"staff:{ref}",
        )
        session.flush()
        return made


def row(world: World, ref: str) -> Job:
    """Return how a job stands."""
    with world.app.app_context(), reading() as session:
        return Job.by_ref(session, ref, unknown="jobs.unknown")


def due(world: World) -> int:
    """Have everything done that is due."""
    with world.app.app_context():
        return run_due(now=world.clock.now())


def claimed(world: World) -> JobRun:
    """Return a job that a worker took; it is carried out when the test says so."""
    with world.app.app_context():
        job = queue.claim(new_holder(), now=world.clock.now(), kinds=job_kinds_of(world.app).codes)
        assert job is not None
        return JobRun(job, now=world.clock.now())


def test_a_job_is_done_once_and_its_file_kept_sealed(world: World, steps: Steps) -> None:
    ref = ask(world)
    assert due(world) == 1
    assert due(world) == 0
    done = row(world, ref)
    assert (done.state, done.done, done.tries, steps.written) == (JobState.DONE, 0, 1, [0, 1, 2, 3])
    with world.app.app_context(), reading() as session:
        file = queue.file_of(session, done, now=world.clock.now())
        parts = session.scalars(select(JobPart.sealed)).all()
    assert (file.name, len(file.body), len(parts)) == ("名单.txt", queue.PIECE_BYTES + 7, 3)
    assert not any(b"xxxx" in part or "名单".encode() in part for part in parts)


def test_who_asks_twice_gets_the_same_job_and_another_person_one_of_their_own(
    world: World, steps: Steps
) -> None:
    first = ask(world, about=1)
    assert ask(world, about=1) == first
    assert len({first, ask(world, about=2), ask(world, about=1, role="chief")}) == 3
    shared = ask(world, "test.shared")
    assert ask(world, "test.shared", role="chief") == shared


@pytest.mark.parametrize(
    ("silent", "taken"),
    [
        pytest.param(queue.HELD, False, id="to the second"),
        pytest.param(queue.HELD + timedelta(seconds=1), True, id="a second more"),
    ],
)
def test_a_job_whose_worker_is_silent_is_taken_over_and_the_other_writes_no_more(
    world: World, steps: Steps, silent: timedelta, taken: bool
) -> None:
    ref, lost = ask(world), claimed(world)
    steps.written.append(0)  # what the first worker wrote before it fell silent
    world.clock.advance(silent)
    assert due(world) == int(taken)
    assert steps.written == ([0, 1, 2, 3] if taken else [0])
    assert row(world, ref).tries == 1 + taken
    if taken:
        with world.app.app_context(), pytest.raises(NoLongerHeld):
            lost.in_front(lambda: steps._write(9))
        assert 9 not in steps.written


def test_a_sign_of_life_keeps_a_job_and_says_how_far_it_is(world: World, steps: Steps) -> None:
    ref, run = ask(world), claimed(world)
    world.clock.advance(queue.HELD)
    with world.app.app_context():
        assert queue.keep_hold(run.job, done=3, total=7, now=world.clock.now())
    world.clock.advance(queue.HELD)
    assert due(world) == 0
    assert (row(world, ref).done, row(world, ref).total) == (3, 7)
    world.clock.advance(timedelta(seconds=1))
    assert due(world) == 1
    with world.app.app_context():
        assert not queue.keep_hold(run.job, done=4, total=7, now=world.clock.now())


def test_a_job_whose_workers_keep_dying_is_given_up(world: World, steps: Steps) -> None:
    ref = ask(world)
    for _ in range(queue.MOST_TRIES):
        claimed(world)
        world.clock.advance(queue.HELD + timedelta(seconds=1))
    assert due(world) == 0
    assert (row(world, ref).state, row(world, ref).error) == (JobState.FAILED, "jobs.died")


def test_nothing_is_written_once_a_job_is_cancelled(world: World, steps: Steps) -> None:
    ref = ask(world)
    officer = world.staff("officer")
    steps.before[2] = lambda: _checked(officer.post(f"/jobs/{ref}/cancel").status_code)
    assert due(world) == 1
    assert (row(world, ref).state, steps.written) == (JobState.CANCELLED, [0, 1])
    with world.app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(JobPart)) == 0


def _checked(status: int) -> None:
    assert status == 303


def test_a_parcel_of_a_job_that_another_worker_has_is_not_put_down(world: World, steps: Steps) -> None:
    ref, lost = ask(world), claimed(world)

    def say(page: str) -> bool:
        rows = Rows("UPDATE job SET page = ?", [(page,)])
        with world.app.app_context():
            return lost.held(lambda: put_down_joined(rows))

    assert say("/held")
    world.clock.advance(queue.HELD + timedelta(seconds=1))
    assert due(world) == 1
    with pytest.raises(NoLongerHeld):
        say("/lost")
    assert row(world, ref).page == "/held"


def test_a_job_without_a_worker_says_by_itself_how_far_it_is(
    world: World, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.0)
    ref, seen = ask(world), list[int]()
    steps.before[3] = lambda: seen.append(row(world, ref).done)
    assert due(world) == 1
    assert seen == [3]


def test_a_refusal_is_kept_with_all_that_it_says_and_tried_again(world: World, steps: Steps) -> None:
    ref = ask(world)
    steps.refusal = Conflict(
        "draw.no_bank", names=["甲", "乙"], state=TextId("sitting.state.draft"), at=world.clock.now()
    )
    assert due(world) == 1
    failed = row(world, ref)
    told = queue.error_of(failed)
    assert (type(told), told.code, told.params) == (Conflict, "draw.no_bank", steps.refusal.params)
    assert isinstance(told.params["state"], TextId)
    steps.refusal = None
    assert world.staff("officer").post(f"/jobs/{ref}/retry").status_code == 303
    assert (due(world), row(world, ref).state) == (1, JobState.DONE)
    with world.app.app_context(), reading() as session:
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.subject == f"job:{ref}")).all()
    assert acts == ["job.start", "job.retry"]


def test_whoever_lost_the_role_gets_nothing_done(world: World, steps: Steps) -> None:
    ref = ask(world, role="proctor1")
    assert due(world) == 1
    assert (row(world, ref).error, steps.written) == ("jobs.no_right", [])


def test_a_broken_job_says_so_and_the_next_one_is_done(
    world: World, steps: Steps, caplog: pytest.LogCaptureFixture
) -> None:
    broken = ask(world, about=1)
    steps.refusal = RuntimeError("broken")
    assert due(world) == 1
    assert row(world, broken).error == "jobs.broke"
    steps.refusal = None
    ask(world, about=2)
    assert due(world) == 1


def test_a_job_that_gave_way_to_another_transaction_waits_for_its_turn(world: World, steps: Steps) -> None:
    ref = ask(world)
    steps.refusal = OperationalError("UPDATE", {}, psycopg.errors.DeadlockDetected("deadlock detected"))
    assert due(world) == 0
    assert (row(world, ref).state, row(world, ref).error) == (JobState.WAITING, "")
    steps.refusal = None
    assert due(world) == 1


def test_files_go_after_a_day_and_rows_after_a_month(world: World, steps: Steps) -> None:
    ref = ask(world)
    due(world)
    for span, parts, rows in ((queue.FILES_KEPT, 0, 1), (queue.KEPT - queue.FILES_KEPT, 0, 0)):
        world.clock.advance(span - timedelta(seconds=1))
        purge(world)
        assert count(world, Job) == 1
        world.clock.advance(timedelta(seconds=1))
        purge(world)
        assert (count(world, JobPart), count(world, Job)) == (parts, rows)
        assert world.staff("officer").get(f"/jobs/{ref}/file.txt").status_code == 404


def purge(world: World) -> None:
    """Forget what is old."""
    with world.app.app_context():
        queue.purge_jobs(now=world.clock.now(), most=100)


def count(world: World, table: type[Job | JobPart]) -> int:
    """Return how many rows there are."""
    with world.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_one_sees_ones_own_jobs_and_those_of_the_office_and_no_other(world: World, steps: Steps) -> None:
    own, office = ask(world), ask(world, "test.shared")
    due(world)
    officer, others = world.staff("officer"), world.staff("author")
    listed = officer.get("/jobs").get_data(as_text=True)
    assert re.findall(r"/jobs/(jo-\w+)", listed) == [office, own]
    assert "jo-" not in others.get("/jobs").get_data(as_text=True)
    for ref in (own, office):
        for part in ("", "/card", "/file.txt"):
            assert officer.get(f"/jobs/{ref}{part}").status_code == 200
            assert others.get(f"/jobs/{ref}{part}").status_code == 404
        assert others.post(f"/jobs/{ref}/cancel").status_code == 404
        assert others.post(f"/jobs/{ref}/retry").status_code == 404


def test_a_kind_that_cannot_be_cancelled_goes_on(world: World, steps: Steps) -> None:
    ref = ask(world, "test.shared")
    page = world.staff("officer").post(f"/jobs/{ref}/cancel", follow_redirects=True)
    assert "不能取消" in page.get_data(as_text=True)
    assert (due(world), row(world, ref).state) == (1, JobState.DONE)


def test_what_a_job_computes_is_behind_and_what_it_writes_is_in_front(
    world: World, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind, seen = set[int](), list[bool]()
    monkeypatch.setattr(worker, "take_longer", lambda: None)  # of this process, which has others to serve
    monkeypatch.setattr(worker, "give_way", lambda **_holds: behind.add(threading.get_ident()))

    def look() -> None:
        seen.append(threading.get_ident() in behind)

    def write(number: int) -> None:
        look()
        steps.written.append(number)

    steps.before[1] = look
    monkeypatch.setattr(steps, "_write", write)
    ref, crew = ask(world), worker.Worker(world.app)
    thread = threading.Thread(target=crew.run)
    thread.start()
    wait_until(lambda: row(world, ref).state == JobState.DONE)
    crew.end()
    thread.join()
    assert seen == [False, True, False, False, False]


def test_jobs_of_one_worker_compute_and_write_one_after_another_and_wait_together(
    world: World, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "take_longer", lambda: None)  # of this process, which has others to serve
    monkeypatch.setattr(worker, "give_way", lambda **_holds: None)
    at_it, most, both, pause = list[int](), list[int](), threading.Barrier(2), threading.Event()
    collecting = list[bool]()

    def compute() -> None:
        at_it.append(1)
        most.append(len(at_it))
        collecting.append(gc.isenabled())
        pause.wait(0.02)
        at_it.pop()

    def run(work: Work) -> JobResult:
        for _ in range(2):
            with others_turn():
                both.wait(10)  # neither could come here while the other had the turn
            compute()
            work.in_front(compute)
        return JobResult({})

    init_jobs(world.app, [JobKind("test.own", frozenset({Role.OFFICER}), run)])
    refs = [ask(world, number=number) for number in range(2)]
    crew = worker.Worker(world.app)
    thread = threading.Thread(target=crew.run)
    thread.start()
    wait_until(lambda: {row(world, ref).state for ref in refs} == {JobState.DONE})
    crew.end()
    thread.join()
    assert (len(most), set(most)) == (8, {1})
    assert (
        sorted(collecting) == [False] * 4 + [True] * 4
    )  # nothing is collected in the middle of a unit of work
