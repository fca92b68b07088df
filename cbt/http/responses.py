"""Responses: the security headers of every answer, packed bodies, and refusals that cost next to nothing."""

from __future__ import annotations

import html
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import flask

from cbt.config import Settings
from cbt.console.texts import language, text
from cbt.http.request_log import ENDPOINT
from cbt.http.server.deferred import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SECURITY_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), display-capture=()",
}


FILE_HEADERS = {
    name: SECURITY_HEADERS[name] for name in ("X-Content-Type-Options", "Cross-Origin-Resource-Policy")
}
"""What counts for a script or a style sheet, which is never a page: forty of them come with the first paper."""
FILES = frozenset({"text/javascript", "text/css"})


STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
"""A browser that came over https once never comes back without it, for a year."""


def bare_problem(code: str = "web.unexpected") -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and page of an error that the page of errors itself met: no template and no request needed.

    In the installation's language, for what was asked for may be what failed.
    """
    what, fix = (html.escape(text(f"error.{code}.{part}")) for part in ("what", "fix"))
    page = (
        f'<!doctype html><html lang="{language()}"><meta charset="utf-8"><title>{what}</title>'
        f"<h1>{what}</h1><p>{fix}</p></html>"
    )
    return [*SECURITY_HEADERS.items(), ("Content-Type", "text/html; charset=utf-8")], page.encode()


class SecuredHeaders:
    """Wraps an app: adds the security headers that an answer lacks; all but static files stay out of caches."""

    def __init__(self, inner: WSGIApplication, settings: Settings) -> None:
        transport = STRICT_TRANSPORT if settings.https else {}
        self._inner = inner
        self._of_files = list((FILE_HEADERS | transport).items())
        self._of_pages = list((SECURITY_HEADERS | transport).items())
        self._names = {name.casefold(): name for name in SECURITY_HEADERS | STRICT_TRANSPORT}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: Headers, *error: Any) -> Any:
            return start_response(status, self.of(environ, headers), *error)

        return self._inner(environ, start)

    def of(self, environ: WSGIEnvironment, headers: Headers) -> Headers:
        """Return the headers of an answer with those that it lacks."""
        served = str(environ.get(ENDPOINT)).startswith("assets.") and _is_file(headers)
        there = {self._names.get(name.casefold()) for name, _ in headers}
        return headers + [
            one for one in (self._of_files if served else self._of_pages) if one[0] not in there
        ]


def _is_file(headers: Headers) -> bool:
    return any(
        name.casefold() == "content-type" and value.partition(";")[0].strip() in FILES
        for name, value in headers
    )


def init_headers(app: flask.Flask, settings: Settings) -> None:
    """Set the security headers of whatever Flask answers; called before anything else is put around the app."""
    secured = app.extensions["cbt_secured"] = SecuredHeaders(app.wsgi_app, settings)
    app.wsgi_app = secured  # type: ignore[method-assign]  # how Flask takes middleware


# Bodies sent packed to browsers that unpack.
#
# Not every page: what a stranger can have repeated beside a secret must not be packed with it (BREACH), so a
# view says of itself that it may be.

GZIP = 31
"""What zlib calls the format of gzip."""
FASTEST = 1
"""A third of the bytes for a fifth of a millisecond: for what everybody asks for in the same second."""
GOOD = 6
"""For a page, which costs more to write than to pack."""


def unpacks(accept_encoding: str | None) -> bool:
    return accept_encoding is not None and "gzip" in accept_encoding


def packed(body: bytes, *, effort: int = FASTEST) -> bytes:
    return zlib.compress(body, effort, wbits=GZIP)


def packed_page(text: str) -> flask.Response:
    """Return a page, packed where the browser unpacks; for pages that repeat nothing a stranger chose."""
    body, headers = text.encode(), {"Vary": "Accept-Encoding"}
    if unpacks(flask.request.headers.get("Accept-Encoding")):
        body, headers["Content-Encoding"] = packed(body, effort=GOOD), "gzip"
    return flask.Response(body, headers=headers, mimetype="text/html")
