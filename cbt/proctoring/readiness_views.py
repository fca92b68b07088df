"""Pages of the check of a room, for who runs it; and the two requests by which a seat's machine reports."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.errors import CbtError
from cbt.http.auth import access, login
from cbt.http.auth.login import signed_in
from cbt.http.auth.machine import current_machine
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, form_page, refusal
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply
from cbt.proctoring import readiness as reports
from cbt.proctoring.act import runs_rooms
from cbt.proctoring.jobs import GO_SHEET, TEST_PAGE
from cbt.proctoring.readiness import (
    MOST_BYTES,
    browser_of,
    read_report,
    seat_facts,
    server_lines,
)
from cbt.rules.roles import Role

pages = flask.Blueprint("readiness", __name__)
READERS = (Role.PROCTOR, Role.CHIEF_PROCTOR, Role.OFFICER, Role.INSPECTOR, Role.ADMIN)
may_read = access.roles(*READERS)
may_act = access.roles(Role.PROCTOR, Role.CHIEF_PROCTOR)


@pages.post("/seat/check/probe")
@access.public
def probe() -> Reply:
    """Write a throwaway row as an answer is written, and say what time it is here."""
    reports.probe(current_machine(), now=flask.g.now)
    return {"now": flask.g.now.isoformat()}


@pages.post("/seat/check")
@access.public
def report() -> Reply:
    body = flask.request.get_data(cache=False)[: MOST_BYTES + 1]
    sent = read_report(body)
    agent = flask.request.headers.get("User-Agent", "")
    reports.report(current_machine(), browser_of(agent), sent, now=flask.g.now)
    return flask.Response(status=204)


@pages.get("/proctor/rooms/<room_ref>/readiness")
@may_read
def room(room_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """The check of a room: a line a seat, what is wrong and what to do, and the sheet to sign."""
    readiness = reports.readiness_of(room_ref, signed_in(), now=flask.g.now)
    return form_page(
        "proctoring/readiness/room.html",
        refused,
        found=readiness,
        cells=seat_facts,
        can_act=runs_rooms(signed_in()),
    )


@pages.get("/proctor/rooms/<room_ref>/readiness/live")
@login.unattended
@may_read
def live(room_ref: str) -> Reply:
    readiness = reports.readiness_of(room_ref, signed_in(), now=flask.g.now)
    return flask.render_template("proctoring/readiness/_live.html", found=readiness, cells=seat_facts)


@pages.get("/proctor/rooms/<room_ref>/readiness/server")
@may_read
def server(room_ref: str) -> Reply:
    reports.readiness_of(room_ref, signed_in(), now=flask.g.now)
    try:
        lines, refused = server_lines(), NOTHING_REFUSED
    except CbtError as error:
        lines, refused = [], refusal(error)
    return flask.render_template("proctoring/readiness/_server.html", lines=lines, refused=refused)


@pages.get("/proctor/rooms/<room_ref>/readiness/test.pdf")
@may_read
def printing(room_ref: str) -> Reply:
    return file_reply(TEST_PAGE, subject=f"sitting_room:{room_ref}", room=room_ref)


@pages.post("/proctor/rooms/<room_ref>/readiness/printed")
@may_act
def printed(room_ref: str) -> Reply:
    """The test page came out well."""
    reports.note_printed(room_ref, signed_in(), now=flask.g.now)
    flask.flash(_("readiness.printed.noted"), "ok")
    return _back(room_ref)


@pages.post("/proctor/rooms/<room_ref>/readiness")
@may_act
def sign(room_ref: str) -> Reply:
    """可以开考 or 暂不能开考: kept with what was found."""
    form = flask.request.form
    reports.check_mine(room_ref, signed_in())
    try:
        reports.sign(
            room_ref,
            signed_in(),
            go=form.get("go") == "1",
            note=form.get("note", ""),
            server=server_lines(),
            now=flask.g.now,
        )
    except CbtError as error:
        if error.code.startswith("readiness."):
            return room(room_ref, refusal(error))
        flash_refusal(error)
        return _back(room_ref)
    flask.flash(_("readiness.signed"), "ok")
    return _back(room_ref)


@pages.get("/proctor/rooms/<room_ref>/readiness/<sheet_ref>.pdf")
@may_read
def sheet(room_ref: str, sheet_ref: str) -> Reply:
    return file_reply(GO_SHEET, subject=f"sitting_room:{room_ref}", room=room_ref, sheet=sheet_ref)


def _back(room_ref: str) -> Reply:
    return flask.redirect(flask.url_for("readiness.room", room_ref=room_ref), 303)
