"""The page on which a kept form comes back: as whoever asks for it may see it, with the form filled.

What was kept is forgotten when the form is taken. Files come with it again, unless others are chosen.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

import flask
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import HTTPException

from cbt.db.unit_of_work import reading
from cbt.web.partials import wants_partial
from cbt.web.problems import shown_error
from cbt.web.sent import keeping
from cbt.web.sent.filling import fill
from cbt.web.sent.returning import ARGUMENT, address_of, form_page, keep_sent, recover
from cbt.web.who.attention import KIND
from cbt.web.who.login import current_principal

FIELD = "kept_form"


def init_kept(app: flask.Flask) -> None:
    """Have forms kept, shown again, and forgotten once they were taken."""
    app.extensions["cbt_keep"] = keep_sent
    app.extensions["cbt_recover"] = recover
    app.add_template_global(form_page, "form_page")
    app.add_template_global(kept_forms, "kept_forms")

    @app.before_request
    def bring_files() -> None:
        if flask.request.method == "POST" and flask.request.mimetype == "multipart/form-data":
            _bring_files()

    @app.after_request
    def show(response: flask.Response) -> flask.Response:
        if flask.request.method == "GET" and ARGUMENT in flask.request.args:
            return _shown(response)
        if flask.request.method == "POST" and flask.request.endpoint and FIELD in flask.request.form:
            return _taken(response)
        return response


def kept_forms() -> Sequence[tuple[str, datetime]]:
    """Return the addresses of what is kept for whoever is signed in, and since when."""
    principal = current_principal()
    if principal is None or principal.kind != KIND:
        return ()
    with reading() as session:
        rows = keeping.waiting(session, principal.subject_ref, now=flask.g.now)
    return [(address_of(row.page, row.ref), row.kept_at) for row in rows]


def _mine(ref: str) -> keeping.Kept | None:
    principal = current_principal()
    if principal is None or principal.kind != KIND:
        return None
    return keeping.kept(ref, principal.subject_ref, now=flask.g.now)


def _shown(response: flask.Response) -> flask.Response:
    """Fill the form of a page that is shown; where it has none, lead to what was kept."""
    request = flask.request
    if request.blueprint == "kept" or not _is_page(response) or response.status_code != 200:
        return response
    mine = _mine(request.args[ARGUMENT])
    if mine is None:
        return response
    filled = fill(
        response.get_data(as_text=True),
        at=request.path,
        to=mine.path,
        fields=mine.content.fields,
        notes=_file_notes(mine),
        head=lambda left: flask.render_template("web/sent/_again.html", kept=mine, left=left),
    )
    if filled is None:
        elsewhere = address_of(mine.path, mine.ref) if _can_be_opened(mine) else ""
        return flask.make_response(flask.redirect(elsewhere or flask.url_for("kept.one", ref=mine.ref), 303))
    response.set_data(filled)
    return response


def _can_be_opened(mine: keeping.Kept) -> bool:
    """Return whether the address the form was sent to is a page of its own, and another than this one."""
    try:
        flask.current_app.url_map.bind("").match(mine.path, method="GET")
    except HTTPException:
        return False
    return flask.request.path != mine.path


def _taken(response: flask.Response) -> flask.Response:
    """Forget what was kept once it was taken; a page that refuses it still knows of it."""
    mine = _mine(flask.request.form[FIELD])
    if mine is None:
        return response
    if response.status_code < 400 and shown_error() is None:
        keeping.forget(mine.ref, mine.subject_ref)
    elif mine.content.files and _is_page(response):
        again = fill(
            response.get_data(as_text=True),
            at=flask.request.path,
            to=mine.path,
            fields=None,
            notes=_file_notes(mine),
            head=lambda _left: flask.render_template("web/sent/_hidden.html", kept=mine),
        )
        if again is not None:
            response.set_data(again)
    return response


def _is_page(response: flask.Response) -> bool:
    plain = "Content-Encoding" not in response.headers and not response.is_streamed
    return plain and response.mimetype == "text/html" and not wants_partial()


def _file_notes(mine: keeping.Kept) -> dict[str, str]:
    names: dict[str, list[str]] = {}
    for file in mine.content.files:
        names.setdefault(file.field, []).append(file.name)
    return {
        field: flask.render_template("web/sent/_file.html", names=found) for field, found in names.items()
    }


def _bring_files() -> None:
    """Put the files of a kept form where the browser sent none anew."""
    request = flask.request
    ref = request.form.get(FIELD)
    mine = _mine(ref) if ref else None
    if mine is None or mine.path != request.path:
        return
    sent: MultiDict[str, FileStorage] = MultiDict()
    for name, given in request.files.items(multi=True):
        if given.filename:
            sent.add(name, given)
        else:
            given.close()
    anew = set(sent)
    for file in mine.content.files:
        if file.field not in anew:
            body = io.BytesIO(file.body)
            sent.add(file.field, FileStorage(body, file.name, file.field, content_type=file.mimetype))
    request.files = sent  # type: ignore[assignment]  # Werkzeug reads it once and keeps it
