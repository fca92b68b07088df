"""Pages of administrators: `cbt doctor` in a child, how the scheduled backups stand, the log as a workbook."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from dataclasses import dataclass

import flask
from flask_babel import get_locale

from cbt.accounts.audit_log import exported, filter_of
from cbt.accounts.views import READERS as LOG_READERS
from cbt.accounts.views import audit_log_pages, refused_log
from cbt.application.backups import backup_watch, last_job
from cbt.config import Settings, as_environment, variable
from cbt.confined.priority import command_behind
from cbt.errors import InvalidInput, TooMany, Unavailable
from cbt.http.auth import access
from cbt.http.i18n import explain, local_text
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply
from cbt.jobs.registry import JobFile, JobResult, Work, file_kind
from cbt.proctoring.readiness import ServerLine
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX

PATIENCE_SECONDS = 30
_at_work = threading.Lock()


@dataclass(frozen=True, slots=True)
class DoctorsLine:
    """One finding: its check and grade (`ok`, `none`, `warn`, `fail`), what is so, what to do ("" for nothing)."""

    check: str
    grade: str
    code: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """What the doctor said: the gravest grade, and every finding."""

    grade: str
    found: tuple[DoctorsLine, ...]

    def of(self, *grades: str) -> list[DoctorsLine]:
        return [one for one in self.found if one.grade in grades]


def ask_doctor(settings: Settings, *, locale: str) -> DoctorReport:
    """Examine the installation of `settings` and return what was found, in the language `locale`.

    Raise TooMany("doctor.at_work") while this process has another examination under way, Unavailable
    ("doctor.silent") when none could be made.
    """
    if not _at_work.acquire(blocking=False):
        raise TooMany("doctor.at_work")
    try:
        done = subprocess.run(
            command_behind("doctor", "--json"),
            env=os.environ | as_environment(settings) | {variable("locale"): locale},
            stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        return read(done.stdout)
    except subprocess.TimeoutExpired as over:
        raise Unavailable("doctor.silent") from over
    finally:
        _at_work.release()


def read(body: bytes) -> DoctorReport:
    """Return what the command printed; raise Unavailable("doctor.silent") for anything else."""
    try:
        answer = json.loads(body)
        return DoctorReport(answer["grade"], tuple(DoctorsLine(**one) for one in answer["found"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("doctor.silent") from error


def room_lines() -> list[ServerLine]:
    """Return what is not well with the server; raise like `ask_doctor`."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    word = ask_doctor(settings, locale=str(get_locale()))
    return [ServerLine(one.grade == "fail", one.what, one.fix) for one in word.of("fail", "warn")]


doctor_pages = flask.Blueprint("doctor", __name__)
PAGE = "application/doctor.html"


@doctor_pages.get("/doctor", endpoint="page")
@access.roles(Role.ADMIN)
def doctor_page() -> Reply:
    """Offer to examine; nothing is looked at yet."""
    return flask.render_template(PAGE, word=None, machine=socket.gethostname())


@doctor_pages.post("/doctor")
@access.roles(Role.ADMIN)
def examine() -> Reply:
    """Examine, and show what was found on the machine that answered."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    word = ask_doctor(settings, locale=str(get_locale()))
    return flask.render_template(PAGE, word=word, machine=socket.gethostname())


backup_pages = flask.Blueprint("backups", __name__)


@backup_pages.get("/backups", endpoint="page")
@access.roles(Role.ADMIN)
def backup_page() -> Reply:
    """Show the folder, the last backup, and why the last one that failed did."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    watch = backup_watch()
    standing = watch.standing(now=flask.g.now)
    failing = standing is not None and standing.failing
    return flask.render_template(
        "application/backups/backups.html",
        standing=standing,
        warnings=watch.warnings(now=flask.g.now),
        failure=explain(standing.error) if standing is not None and failing else None,
        unsent=explain(error) if (error := watch.unsent(now=flask.g.now)) is not None else None,
        minutes=settings.backup_minutes,
        keep=settings.backup_keep,
        job_ref=last_job(),
    )


# The log belongs to the accounts, below the jobs; its workbook is one.


def _log_book(work: Work) -> JobResult:
    log_filter = filter_of(work.asked["filter"])
    book = exported(log_filter, actor=work.actor, now=work.now, write=work.in_front)
    return JobResult(file=JobFile(f"log-{local_text(work.now, '%Y%m%d-%H%M')}.xlsx", XLSX, book))


LOG_BOOK = file_kind("audit.export", LOG_READERS, _log_book)


@audit_log_pages.get("/audit.xlsx")
@access.roles(*LOG_READERS)
def export() -> Reply:
    """Send what a filter shows as a workbook; it is a reading, and on record as one."""
    log_filter = filter_of(flask.request.args)
    try:
        return file_reply(LOG_BOOK, subject="log", filter=log_filter.asked)
    except InvalidInput as error:
        return refused_log(log_filter, error)
