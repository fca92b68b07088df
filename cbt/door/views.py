"""The candidate's pages from signing in to the waiting room; those of the seat are beside them."""

from __future__ import annotations

import flask

from cbt.door import page_data, service
from cbt.door.arrival import read_said
from cbt.door.page_data import DoorView
from cbt.door.seat_views import pages, shown_refusal, to_page
from cbt.errors import InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.downloads import picture
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_page
from cbt.http.partials import Reply
from cbt.http.server import lanes
from cbt.rules.door.admission import LONGEST_QUERY, QUERY_ABOUT


@pages.get("/exam/confirm")
@access.candidate
def confirm() -> Reply:
    """信息确认: photo, masked number, seat and paper; held while a proctor is to compare."""
    view = page_data.door_view(signed_in().subject_id)
    if view.step != "confirm":
        return to_page(view.step)
    return _confirm_page(view, NOTHING_REFUSED)


def _confirm_page(view: DoorView, refused: Refusal) -> Reply:
    sent = flask.request.form.getlist("about")
    return form_page(
        "door/confirm.html", refused, view=view, about=QUERY_ABOUT, sent=sent, longest=LONGEST_QUERY
    )


@pages.post("/exam/confirm")
@lanes.takes_turns
@access.candidate
def confirmed() -> Reply:
    """信息无误."""
    service.confirm(signed_in().subject_id, now=flask.g.now)
    return to_page("notice")


@pages.post("/exam/query")
@lanes.takes_turns
@access.candidate
def query() -> Reply:
    """信息有误，请监考员核对: say what is wrong, alert the board and hold."""
    form, mine = flask.request.form, signed_in().subject_id
    try:
        said = read_said(form.getlist("about"), form.get("words", ""))
    except InvalidInput as error:
        return _confirm_page(page_data.door_view(mine), shown_refusal(error))
    service.raise_query(mine, said, now=flask.g.now)
    return to_page("confirm")


@pages.post("/exam/query/withdraw")
@lanes.takes_turns
@access.candidate
def withdraw_query() -> Reply:
    """Take 信息有误 back; the page asks again whether all is right."""
    service.withdraw_query(signed_in().subject_id, now=flask.g.now)
    return to_page("confirm")


@pages.get("/exam/query")
@access.candidate
def query_state() -> Reply:
    """The held part of the confirmation page, asked for again and again until a proctor clears it."""
    view = page_data.door_view(signed_in().subject_id)
    if view.queried_at is None:
        return flask.Response(status=204, headers={"HX-Redirect": flask.url_for("door.confirm")})
    return flask.render_template("door/_held.html", view=view)


@pages.get("/exam/notice")
@access.candidate
def notice() -> Reply:
    """考场须知 and 诚信承诺."""
    view = page_data.door_view(signed_in().subject_id)
    if view.step != "notice":
        return to_page(view.step)
    return _notice_page(view, NOTHING_REFUSED)


def _notice_page(view: DoorView, refused: Refusal) -> Reply:
    return form_page("door/notice.html", refused, view=view)


@pages.post("/exam/notice")
@lanes.takes_turns
@access.candidate
def pledged() -> Reply:
    """我已阅读并同意."""
    principal = signed_in()
    try:
        agreed = flask.request.form.get("agree") == "1"
        service.pledge(principal.subject_id, agreed=agreed, now=flask.g.now)
    except InvalidInput as error:
        return _notice_page(page_data.door_view(principal.subject_id), shown_refusal(error))
    return to_page("wait")


@pages.get("/exam/wait")
@access.candidate
def wait() -> Reply:
    """候考: the time to the start by the server's clock; the page goes on by itself at 统一开考."""
    view = page_data.door_view(signed_in().subject_id)
    if view.step != "wait":
        return to_page(view.step)
    return flask.render_template("door/wait.html", view=view, now=flask.g.now)


@pages.get("/exam/photo")
@access.candidate
def photo() -> Reply:
    """The candidate's own photo."""
    mimetype, image = page_data.photo(signed_in().subject_id)
    return picture(mimetype, image)
