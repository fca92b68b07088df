"""What the doctor says, as the check of a room shows it."""

from __future__ import annotations

import flask
from flask_babel import get_locale

from cbt.application.doctor.asking import ask_doctor
from cbt.config import Settings
from cbt.proctoring.readiness.server_part import ServerLine


def room_lines() -> list[ServerLine]:
    """Return what is not well with the server; raise like `ask_doctor`."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    word = ask_doctor(settings, locale=str(get_locale()))
    return [ServerLine(one.grade == "fail", one.what, one.fix) for one in word.of("fail", "warn")]
