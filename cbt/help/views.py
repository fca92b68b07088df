"""Pages of 帮助, and the link to them that stands in the bar of every page.

They are drawn of files that were read once: no page of help asks the database for more than who is reading.
"""

from __future__ import annotations

from functools import partial

import flask
import flask_babel

from cbt.errors import NotFound
from cbt.help.handbooks import Handbook, handbook, search
from cbt.help.places import ACCOUNT, CANDIDATE, readable, section_of
from cbt.http.auth import access
from cbt.http.auth.cookies import is_of_staff
from cbt.http.auth.login import CANDIDATE as A_CANDIDATE
from cbt.http.auth.login import Principal, current_principal, signed_in
from cbt.http.form_values import asked_text
from cbt.http.partials import Reply

pages = flask.Blueprint("help", __name__)
FROM_THE_SEAT = "seat"
"""How the seat page says that it is the one to go back to."""


def _place_of_staff(name: str, section: str) -> str:
    return flask.url_for("help.one", name=name, _anchor=section or None)


def _place_of_nobody(name: str, section: str) -> str:
    endpoint = "help.of_sign_in" if name == ACCOUNT else "help.of_candidates"
    return flask.url_for(endpoint, _anchor=section or None)


def _picture(name: str) -> str:
    return str(flask.current_app.extensions["cbt_assets"].url(name))


def _book(name: str, *, for_staff: bool) -> Handbook:
    places = _place_of_staff if for_staff else _place_of_nobody
    return handbook(name, str(flask_babel.get_locale()), places, _picture)


def _of_whole_staff() -> Principal | None:
    """Return who reads, if they may open pages of staff: whoever owes a password or a factor may not yet."""
    reader = current_principal()
    if reader is None or reader.kind != "staff" or reader.must_change_password or reader.owes_factor:
        return None
    return reader


@pages.app_template_global("help_url")
def help_url() -> str:
    """Return where the section of the page that is open stands, for whoever reads it."""
    request = flask.request
    code = (request.view_args or {}).get("code")
    endpoint = ".".join(filter(None, (request.endpoint, code if isinstance(code, str) else "")))
    reader = _of_whole_staff()
    name, section = section_of(endpoint, reader.roles if reader else ())
    if reader is not None:
        return _place_of_staff(name, section)
    if not section:
        name = ACCOUNT if is_of_staff(request.path) else CANDIDATE
    return _place_of_nobody(name, section)


@pages.get("/staff/help")
@access.staff
def index() -> Reply:
    """Show what was looked for in the handbooks that this person may read; without a word lead to their own."""
    names = readable(signed_in().roles)
    query = asked_text(flask.request.args)
    if not query:
        return flask.redirect(flask.url_for("help.one", name=names[0]), 303)
    books = [_book(name, for_staff=True) for name in names]
    return flask.render_template("help/found.html", books=books, query=query, hits=search(query, books))


@pages.get("/staff/help/<name>")
@access.staff
def one(name: str) -> Reply:
    """Show a handbook; one that is not this person's is not there."""
    names = readable(signed_in().roles)
    if name not in names:
        raise NotFound("help.no_handbook")
    book = partial(_book, for_staff=True)
    return flask.render_template("help/handbook.html", book=book(name), books=[book(one) for one in names])


@pages.get("/staff/sign-in/help")
@access.public
def of_sign_in() -> Reply:
    """Show how one signs in, to somebody who has not or cannot yet."""
    return flask.render_template("help/sign_in.html", book=_book(ACCOUNT, for_staff=False))


@pages.get("/exam/help")
@access.public
def of_candidates() -> Reply:
    """Show the candidates' handbook, at their own addresses; the page watches what waits for them meanwhile."""
    book, query = _book(CANDIDATE, for_staff=False), asked_text(flask.request.args)
    reader = current_principal()
    return flask.render_template(
        "help/candidate.html",
        book=book,
        query=query,
        hits=search(query, [book]) if query else [],
        waits=reader is not None and reader.kind == A_CANDIDATE,
        from_the_seat=flask.request.args.get("from") == FROM_THE_SEAT,
    )
