"""Pages of jobs: one's own and the office's, how far each is, its end, its repetition, and the file it made."""

from __future__ import annotations

import json

import flask

from cbt.errors import Conflict
from cbt.http.auth import access
from cbt.http.auth.login import signed_in, unattended
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of
from cbt.http.forms import flash_refusal
from cbt.http.partials import Reply, local_target
from cbt.http.problems import wants_json
from cbt.jobs import progress as jobs_shown
from cbt.jobs import queue
from cbt.jobs.answers import act_done, to_be_asked_for
from cbt.jobs.models import Job, JobState
from cbt.jobs.progress import MAY_CHANGE, JobShown
from cbt.jobs.registry import job_kinds

pages = flask.Blueprint("jobs", __name__)


@pages.get("/jobs")
@access.staff
def jobs() -> Reply:
    """List the jobs that somebody sees, the newest first."""
    page = page_of(flask.request.args)
    lines, count = jobs_shown.jobs_page(signed_in(), page=page, now=flask.g.now)
    return flask.render_template("jobs/jobs.html", shown=lines, page=page, pages=count)


@pages.get("/jobs/<ref>")
@access.staff
def job(ref: str) -> Reply:
    """Show one job; without scripts the page asks again by itself. A script is led to the file once it is there.

    Who waits here for an act is led on (`then`) to the page that shows what came of it.
    """
    job_shown = jobs_shown.job_shown(ref, signed_in(), now=flask.g.now)
    row, then = job_shown.row, "then" in flask.request.args
    if wants_json():
        return _told(row)
    result = local_target(job_shown.result, "")
    if then and result:
        return act_done(job_kinds()[row.kind], json.loads(row.outcome), result)
    return flask.render_template("jobs/job.html", job=job_shown, then=then)


def _told(row: Job) -> Reply:
    if row.is_open:
        return to_be_asked_for(row.ref)
    if row.state == JobState.FAILED:
        raise queue.error_of(row)
    return flask.redirect(flask.url_for("jobs.file", ref=row.ref, ending=row.file_ending or "-"), 303)


@pages.get("/jobs/<ref>/card")
@access.staff
@unattended
def card(ref: str) -> Reply:
    """The part of a page that says how far a job is, asked for until it is over."""
    job_shown = jobs_shown.job_shown(ref, signed_in(), now=flask.g.now)
    then = "then" in flask.request.args
    if then and job_shown.row.state == JobState.DONE:
        headers = {"HX-Redirect": flask.url_for("jobs.job", ref=ref, then=1)}
        return flask.Response(status=204, headers=headers)
    return flask.render_template("jobs/_card.html", job=job_shown, then=then)


@pages.post("/jobs/<ref>/cancel")
@access.roles(*MAY_CHANGE)
def cancel(ref: str) -> Reply:
    """Have a job not be carried out any further: what it did stays, and nothing more is written."""
    try:
        queue.cancel(ref, principal=signed_in(), now=flask.g.now)
    except Conflict as error:
        flash_refusal(error)
    return flask.redirect(flask.url_for("jobs.job", ref=ref), 303)


@pages.post("/jobs/<ref>/retry")
@access.roles(*MAY_CHANGE)
def retry(ref: str) -> Reply:
    """Have a job that came to nothing be carried out again."""
    try:
        queue.retry(ref, principal=signed_in(), now=flask.g.now)
    except Conflict as error:
        flash_refusal(error)
    return flask.redirect(flask.url_for("jobs.job", ref=ref), 303)


@pages.get("/jobs/<ref>/file.<ending>")
@access.staff
def file(ref: str, ending: str) -> Reply:
    """Send the file of a job to whoever may still see it."""
    made = queue.fetch(ref, ending, principal=signed_in(), now=flask.g.now)
    return attachment(made.body, made.mimetype, made.name)


@pages.post("/jobs/<ref>/take")
@access.roles(*MAY_CHANGE)
def take(ref: str) -> Reply:
    """Send the file of a job that goes with whoever takes it first: a second time there is none."""
    made = queue.take(ref, principal=signed_in(), now=flask.g.now)
    return attachment(made.body, made.mimetype, made.name)


def jobs_about(subject: str) -> list[JobShown]:
    """Return the jobs about a thing that go on, of those that whoever asks for this page sees."""
    return jobs_shown.jobs_about(subject, signed_in(), now=flask.g.now)
