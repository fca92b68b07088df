"""The doctor's page: `cbt doctor` examines the installation in a child that takes nothing from the server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from dataclasses import dataclass

import flask
from flask_babel import get_locale

from cbt.config import Settings, as_environment, variable
from cbt.confined.background import command_behind
from cbt.errors import TooMany, Unavailable
from cbt.http.auth import access
from cbt.http.partials import Reply
from cbt.proctoring.readiness.room import ServerLine
from cbt.rules.roles import Role

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
class DoctorsWord:
    """What the doctor said: the gravest grade, and every finding."""

    grade: str
    found: tuple[DoctorsLine, ...]

    def of(self, *grades: str) -> list[DoctorsLine]:
        """Return the findings of these grades."""
        return [one for one in self.found if one.grade in grades]


def ask_doctor(settings: Settings, *, locale: str) -> DoctorsWord:
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


def read(said: bytes) -> DoctorsWord:
    """Return what the command printed; raise Unavailable("doctor.silent") for anything else."""
    try:
        answer = json.loads(said)
        return DoctorsWord(answer["grade"], tuple(DoctorsLine(**one) for one in answer["found"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("doctor.silent") from error


def room_lines() -> list[ServerLine]:
    """Return what is not well with the server; raise like `ask_doctor`."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    word = ask_doctor(settings, locale=str(get_locale()))
    return [ServerLine(one.grade == "fail", one.what, one.fix) for one in word.of("fail", "warn")]


pages = flask.Blueprint("doctor", __name__)
PAGE = "application/doctor/doctor.html"


@pages.get("/doctor", endpoint="page")
@access.roles(Role.ADMIN)
def page() -> Reply:
    """Offer to examine; nothing is looked at yet."""
    return flask.render_template(PAGE, word=None, machine=socket.gethostname())


@pages.post("/doctor")
@access.roles(Role.ADMIN)
def examine() -> Reply:
    """Examine, and show what was found on the machine that answered."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    word = ask_doctor(settings, locale=str(get_locale()))
    return flask.render_template(PAGE, word=word, machine=socket.gethostname())
