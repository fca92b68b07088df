"""Pages of the edge: language and theme, kept forms, files over a proxy's limit, `/metrics`, trust."""

from __future__ import annotations

from collections.abc import Iterable

import flask

from cbt.config import LOCALES, Settings
from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.auth.access import public
from cbt.http.auth.cookies import is_of_staff, write_cookie
from cbt.http.auth.login import signed_in
from cbt.http.downloads import attachment
from cbt.http.form_posts import idempotency, kept_forms
from cbt.http.form_posts.refill import OURS
from cbt.http.i18n import THEMES
from cbt.http.metrics import CONTENT_TYPE, Metrics
from cbt.http.partials import Reply, local_target
from cbt.http.server.proxies import Network, is_among, read_networks
from cbt.http.server.request_body import too_large
from cbt.http.tls import ServedCertificate, read_shown

preference_pages = flask.Blueprint("preferences", __name__)
YEAR_SECONDS = 365 * 24 * 3600


@preference_pages.app_template_global("preferences_url")
def preferences_url() -> str:
    """Return where a page sends its form of language and theme: where the form token it holds is known."""
    staff = is_of_staff(flask.request.path)
    return flask.url_for("preferences.save_of_staff" if staff else "preferences.save")


@preference_pages.post("/staff/preferences")
@public
def save_of_staff() -> Reply:
    """Keep what was chosen on a page at an address of staff, whose session has the token of that form."""
    return save()


@preference_pages.post("/preferences")
@public
def save() -> Reply:
    """Keep the chosen language or theme and go back to the page it was chosen on."""
    response = flask.redirect(
        local_target(flask.request.form.get("next"), flask.url_for("door.seat_page")), 303
    )
    for name, allowed in (("locale", LOCALES), ("theme", THEMES)):
        value = flask.request.form.get(name, "")
        if value in allowed:
            write_cookie(response, name, value, max_age=YEAR_SECONDS)
    return response


LONG = 80
"""What is longer is shown in an area of its own."""

kept_form_pages = flask.Blueprint("kept", __name__)


@kept_form_pages.get("/staff/kept/<ref>")
@access.staff
def one(ref: str) -> Reply:
    """Show what somebody typed into a form, to themselves."""
    kept_form = kept_forms.kept(ref, signed_in().subject_ref, now=flask.g.now)
    if kept_form is None:
        raise NotFound("web.not_kept")
    typed = [
        (name, value)
        for name, value in kept_form.content.fields
        if name not in OURS | {idempotency.FIELD} and value
    ]
    long = [value for _, value in typed if len(value) > LONG or "\n" in value]
    return flask.render_template("http/form_posts/kept.html", kept=kept_form, typed=typed, long=long)


@kept_form_pages.post("/staff/kept/<ref>/forget")
@access.staff
def forget(ref: str) -> Reply:
    kept_forms.forget(ref, signed_in().subject_ref)
    return flask.redirect(flask.url_for("accounts.home"), 303)


receiving_pages = flask.Blueprint("receiving", __name__)


@receiving_pages.get("/too-large")
@access.public
def refused() -> Reply:
    """Say how large a file may be and what to do, as where this server itself refuses it (413)."""
    raise too_large(flask.current_app)


metrics_pages = flask.Blueprint("metrics", __name__)
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
LOOPBACK = read_networks("127.0.0.0/8, ::1")
READERS = "cbt_metrics_readers"
"""Where an app keeps the networks of CBT_METRICS_FROM."""


def init_metrics(app: flask.Flask, settings: Settings, metrics: Metrics) -> None:
    app.extensions["cbt_metrics"] = metrics
    app.extensions[READERS] = read_networks(settings.metrics_from, setting="CBT_METRICS_FROM")


def may_read(request: flask.Request, readers: Iterable[Network]) -> bool:
    """Return whether a request was made on this machine, or comes straight from one of `readers`.

    A proxy on this machine comes from the loopback address too, and one may stand at an address that is named: so
    what a proxy passes on is known by its headers and, here, by the name that was asked for.
    """
    if any(name in request.headers for name in FORWARDED):
        return False
    address = request.remote_addr or ""
    if is_among(address, readers):
        return True
    host = request.host.rsplit(":", 1)[0].strip("[]")
    return (host == "localhost" or is_among(host, LOOPBACK)) and is_among(address, LOOPBACK)


@metrics_pages.get("/metrics")
@access.public
def metrics() -> Reply:
    """Show what the server counts; for everybody else there is no such page."""
    if not may_read(flask.request, flask.current_app.extensions[READERS]):
        raise NotFound("web.no_page")
    counted: Metrics = flask.current_app.extensions["cbt_metrics"]
    return flask.Response(counted.render(), content_type=CONTENT_TYPE)


tls_trust_pages = flask.Blueprint("trust", __name__)
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
    shown: ServedCertificate | None = flask.current_app.extensions[SHOWN]
    return shown is not None and shown.expires_soon(flask.g.now)


def _own() -> ServedCertificate:
    shown: ServedCertificate | None = flask.current_app.extensions[SHOWN]
    if shown is None or not shown.authority:
        raise NotFound("tls.not_own")
    return shown


@tls_trust_pages.get(PATH)
@access.public
def trust() -> Reply:
    return flask.render_template("http/trust.html", shown=_own(), host=flask.request.host)


@tls_trust_pages.get("/trust/cbt-authority.crt")
@access.public
def certificate() -> Reply:
    """Send the authority's certificate; there is nothing secret in it."""
    return attachment(_own().authority, "application/x-x509-ca-cert", "cbt-authority.crt")
