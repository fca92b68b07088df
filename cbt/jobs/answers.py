"""How a view has something done in the background: asks for a job, waits a moment, answers with what came of it.

What is quick is answered at once, as if it had been done in the request; what is not goes on while the page, or the
job's own, says how far it is. Where no worker is kept (a test, Windows) whoever asks carries the job out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any

import flask
import flask_babel
from sqlalchemy.orm import Session

from cbt.confined.runner import AGAIN_SECONDS
from cbt.errors import CbtError, TooMany
from cbt.http.auth.login import acting, signed_in
from cbt.http.downloads import attachment
from cbt.http.partials import Reply, page_before
from cbt.http.problems import wants_json
from cbt.jobs import queue
from cbt.jobs.models import Job, JobState
from cbt.jobs.registry import JobFile, JobKind, job_kinds
from cbt.jobs.worker import Ended, JobRun, carry_out, new_holder
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading, unit_of_work

PATIENCE_SECONDS = 1.0
"""So long whoever asks waits for the outcome; then the page shows how far it is."""
LOOK_SECONDS = 0.05


def _nothing(_session: Session) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a job within a moment: it goes on, or it did something and may have made a file."""

    ref: str
    goes_on: bool = False
    outcome: Mapping[str, Any] | None = None
    file: JobFile | None = None


def have_done(
    kind: JobKind,
    *,
    subject: str,
    page: str,
    asked: Mapping[str, Any],
    patience: float | None = None,
    beside: Callable[[Session], None] = _nothing,
    here: bool = True,
) -> Answered:
    """Ask for a job and return what became of it within a moment; raise what it was refused with.

    `patience` is how many seconds that moment is, PATIENCE_SECONDS where nothing is said; `beside` is written with
    a job that is new, or not at all. Where no worker is kept it is carried out `here`, in the request, unless the
    page does without it and the scheduler carries it out.
    """
    ref = _asked_for(kind, subject, page, asked, beside)
    if not job_kinds().worker_is_kept:
        if not here:
            return Answered(ref, goes_on=True)
        claimed = queue.claim(new_holder(), now=flask.g.now, kinds=(kind.code,), ref=ref)
        if claimed is not None:
            return _done_here(claimed)
    return _awaited(ref, PATIENCE_SECONDS if patience is None else patience)


def _asked_for(
    kind: JobKind, subject: str, page: str, asked: Mapping[str, Any], beside: Callable[[Session], None]
) -> str:
    """Return the ref of the job: a new one, or, without a write, the one that goes on already."""
    locale, actor = str(flask_babel.get_locale()), acting()
    with reading() as session:
        there = queue.open_ref(session, kind, subject=subject, asked=asked, locale=locale, actor=actor)
        if not there and signed_in().has(Role.UNIT_CLERK) and queue.has_open(session, actor):
            raise TooMany("file.yours", seconds=AGAIN_SECONDS)
    if there:
        return there
    with unit_of_work() as session:
        beside(session)
        return queue.put(
            session,
            kind,
            subject=subject,
            asked=asked,
            page=page,
            locale=locale,
            now=flask.g.now,
            actor=actor,
        )


def _done_here(job: Job) -> Answered:
    # As a worker would: a job sees nothing of the request.
    run, app = JobRun(job, now=flask.g.now), flask.current_app._get_current_object()  # type: ignore[attr-defined]
    ended = Context().run(_carried_out, app, run)
    if ended.error is not None:
        raise ended.error
    if ended.done is None:
        return Answered(job.ref, goes_on=True)
    return Answered(job.ref, outcome=ended.done.outcome, file=ended.done.file)


def _carried_out(app: flask.Flask, run: JobRun) -> Ended:
    with app.app_context():
        return carry_out(run, keeps=False)


def _awaited(ref: str, patience: float) -> Answered:
    until = time.monotonic() + patience
    while True:
        with reading() as session:
            job = Job.by_ref(session, ref, unknown="jobs.unknown")
            if job.state == JobState.FAILED:
                error: CbtError = queue.error_of(job)
                raise error
            done = job.state == JobState.DONE
            file = queue.file_of(session, job, now=flask.g.now) if done and job.file_bytes else None
        if done:
            if file is not None and job_kinds()[job.kind].is_once:
                queue.give_out(job)
            return Answered(ref, outcome=json.loads(job.outcome), file=file)
        if time.monotonic() >= until or job.state == JobState.CANCELLED:
            return Answered(ref, goes_on=True)
        time.sleep(LOOK_SECONDS)


def file_reply(kind: JobKind, *, subject: str, **asked: Any) -> Reply:
    """Send the file of a job, or lead to the page that says how far it is and then gives it out.

    A script is told where it may ask for it (202). Raise TooMany("file.yours") while the account of a unit has
    another one made: it takes no more than a place from the others.
    """
    page = page_before(flask.request) or ""
    answered = have_done(kind, subject=subject, page=page, asked=asked)
    if answered.file is None and wants_json():
        return to_be_asked_for(answered.ref)
    if answered.file is None:
        return flask.redirect(flask.url_for("jobs.job", ref=answered.ref), 303)
    return attachment(answered.file.body, answered.file.mimetype, answered.file.name)


def to_be_asked_for(ref: str) -> Reply:
    """Tell a script to ask the page of a job again."""
    return {"job": flask.url_for("jobs.job", ref=ref)}, 202


def act_reply(kind: JobKind, *, subject: str, page: str, has_card: bool = False, **asked: Any) -> Reply:
    """Lead to the page of an act with what was done; raise what it was refused with.

    Where it goes on the job's own page says how far it is, and leads there then; or the act's own page stays, where
    it `has_card` (templates/jobs/_about.html).
    """
    return act_answered(
        kind, have_done(kind, subject=subject, page=page, asked=asked), page, has_card=has_card
    )


def act_answered(kind: JobKind, answered: Answered, page: str, *, has_card: bool = False) -> Reply:
    """Lead to the page of an act with what became of it within a moment, as `act_reply` does."""
    if not answered.goes_on:
        return act_done(kind, answered.outcome or {}, page)
    flask.flash(flask_babel.gettext("jobs.goes_on"))
    return flask.redirect(page if has_card else flask.url_for("jobs.job", ref=answered.ref, then=1), 303)


def act_done(kind: JobKind, outcome: Mapping[str, Any], page: str) -> Reply:
    """Lead to the page of an act, which says at its head what was done."""
    for sentence, shape in kind.said(outcome) if kind.said is not None else ():
        flask.flash(sentence, shape)
    return flask.redirect(page, 303)
