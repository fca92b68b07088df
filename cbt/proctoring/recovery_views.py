"""Pages of 导入作答恢复文件: choose the file, see what it would bring, keep it as evidence."""

from __future__ import annotations

import json

import flask
from flask_babel import gettext as _

from cbt.errors import Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_page, refusal, see_other, uploaded
from cbt.http.partials import Reply
from cbt.proctoring.recovery import import_recovery, preview_recovery, room_imports
from cbt.rules.roles import Role
from cbt.runner.recovery_file import MAX_BYTES

pages = flask.Blueprint("recovery", __name__)
may_act = access.roles(Role.PROCTOR, Role.CHIEF_PROCTOR)


@pages.app_template_filter("answer")
def answer_filter(canonical: str | None) -> str:
    """Return a stored answer as the candidate gave it: letters, texts, numbers; a dash for none."""
    if canonical is None:
        return "–"
    value = json.loads(canonical)
    if not isinstance(value, list):
        return str(value)
    return " · ".join("–" if one in (None, "") else str(one) for one in value)


@pages.get("/proctor/rooms/<room_ref>/recovery")
@may_act
def upload(room_ref: str) -> Reply:
    """Ask for a file, and list those that were imported."""
    return _page(room_ref)


@pages.post("/proctor/rooms/<room_ref>/recovery")
@may_act
def preview(room_ref: str) -> Reply:
    """Show what the file would bring, or keep it once that was seen."""
    room_imports(room_ref, signed_in())  # whoever does not run the room learns nothing about a file
    form = flask.request.form
    try:
        if "content" in form:
            owner, count = import_recovery(room_ref, form["content"], signed_in(), now=flask.g.now)
            seat = f"{owner.seat_number:02d}"
            return see_other(
                _("recovery.done", seat=seat, name=owner.name, count=count),
                "recovery.upload",
                room_ref=room_ref,
            )
        text = _sent()
        return _page(room_ref, preview=preview_recovery(room_ref, text, signed_in()), content=text)
    except (InvalidInput, Conflict) as error:
        return _page(room_ref, refused=refusal(error))


def _sent() -> str:
    _name, body = uploaded("file", "recovery.no_file", most=MAX_BYTES + 1)
    try:
        if len(body) > MAX_BYTES:
            raise InvalidInput("recovery.unreadable", field="file")
        return body.decode("ascii")
    except UnicodeDecodeError as error:
        raise InvalidInput("recovery.unreadable", field="file") from error


def _page(room_ref: str, *, refused: Refusal = NOTHING_REFUSED, **shown: object) -> Reply:
    room, past = room_imports(room_ref, signed_in())
    return form_page("proctoring/recovery/recovery.html", refused, room=room, past=past, **shown)
