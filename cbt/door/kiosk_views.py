"""The kiosk file of a centre to save, whether the centre insists on it, and that it is insisted on."""

from __future__ import annotations

import flask
import flask_babel

from cbt.door import kiosk
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.auth.machine import current_machine
from cbt.http.downloads import attachment
from cbt.http.forms import see_other
from cbt.http.partials import Reply
from cbt.rules.door.kiosk import HEADER, file_of, settings_for
from cbt.rules.roles import Role
from cbt.sittings.store import centre_by_ref
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("kiosk", __name__)
MIME = "application/seb"


@pages.get("/office/centres/<ref>/kiosk.seb")
@access.roles(Role.OFFICER, Role.ADMIN)
def file(ref: str) -> Reply:
    """Send the file a kiosk browser opens: it leads to where the centre insists, or to where this page is."""
    with reading() as session:
        origin = centre_by_ref(session, ref).kiosk_origin
    return attachment(file_of(settings_for(origin or _origin())), MIME, "exam.seb")


@pages.post("/office/centres/<ref>/kiosk")
@access.roles(Role.OFFICER, Role.ADMIN)
def insist_on(ref: str) -> Reply:
    """Insist on the file that leads to where this page was asked for, or no longer."""
    origin = _origin() if flask.request.form.get("kiosk") == "1" else ""
    kiosk.ask_for_kiosk(ref, origin=origin, now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("sittings.kiosk.saved"), "sittings.centres.centre", ref=ref)


def insist() -> None:
    """Raise NotAllowed("door.kiosk") where the centre insists and this request comes from another browser."""
    request = flask.request
    path = request.full_path if request.query_string else request.path
    kiosk.insist(current_machine(), said=request.headers.get(HEADER, ""), path=path)


def _origin() -> str:
    return flask.request.host_url.rstrip("/")
