"""Security headers of every answer."""

from __future__ import annotations

import html

import flask

from cbt.config import Settings
from cbt.console.texts import language, text

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


def init_headers(app: flask.Flask, settings: Settings) -> None:
    """Set the security headers, and keep every page but static files out of caches."""
    transport = STRICT_TRANSPORT if settings.https else {}
    of_files, of_pages = FILE_HEADERS | transport, SECURITY_HEADERS | transport

    @app.after_request
    def add(response: flask.Response) -> flask.Response:
        served = flask.request.blueprint == "assets" and response.mimetype in FILES
        there = {name.casefold() for name, _ in response.headers}
        for name, value in (of_files if served else of_pages).items():
            if name.casefold() not in there:
                response.headers.add(name, value)
        return response
