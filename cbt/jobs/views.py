"""Pages of jobs: one's own and the office's, how far each is, its end, its repetition, and the file it made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import flask
import flask_babel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.log.words import called, thing_name
from cbt.accounts.store import actor_names
from cbt.errors import Conflict, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in, unattended
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of
from cbt.http.forms import flash_refusal
from cbt.http.i18n import explain
from cbt.http.partials import Reply, local_target
from cbt.jobs import queue
from cbt.jobs.models import OPEN, Job, JobState
from cbt.jobs.registry import job_kinds
from cbt.storage.unit_of_work import reading, unit_of_work

pages = flask.Blueprint("jobs", __name__)
PAGE_SIZE = 50


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

    @property
    def goes_on(self) -> bool:
        """Whether the page asks again."""
        return self.row.is_open


def _shown(session: Session, rows: Sequence[Job]) -> list[JobShown]:
    things = called(session, {row.subject for row in rows})
    people = actor_names(session, [row.actor for row in rows])
    return [_one_shown(row, thing_name(row.subject, things), people.get(row.actor, "")) for row in rows]


def _one_shown(row: Job, thing: str, who: str) -> JobShown:
    kind, said, fix = job_kinds().get(row.kind), "", ""
    if row.state == JobState.FAILED:
        said, fix = explain(queue.error_of(row))
    elif row.state == JobState.DONE and kind is not None and kind.said is not None:
        said, _shape = kind.said(json.loads(row.outcome))
    over = row.state in (JobState.FAILED, JobState.CANCELLED)
    return JobShown(
        ref=row.ref,
        kind=str(flask_babel.gettext(f"jobs.kind.{row.kind}")),
        thing=thing,
        who=who,
        row=row,
        said=said,
        fix=fix,
        can_cancel=row.is_open and kind is not None and kind.can_cancel,
        can_retry=over and kind is not None and kind.can_retry,
        has_file=queue.has_file(row, now=flask.g.now),
    )


@pages.get("/jobs")
@access.staff
def jobs() -> Reply:
    """List the jobs that somebody sees, the newest first."""
    page, kinds = page_of(flask.request.args), job_kinds()
    seen = queue.jobs_seen(kinds, signed_in())
    with reading() as session:
        total = session.scalar(select(func.count()).select_from(Job).where(seen)) or 0
        newest = (
            select(Job).where(seen).order_by(Job.id.desc()).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
        )
        shown = _shown(session, session.scalars(newest).all())
    return flask.render_template("jobs/jobs.html", shown=shown, page=page, pages=-(-total // PAGE_SIZE))


@pages.get("/jobs/<ref>")
@access.staff
def job(ref: str) -> Reply:
    """Show one job; without scripts the page asks again by itself."""
    shown = _job(ref)
    return flask.render_template("jobs/job.html", job=shown, back=local_target(shown.row.page, ""))


@pages.get("/jobs/<ref>/card")
@access.staff
@unattended
def card(ref: str) -> Reply:
    """The part of a page that says how far a job is, asked for until it is over."""
    return flask.render_template("jobs/_card.html", job=_job(ref))


def _job(ref: str) -> JobShown:
    with reading() as session:
        return _shown(session, [queue.job_of(session, ref, job_kinds(), signed_in())])[0]


@pages.post("/jobs/<ref>/cancel")
@access.staff
def cancel(ref: str) -> Reply:
    """Have a job not be carried out any further: what it did stays, and nothing more is written."""
    try:
        with unit_of_work() as session:
            row = queue.job_of(session, ref, job_kinds(), signed_in())
            if not job_kinds()[row.kind].can_cancel:
                raise Conflict("jobs.not_cancelled")
            queue.cancel(session, row, now=flask.g.now, actor=acting())
    except Conflict as error:
        flash_refusal(error)
    return flask.redirect(flask.url_for("jobs.job", ref=ref), 303)


@pages.post("/jobs/<ref>/retry")
@access.staff
def retry(ref: str) -> Reply:
    """Have a job that came to nothing be carried out again."""
    try:
        with unit_of_work() as session:
            row = queue.job_of(session, ref, job_kinds(), signed_in())
            if not job_kinds()[row.kind].can_retry:
                raise Conflict("jobs.not_retried")
            queue.retry(session, row, now=flask.g.now, actor=acting())
    except Conflict as error:
        flash_refusal(error)
    return flask.redirect(flask.url_for("jobs.job", ref=ref), 303)


@pages.get("/jobs/<ref>/file.<ending>")
@access.staff
def file(ref: str, ending: str) -> Reply:
    """Send the file of a job to whoever may still see it."""
    with reading() as session:
        row = queue.job_of(session, ref, job_kinds(), signed_in())
        if ending != row.file_ending:
            raise NotFound("jobs.no_file")
        made = queue.file_of(session, row, now=flask.g.now)
    return attachment(made.body, made.mimetype, made.name)


def jobs_about(subject: str) -> list[JobShown]:
    """Return the jobs about a thing that go on, of those that whoever asks for this page sees."""
    principal, kinds = signed_in(), job_kinds()
    with reading() as session:
        going_on = select(Job).where(Job.subject == subject, Job.state.in_(OPEN)).order_by(Job.id)
        rows = [row for row in session.scalars(going_on) if queue.may_see(row, kinds, principal)]
        return _shown(session, rows) if rows else []
