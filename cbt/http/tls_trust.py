"""The page that tells how a machine comes to trust this installation's own certificate, and the certificate."""

from __future__ import annotations

import flask

from cbt.config import Settings
from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.downloads import attachment
from cbt.http.partials import Reply
from cbt.http.tls import ShownCertificate, read_shown

pages = flask.Blueprint("trust", __name__)
SHOWN = "cbt_tls"
PATH = "/trust"
"""Said at the start of a server, where there is no app to ask for it."""


def init_trust(app: flask.Flask, settings: Settings) -> None:
    """Read what this process serves with: a certificate renewed later is shown after a restart, and warned of
    until then."""
    shown = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        shown = read_shown(settings.tls_cert, settings.tls_key)
    app.extensions[SHOWN] = shown
    app.add_template_global(tls_ends_soon, "tls_ends_soon")


def tls_ends_soon() -> bool:
    """Return whether the certificate that is served ends within 30 days."""
    shown: ShownCertificate | None = flask.current_app.extensions[SHOWN]
    return shown is not None and shown.expires_soon(flask.g.now)


def _own() -> ShownCertificate:
    shown: ShownCertificate | None = flask.current_app.extensions[SHOWN]
    if shown is None or not shown.authority:
        raise NotFound("tls.not_own")
    return shown


@pages.get(PATH)
@access.public
def trust() -> Reply:
    """Show how the machines of a room come to trust this server."""
    return flask.render_template("http/tls_trust/trust.html", shown=_own(), host=flask.request.host)


@pages.get("/trust/cbt-authority.crt")
@access.public
def certificate() -> Reply:
    """Send the authority's certificate; there is nothing secret in it."""
    return attachment(_own().authority, "application/x-x509-ca-cert", "cbt-authority.crt")
