"""Jobs as their pages show them: what each does to what, how far it is, and what may be done with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import flask_babel
from markupsafe import escape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.audit_log import called, page_of_thing, thing_name
from cbt.accounts.store import actor_names
from cbt.http.auth.login import Principal
from cbt.http.i18n import explain
from cbt.jobs import queue
from cbt.jobs.models import OPEN, Job, JobState
from cbt.jobs.registry import job_kinds
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

PAGE_SIZE = 50
MAY_CHANGE = tuple(role for role in Role if role is not Role.INSPECTOR)
"""Whoever inspects looks on."""


@dataclass(frozen=True, slots=True)
class JobShown:
    """A job as it is shown: what it does to what, how far it is, its outcome, and what may be done with it."""

    ref: str
    kind: str
    thing: str
    who: str
    row: Job
    said: str
    """What it did, or why it came to nothing."""
    fix: str
    can_cancel: bool
    can_retry: bool
    has_file: bool
    is_once: bool
    """Whether its file goes with whoever takes it first."""
    about: str
    """The address of the page of the thing it is about, "" for none that the reader may see."""
    back: str
    """The address of the page where it was asked for, else of what it is about; "" for neither."""
    result: str
    """The address of the page that shows what came of it; "" while it goes on, and where that is a file."""
    mended_at: str
    """The address of the page that shows what it failed for want of; "" where there is none."""

    @property
    def goes_on(self) -> bool:
        """Whether the page asks again."""
        return self.row.is_open


def _shown(session: Session, rows: Sequence[Job], principal: Principal, now: datetime) -> list[JobShown]:
    things = called(session, {row.subject for row in rows})
    people = actor_names(session, [row.actor for row in rows])
    may_change = principal.has(*MAY_CHANGE)
    return [
        _one_shown(
            row,
            thing_name(row.subject, things),
            page_of_thing(things.get(row.subject), principal),
            people.get(row.actor, ""),
            may_change,
            now,
        )
        for row in rows
    ]


def _one_shown(row: Job, thing: str, about: str, text: str, may_change: bool, now: datetime) -> JobShown:
    kind, said, fix, result, mended_at = job_kinds().get(row.kind), "", "", "", ""
    back = row.page or about  # of this site: whoever asked put an address of ours there (`page_before`)
    if row.state == JobState.FAILED:
        error = queue.error_of(row)
        said, fix = explain(error)
        mended_at = str(error.params.get("mended_at", ""))
    elif row.state == JobState.DONE and kind is not None:
        outcome = json.loads(row.outcome)
        if kind.said is not None:
            said = escape(" ").join(sentence for sentence, _shape in kind.said(outcome))
        if kind.result_page is not None:
            result = kind.result_page(row.ref, json.loads(row.asked), outcome) or back
        elif not row.file_bytes:
            result = back
    over = row.state in (JobState.FAILED, JobState.CANCELLED)
    return JobShown(
        ref=row.ref,
        kind=str(flask_babel.gettext(f"jobs.kind.{row.kind}")),
        thing=thing,
        who=text,
        row=row,
        said=said,
        fix=fix,
        can_cancel=may_change and row.is_open and kind is not None and kind.can_cancel,
        can_retry=may_change and over and kind is not None and kind.can_retry,
        has_file=queue.has_file(row, now=now) and (kind is None or kind.result_page is None),
        is_once=kind is not None and kind.is_once,
        about=about,
        back=back,
        result=result,
        mended_at=mended_at,
    )


def jobs_page(principal: Principal, *, page: int, now: datetime) -> tuple[list[JobShown], int]:
    """Return a page of the jobs that somebody sees, the newest first, and how many pages there are."""
    seen = queue.jobs_seen(job_kinds(), principal)
    newest = select(Job).where(seen).order_by(Job.id.desc()).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    with reading() as session:
        total = session.scalar(select(func.count()).select_from(Job).where(seen)) or 0
        return _shown(session, session.scalars(newest).all(), principal, now), -(-total // PAGE_SIZE)


def job_shown(ref: str, principal: Principal, *, now: datetime) -> JobShown:
    """Return a job that somebody sees; raise NotFound("jobs.unknown")."""
    with reading() as session:
        return _shown(session, [queue.job_of(session, ref, job_kinds(), principal)], principal, now)[0]


def jobs_about(subject: str, principal: Principal, *, now: datetime) -> list[JobShown]:
    """Return the jobs about a thing that go on, of those that somebody sees."""
    kinds = job_kinds()
    going_on = select(Job).where(Job.subject == subject, Job.state.in_(OPEN)).order_by(Job.id)
    with reading() as session:
        rows = [row for row in session.scalars(going_on) if queue.may_see(row, kinds, principal)]
        return _shown(session, rows, principal, now) if rows else []
