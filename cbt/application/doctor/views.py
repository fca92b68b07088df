"""The examination of this installation, for administrators."""

from __future__ import annotations

import socket

import flask
from flask_babel import get_locale

from cbt.application.doctor.asking import ask_doctor
from cbt.config import Settings
from cbt.rules.roles import Role
from cbt.web.partials import Reply
from cbt.web.who import access

pages = flask.Blueprint("doctor", __name__)
PAGE = "application/doctor/doctor.html"


@pages.get("/doctor")
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
