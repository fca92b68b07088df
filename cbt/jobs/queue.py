"""The queue of jobs: every change of a job's row, each in one unit of work that repeats the state it relies on.

A job is cancelled by its state alone: whoever carries it out asks in each of its units of work whether the row is
still its own (`is_held`), so that nothing is written once it is cancelled, or taken over by another worker.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime, timedelta
from pathlib import PurePath
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from cbt import errors
from cbt.audit import chain
from cbt.errors import CbtError, Conflict, NotFound, TextId
from cbt.http.auth.login import Principal
from cbt.jobs.models import OPEN, Job, JobPart, JobState
from cbt.jobs.registry import JobFile, JobKind, JobKinds, job_kinds
from cbt.rules.canonical import canonical_json
from cbt.storage.crypto import open_bytes, seal_bytes
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, one_writes, put_down, put_down_in

HELD = timedelta(seconds=20)
"""Whoever gives no sign of life for so long has lost the job to another worker."""
MOST_TRIES = 3
"""A job whose worker ended without a word is begun so often; what ended it would end it again."""
FILES_KEPT = timedelta(hours=24)
KEPT = timedelta(days=30)
"""The row of a job that is over stays for so long: what became of it is asked for days later."""
PURPOSE = "job-file"
PIECE_BYTES = 512 * 1024
"""So much of a file is written in one unit of work."""
GONE_AT_ONCE = 4
"""So many pieces are deleted in one unit of work."""


def this_machine() -> str:
    """Return what a job is about that is carried out on this machine and no other."""
    return f"server:{platform.node()}"[:120]


def open_ref(
    session: Session, kind: JobKind, *, subject: str, asked: Mapping[str, Any], locale: str, actor: str
) -> str:
    """Return the ref of the job that was asked for with the same words and goes on, "" for none."""
    same = select(Job.ref).where(
        Job.kind == kind.code,
        Job.subject == subject,
        Job.asked == canonical_json(asked),
        Job.state.in_(OPEN),
    )
    if not kind.is_shared:
        same = same.where(Job.actor == actor, Job.locale == locale)
    return session.scalar(same.limit(1)) or ""


def has_open(session: Session, actor: str) -> bool:
    """Return whether somebody has a job that goes on."""
    mine = select(Job.id).where(Job.actor == actor, Job.state.in_(OPEN))
    return session.scalar(mine.limit(1)) is not None


def put(
    session: Session,
    kind: JobKind,
    *,
    subject: str,
    asked: Mapping[str, Any],
    page: str = "",
    locale: str = "",
    now: datetime,
    actor: str,
) -> str:
    """Have a job wait for a worker and return its ref; who asks again while it is open gets the same one."""
    there = open_ref(session, kind, subject=subject, asked=asked, locale=locale, actor=actor)
    if there:
        return there
    row = Job(
        ref=new_ref("jo"), kind=kind.code, subject=subject[:120], asked=canonical_json(asked), page=page[:300],
        actor=actor, locale=locale, state=JobState.WAITING, at=now,
    )  # fmt: skip
    session.add(row)
    if kind.is_act:
        _record(session, "job.start", row, now=now, actor=actor)
    return row.ref


def _record(session: Session, act: str, job: Job, *, now: datetime, actor: str) -> None:
    after = {"kind": job.kind, "subject": job.subject}
    chain.record(session, at=now, actor=actor, act=act, subject=job.logged_as, after=after)


def claim(
    holder: str,
    *,
    now: datetime,
    kinds: Collection[str],
    ref: str = "",
    tries: int = MOST_TRIES,
    busy: Collection[str] = (),
    turn: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Job | None:
    """Take the oldest job of these kinds that waits, or whose worker is gone, for `holder`; None where none is.

    `ref` names the only one that is wanted; of people who are `busy` none is taken that may take minutes. One whose
    workers ended too often is put down as failed. It is taken within `turn`.
    """
    abandoned = (Job.state == JobState.WORKING) & (Job.held_until < now)
    is_due = or_(Job.state == JobState.WAITING, abandoned) & Job.kind.in_(kinds)
    is_due &= Job.kind.not_in(job_kinds().local) | (Job.subject == this_machine())
    if busy:
        is_due &= Job.kind.not_in(job_kinds().lasting) | Job.actor.not_in(busy)
    if ref:
        is_due &= Job.ref == ref
    with reading() as session:
        if session.scalar(select(Job.id).where(is_due).limit(1)) is None:
            return None
    with turn(), unit_of_work() as session:
        died = is_due & (Job.tries >= tries)
        session.execute(
            update(Job)
            .where(died)
            .values(state=JobState.FAILED, error="jobs.died", params="{}", holder="", ended_at=now)
            .execution_options(synchronize_session=False)
        )
        oldest = select(Job.id).where(is_due).order_by(Job.id).limit(1).with_for_update(skip_locked=True)
        taken = session.scalars(
            update(Job)
            .where(Job.id == oldest.scalar_subquery())
            .values(
                state=JobState.WORKING,
                holder=holder,
                held_until=now + HELD,
                tries=Job.tries + 1,
                done=0,
                total=0,
            )
            .returning(Job)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if taken is not None:
            session.expunge(taken)
        return taken


def _held(job: Job) -> ColumnElement[bool]:
    return (Job.id == job.id) & (Job.holder == job.holder) & (Job.state == JobState.WORKING)


def is_held(session: Session, job: Job) -> bool:
    """Return whether whoever claimed a job may still write for it; it stays so until the unit of work ends."""
    return session.scalar(select(Job.id).where(_held(job)).with_for_update()) is not None


def was_held(job: Job) -> bool:
    """Return whether whoever claimed a job might write for it just now."""
    with reading() as session:
        return session.scalar(select(Job.id).where(_held(job))) is not None


def while_held(job: Job) -> Rows:
    """Return what keeps out whatever is put down with it once a job is no longer held by whoever claimed it."""
    sql = "UPDATE job SET holder = holder WHERE id = ? AND holder = ? AND state = ?"
    return Rows(sql, [(job.id, job.holder, JobState.WORKING.value)], touches=1)


def keep_hold(job: Job, *, done: int, total: int, now: datetime) -> bool:
    """Give a sign of life and say how far a job is; return whether it is still held."""
    sql = "UPDATE job SET done = ?, total = ?, held_until = ? WHERE id = ? AND holder = ? AND state = ?"
    values = (done, total, now + HELD, job.id, job.holder, JobState.WORKING.value)
    rows = Rows(sql, [values], touches=1)
    if one_writes():
        return put_down(rows)
    with unit_of_work() as session:
        return put_down_in(session, rows)


def so_far_rows(job: Job, so_far: Mapping[str, Any]) -> Rows:
    """Return what keeps how far a job is with a piece of it; neither is put down where it is no longer held."""
    sql = "UPDATE job SET outcome = ? WHERE id = ? AND holder = ? AND state = ?"
    return Rows(sql, [(canonical_json(so_far), job.id, job.holder, JobState.WORKING.value)], touches=1)


def give_back(job: Job) -> None:
    """Have a job that this worker does not end wait for another one: it did not fail."""
    with unit_of_work() as session:
        session.execute(
            update(Job)
            .where(_held(job))
            .values(state=JobState.WAITING, holder="", held_until=None, tries=Job.tries - 1)
            .execution_options(synchronize_session=False)
        )


def end(
    session: Session, job: Job, outcome: Mapping[str, Any], *, file: JobFile | None, now: datetime
) -> bool:
    """Put down that a job is done, and which file was kept; return whether it was still held."""
    kept = {"file_bytes": len(file.body), "file_ending": PurePath(file.name).suffix[1:10]} if file else {}
    values = {"state": JobState.DONE, "outcome": canonical_json(outcome), "ended_at": now, "held_until": None}
    ended = update(Job).where(_held(job)).values(**values, done=Job.total, **kept)
    return session.scalar(ended.returning(Job.id)) is not None


def fail(session: Session, job: Job, error: CbtError, *, now: datetime) -> bool:
    """Put down why a job came to nothing; return whether it was still held."""
    dumps = json.dumps({"class": type(error).__name__, "params": _kept(error.params)}, ensure_ascii=False)
    failed = update(Job).where(_held(job)).values(
        state=JobState.FAILED, error=error.code[:60], params=dumps, ended_at=now, held_until=None
    )  # fmt: skip
    return session.scalar(failed.returning(Job.id)) is not None


def error_of(job: Job) -> CbtError:
    """Return the error that a job ended with."""
    params = json.loads(job.params)
    kind = getattr(errors, str(params.get("class", "")), Conflict)
    error: CbtError = kind(
        job.error, **{name: _read(value) for name, value in params.get("params", {}).items()}
    )
    return error


def _kept(value: object) -> object:
    """Return a parameter of an error as JSON can hold it; what tells its kind is written beside it."""
    match value:
        case TextId():
            return {"$text": str(value)}
        case datetime():
            return {"$at": value.isoformat()}
        case date():
            return {"$on": value.isoformat()}
        case Mapping():
            return {str(name): _kept(part) for name, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_kept(part) for part in value]
        case str() | int() | float() | bool() | None:
            return value
        case _:
            return str(value)


def _read(value: Any) -> object:
    """Return a parameter that was kept."""
    match value:
        case {"$text": text}:
            return TextId(text)
        case {"$at": instant}:
            return datetime.fromisoformat(instant)
        case {"$on": day}:
            return date.fromisoformat(day)
        case dict():
            return {name: _read(part) for name, part in value.items()}
        case list():
            return [_read(part) for part in value]
        case _:
            return value


def cancel(ref: str, *, principal: Principal, now: datetime) -> None:
    """Have a job that somebody sees not be carried out any further.

    Raise Conflict("jobs.over") for one that has ended, ("jobs.not_cancelled") for one of a kind that goes on.
    """
    with unit_of_work() as session:
        job = job_of(session, ref, job_kinds(), principal)
        if not job_kinds()[job.kind].can_cancel:
            raise Conflict("jobs.not_cancelled")
        _move(session, job, OPEN, state=JobState.CANCELLED, ended_at=now, holder="", held_until=None)
        _record(session, "job.cancel", job, now=now, actor=principal.logged_as)


def stop(session: Session, refs: Collection[str], *, now: datetime) -> None:
    """Have jobs be carried out no further, as far as they go on: what they are about is gone, or asked for anew."""
    over = {"state": JobState.CANCELLED, "ended_at": now, "holder": "", "held_until": None}
    stopped = update(Job).where(Job.ref.in_(refs), Job.state.in_(OPEN)).values(over)
    session.execute(stopped.execution_options(synchronize_session=False))


def count_before(session: Session, job: Job, kinds: Collection[str]) -> int:
    """Return how many jobs of some kinds that were asked for before another one are not over."""
    before = (Job.id < job.id) & Job.kind.in_(kinds) & Job.state.in_(OPEN)
    return session.scalar(select(func.count()).select_from(Job).where(before)) or 0


def retry(ref: str, *, principal: Principal, now: datetime) -> None:
    """Have a job that came to nothing wait again, in the right of whoever wants that.

    Raise Conflict("jobs.not_over") for any other, ("jobs.not_retried") for one of a kind that is not tried again,
    ("jobs.asked_again") where the same was asked for meanwhile and goes on.
    """
    fresh = {"tries": 0, "done": 0, "total": 0, "error": "", "params": "{}", "holder": "", "held_until": None}
    with unit_of_work() as session:
        job = job_of(session, ref, job_kinds(), principal)
        kind, actor, locale = job_kinds()[job.kind], principal.logged_as, job.locale
        if not kind.can_retry:
            raise Conflict("jobs.not_retried")
        same = {"subject": job.subject, "asked": json.loads(job.asked), "locale": locale, "actor": actor}
        if not job.is_open and open_ref(session, kind, **same):
            raise Conflict("jobs.asked_again")
        states = (JobState.FAILED, JobState.CANCELLED)
        _move(session, job, states, state=JobState.WAITING, actor=actor, ended_at=None, **fresh)
        _record(session, "job.retry", job, now=now, actor=actor)


def _move(session: Session, job: Job, states: Sequence[JobState], **values: object) -> None:
    moved = update(Job).where(Job.id == job.id, Job.state.in_(states)).values(**values).returning(Job.id)
    if session.scalar(moved.execution_options(synchronize_session=False)) is None:
        raise Conflict("jobs.over" if states is OPEN else "jobs.not_over")


def may_see(job: Job, kinds: JobKinds, principal: Principal) -> bool:
    """Return whether somebody sees a job: their own, or the office's; and has the roles for it."""
    kind = kinds.get(job.kind)
    if kind is None or not principal.has(*kind.roles):
        return False
    return kind.is_shared or job.actor == principal.logged_as


def job_of(session: Session, ref: str, kinds: JobKinds, principal: Principal) -> Job:
    """Return a job that somebody sees; raise NotFound("jobs.unknown")."""
    job = Job.by_ref(session, ref, unknown="jobs.unknown")
    if not may_see(job, kinds, principal):
        raise NotFound("jobs.unknown")
    return job


def jobs_seen(kinds: JobKinds, principal: Principal) -> ColumnElement[bool]:
    """Return which rows somebody sees."""
    theirs = [kind for kind in map(kinds.get, kinds.codes) if kind is not None and principal.has(*kind.roles)]
    shared = [kind.code for kind in theirs if kind.is_shared]
    own = [kind.code for kind in theirs if not kind.is_shared]
    return Job.kind.in_(shared) | (Job.kind.in_(own) & (Job.actor == principal.logged_as))


def file_pieces(file: JobFile) -> Iterator[bytes]:
    """Yield the sealed pieces of a file: its name first, which may be a person's."""
    head = canonical_json({"name": file.name, "mimetype": file.mimetype}).encode()
    yield seal_bytes(head, PURPOSE)
    for start in range(0, len(file.body), PIECE_BYTES):
        yield seal_bytes(file.body[start : start + PIECE_BYTES], PURPOSE)


def has_file(job: Job, *, now: datetime) -> bool:
    """Return whether there is a file of a job to be fetched."""
    ended = job.ended_at if job.state == JobState.DONE and job.file_bytes else None
    return ended is not None and now < ended + FILES_KEPT


def file_of(session: Session, job: Job, *, now: datetime) -> JobFile:
    """Return the file of a job; raise NotFound("jobs.no_file") for none, or once its time is over."""
    if not has_file(job, now=now):
        raise NotFound("jobs.no_file")
    parts = session.scalars(
        select(JobPart.sealed).where(JobPart.job_id == job.id).order_by(JobPart.number)
    ).all()
    if not parts:
        raise NotFound("jobs.no_file")
    head, *bodies = (open_bytes(part, PURPOSE) for part in parts)
    named = json.loads(head)
    return JobFile(named["name"], named["mimetype"], b"".join(bodies))


def fetch(ref: str, ending: str, *, principal: Principal, now: datetime) -> JobFile:
    """Return the file of a job to whoever may still see it; raise like `job_of` and `file_of`.

    One that goes with the first who fetches it has no address: it is taken (`take`).
    """
    with reading() as session:
        job = job_of(session, ref, job_kinds(), principal)
        if ending != job.file_ending or job_kinds()[job.kind].is_once:
            raise NotFound("jobs.no_file")
        return file_of(session, job, now=now)


def take(ref: str, *, principal: Principal, now: datetime) -> JobFile:
    """Return the file of a job and forget it; of two who take it at once one gets it. Raise like `fetch`."""
    with reading() as session:
        job = job_of(session, ref, job_kinds(), principal)
        file = file_of(session, job, now=now)
    give_out(job)
    return file


def give_out(job: Job) -> None:
    """Have the file of a job, which was read, be nobody's from now on; raise NotFound("jobs.no_file") if it was."""
    with unit_of_work() as session:
        given = update(Job).where(Job.id == job.id, Job.file_bytes > 0).values(file_bytes=0).returning(Job.id)
        if session.scalar(given.execution_options(synchronize_session=False)) is None:
            raise NotFound("jobs.no_file")
    drop_parts([job.id])


def drop_parts(job_ids: Sequence[int]) -> None:
    """Delete the files of jobs, a few pieces at a time."""
    with reading() as session:
        parts = session.scalars(select(JobPart.id).where(JobPart.job_id.in_(job_ids))).all()
    for piece in pieces_of(parts, size=GONE_AT_ONCE):
        with unit_of_work() as session:
            session.execute(delete(JobPart).where(JobPart.id.in_(piece)))


def forget_files() -> None:
    """Forget every file that waits to be fetched: it may hold somebody who is to be erased. Source: R-95."""
    with reading() as session:
        made = session.scalars(select(Job.id).where(Job.file_bytes > 0, Job.ended_at.is_not(None))).all()
    drop_parts(made)
    for piece in pieces_of(made, size=GONE_AT_ONCE):
        with unit_of_work() as session:
            session.execute(update(Job).where(Job.id.in_(piece)).values(file_bytes=0))


def purge_jobs(*, now: datetime, most: int) -> int:
    """Forget the files of jobs that ended a day ago, and jobs of a month ago, at most `most`; return how many."""
    with reading() as session:
        with_file = select(JobPart.job_id).join(Job, Job.id == JobPart.job_id).distinct().limit(most)
        stale = session.scalars(with_file.where(Job.ended_at <= now - FILES_KEPT)).all()
        old = session.scalars(select(Job.id).where(Job.ended_at <= now - KEPT).limit(most)).all()
    drop_parts(stale)
    if old:
        with unit_of_work() as session:
            session.execute(delete(Job).where(Job.id.in_(old)))
    return len(stale) + len(old)
