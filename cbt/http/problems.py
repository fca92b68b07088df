"""Errors, mapped once at the edge: an error kind becomes an HTTP status and two sentences."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import cast

import flask
import flask_babel
import flask_wtf.csrf
from babel.lists import format_list
from werkzeug.exceptions import HTTPException

from cbt import errors
from cbt.http.auth.cookies import is_of_staff
from cbt.http.i18n import explain
from cbt.http.partials import Reply, page_of_form, wants_partial
from cbt.rules.overload import come_again_seconds
from cbt.rules.roles import Role
from cbt.storage.engine import cannot_persist, is_damaged

log = logging.getLogger(__name__)
CHANCE = random.SystemRandom()

TOO_MANY, UNAVAILABLE = 429, 503
STATUS: dict[type[errors.CbtError], int] = {
    errors.InvalidInput: 422,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooEarly: 425,
    errors.TooMany: TOO_MANY,
    errors.TooLarge: 413,
    errors.Gone: 410,
    errors.Locked: 423,
    errors.Unavailable: UNAVAILABLE,
}

AfterRequest = Callable[[flask.Response], flask.Response]
_RECORDER, _RECORDED = "cbt_refusals", "cbt.recorded"
COME_AGAIN = (TOO_MANY, UNAVAILABLE)
"""Refusals for now: the same request may be sent again, at a time that is told."""


def http_status(error: errors.CbtError) -> int:
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)


def wants_json() -> bool:
    accepted = flask.request.accept_mimetypes
    return flask.request.is_json or accepted.best == "application/json"


def problem_body(error: errors.CbtError) -> dict[str, object]:
    """Return the JSON body of `error`: code, sentences, and the parameters a program may use."""
    what, fix = explain(error)
    extra = {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in error.params.items()
        if isinstance(value, (str, int, float, dict, list)) or hasattr(value, "isoformat")
    }
    return {**extra, "code": error.code, "message": what, "fix": fix}


def note_shown(error: errors.CbtError) -> None:
    """Remember which refusal this request ends with; whoever shows one on a page of their own says so here."""
    flask.g.shown_error = error
    have_recorded()


def register_recorder(app: flask.Flask, record: AfterRequest) -> None:
    """Tell who keeps a record of what was refused to whom."""
    app.extensions[_RECORDER] = record


def have_recorded() -> None:
    """Have it recorded, when the request is over, that it was refused."""
    record: AfterRequest | None = flask.current_app.extensions.get(_RECORDER)
    if record is not None and _RECORDED not in flask.request.environ:
        flask.request.environ[_RECORDED] = True
        flask.after_this_request(record)


def shown_error() -> errors.CbtError | None:
    return cast("errors.CbtError | None", flask.g.get("shown_error"))


def init_problems(app: flask.Flask) -> None:
    """Register the handlers: no traceback and no half page ever reaches a person."""
    app.extensions.setdefault("cbt_recover", lambda: None)

    @app.after_request
    def say_when(response: flask.Response) -> flask.Response:
        """Say when to come again, whoever drew the refusal: the page of refusals, or a form with its own."""
        error = shown_error()
        seconds = None if error is None else error.params.get("seconds")
        if response.status_code == UNAVAILABLE and not isinstance(seconds, int):
            seconds = come_again_seconds(0.0, chance=CHANCE.random())
        if response.status_code in COME_AGAIN and isinstance(seconds, int):
            response.headers["Retry-After"] = str(seconds)
        return response

    @app.errorhandler(errors.CbtError)
    def explained(error: errors.CbtError) -> Reply:
        return _answer(error, http_status(error))

    @app.errorhandler(flask_wtf.csrf.CSRFError)
    def forged(_error: HTTPException) -> Reply:
        recover: Callable[[], Reply | errors.CbtError | None] = app.extensions["cbt_recover"]
        response = recover() or errors.InvalidInput("web.csrf")
        if not isinstance(response, errors.CbtError):
            return response
        return _answer(response, http_status(response) if isinstance(response, errors.Conflict) else 400)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Reply:
        if error.code is None or error.code < 400:
            return error
        codes = {
            404: "web.no_page",
            405: "web.no_method",
            408: "web.too_slow",
            411: "web.no_length",
        }
        if error.code == 413:  # its body was read: this form alone is more than a form may be
            kb, parts = (flask.request.max_form_memory_size or 0) // 1000, flask.request.max_form_parts
            return _answer(errors.TooLarge("web.form_too_large", kb=kb, parts=parts), 413)
        return _answer(errors.InvalidInput(codes.get(error.code, "web.bad_request")), error.code)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Reply:
        if is_damaged(error):
            log.error("the database is damaged: a page cannot be read on %s", flask.request.endpoint)
            return _answer(errors.Unavailable("db.page_damaged"), 503)
        if cannot_persist(error):
            kind = type(error).__name__
            log.warning("the database failed on %s: %s", flask.request.endpoint, kind, exc_info=error)
            return _answer(errors.Unavailable("db.write"), 503)
        log.exception("unexpected error on %s", flask.request.endpoint, exc_info=error)
        return _answer(errors.Unavailable("web.unexpected"), 500)


def _answer(error: errors.CbtError, status: int) -> Reply:
    note_shown(error)
    return _response(error, status)


def _response(error: errors.CbtError, status: int) -> flask.Response:
    if wants_json():
        return flask.make_response(flask.jsonify(problem_body(error)), status)
    what, fix = explain(error)
    partial = wants_partial()
    template = "http/_problem.html" if partial else "http/problem.html"
    back = None if partial or flask.request.method != "POST" else page_of_form(flask.request)
    page = flask.render_template(
        template,
        what=what,
        fix=fix,
        code=error.code,
        status=status,
        back=back,
        wanted=_wanted(),
        of_staff=is_of_staff(flask.request.path),
    )
    response = flask.make_response(page, status)
    if partial:
        response.headers["HX-Retarget"] = "#problem"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def _wanted() -> str:
    """Return the names of the roles whose page was refused to another; "" for any other refusal."""
    wanted = flask.g.get("roles_wanted", ())
    names = [flask_babel.gettext(f"role.{role.value}") for role in Role if role in wanted]
    return format_list(names, style="or", locale=flask_babel.get_locale()) if names else ""
