"""What a view answers: a page, or the part of one that is asked for; 304 to a page that has what it polls for."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import flask
from flask.templating import Environment

Reply = flask.typing.ResponseReturnValue
LONGEST_TARGET = 2000


class PageEnvironment(Environment):
    """Jinja's, whose templates share one table of globals.

    Each would have a chain of its own over that table, which is copied and compared, name by name, for a page and
    for each of the dozen templates that it takes its macros from.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


def wants_partial() -> bool:
    return bool(flask.request.headers.get("HX-Request"))


def unless_seen(tag: str, draw: Callable[[], str]) -> flask.Response:
    """Return what `draw` draws, or 304 to a page that has what `tag` names; both tell the server's instant."""
    seen = flask.request.if_none_match.contains(tag)
    response = flask.Response(status=304) if seen else flask.make_response(draw())
    response.set_etag(tag)
    response.headers["X-Now"] = flask.g.now.isoformat()
    return response


def until_done(part: str, *, working: bool) -> flask.Response:
    """Return the part of a page that waits; once nothing is at work, the page loads itself anew."""
    answer = flask.make_response(part)
    if not working:
        answer.headers["HX-Refresh"] = "true"
    return answer


def lead_to(place: str) -> flask.Response:
    """Return what leads to another page, also from a form whose answer was to go into an open one."""
    if wants_partial():
        return flask.Response(status=401, headers={"HX-Redirect": place})
    return flask.make_response(flask.redirect(place, 303))


def local_target(target: str | None, default: str) -> str:
    """Return `target` when it is a path of this site, else `default`: no open redirect.

    Every address that a browser named (a field, an argument, the page it says it was on) goes through this before
    anything is led or linked there.
    """
    if not target or not target.startswith("/") or target.startswith("//") or len(target) > LONGEST_TARGET:
        return default
    # Browsers leave tabs and line ends out of an address and take \\ for /; a header holds no line end at all.
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in target):
        return default
    return target


def is_from_here(request: flask.Request) -> bool:
    return _address(request.headers.get("Origin") or request.referrer).netloc == request.host


def page_of_form(request: flask.Request) -> str | None:
    """Return the page that somebody was at: a fragment and a form lead back to the page that holds them.

    It is a path of this site, whatever the browser says: `http://here//elsewhere` names another site once its host
    is taken off.
    """
    if request.method == "GET" and not wants_partial():
        return local_target(request.full_path.removesuffix("?"), "") or None
    return page_before(request)


def page_before(request: flask.Request) -> str | None:
    """Return the page of this site that a form or a link was on, as far as the browser says so."""
    held = _address(request.headers.get("HX-Current-URL") or request.referrer)
    if held.netloc != request.host:
        return None
    return local_target(f"{held.path}?{held.query}" if held.query else held.path, "") or None


def _address(url: str | None) -> SplitResult:
    """Return the parts of an address that a browser said; of one that is none, nothing."""
    try:
        return urlsplit(url or "")
    except ValueError:
        return urlsplit("")
