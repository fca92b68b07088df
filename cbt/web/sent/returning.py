"""A form that arrives after its sender's login was over comes back filled once they have signed in again.

Whose it is says its one-time key (keys.py), which no other site can know and nobody else can draw. With it, the
form token has to be that of this browser's cookie, whose login is over; or, where the cookie is a newer one, the
browser has to say that one of our own pages sent the form. Nothing is carried out: the page is shown as whoever
asks for it may see it, with the form filled.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import flask

from cbt.db.failures import cannot_persist
from cbt.errors import CbtError, Conflict
from cbt.web.partials import Reply, is_from_here, lead_to, local_target, page_of_form
from cbt.web.problems import wants_json
from cbt.web.sent import keeping, keys
from cbt.web.sent.filling import OURS
from cbt.web.who.access import access_of
from cbt.web.who.attention import KIND
from cbt.web.who.login import current_principal, why_signed_out
from cbt.web.who.opening import STAFF_LIFETIME

log = logging.getLogger(__name__)
ARGUMENT, PAGE_FIELD = "kept", "form_page"
NEVER = ("accounts.password", "accounts.sign_out", "accounts.factors.", "accounts.approvals.", "kept.")
"""Endpoints whose forms hold passwords or codes, or nothing that was typed."""
ANCHOR = "kept"
LONGEST_ADDRESS = 1500
EARLY = timedelta(minutes=1)


def form_page() -> str:
    """Return the page that a form of a page belongs to which answers a form: it leads back where that one was."""
    if flask.request.method != "POST":
        return ""
    return local_target(flask.request.form.get(PAGE_FIELD), page_of_form(flask.request) or "")


def keep_sent(*, stale_token: bool = False) -> str | None:
    """Keep the form of this request for whose page it was on; return the address it comes back at, or None.

    `stale_token` says that its form token is not that of this browser's cookie.
    """
    owner = _owner(stale_token=stale_token)
    if owner is None:
        return None
    request = flask.request
    fields = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in OURS and "password" not in name
    ]
    files = [
        keeping.KeptFile(name, file.filename, file.mimetype, file.read())
        for name, file in request.files.items(multi=True)
        if file.filename
    ]
    if not files and all(name == keys.FIELD or not value for name, value in fields):
        return None
    page = local_target(request.form.get(PAGE_FIELD), page_of_form(request) or request.path)
    page = _without(page) if len(page) <= LONGEST_ADDRESS else request.path
    content = keeping.KeptContent(fields, files)
    try:
        ref = keeping.keep(owner, path=request.path, page=page, content=content, now=flask.g.now)
    except Exception as error:
        if not cannot_persist(error):
            raise
        log.warning("a form was not kept: %s", type(error).__name__)
        return None
    return address_of(page, ref)


def recover() -> Reply | CbtError | None:
    """Answer a form whose token is not that of this browser's cookie: somebody signed in, or out, in between.

    None where nothing can be kept of it. Whoever signed in as somebody else is told whose it is not.
    """
    back, principal = keep_sent(stale_token=True), current_principal()
    if back is None:
        return None
    owner = keys.read(flask.request.form[keys.FIELD])
    if principal is None or principal.kind != KIND:
        return lead_to(flask.url_for("accounts.sign_in", next=back, over=why_signed_out() or None))
    if owner is None or owner.subject_ref != principal.subject_ref:
        return Conflict("web.other_account")
    return lead_to(back)


def _owner(*, stale_token: bool) -> str | None:
    """Return whom the form of this request belongs to; None where it is nobody's, or none that is kept."""
    request = flask.request
    endpoint = request.endpoint or ""
    access = access_of(flask.current_app, endpoint)
    by_program = wants_json() or request.mimetype not in (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    )
    if request.method != "POST" or by_program or access is None or access.kind != KIND:
        return None
    drawn = keys.read(request.form.get(keys.FIELD, ""))
    if drawn is None or endpoint.startswith(NEVER):
        return None
    if not -EARLY <= flask.g.now - drawn.drawn_at <= STAFF_LIFETIME:
        return None
    was = flask.g.get("login_was") or drawn.subject_ref
    if was != drawn.subject_ref or (stale_token and not is_from_here(request)):
        return None
    return drawn.subject_ref


def address_of(page: str, ref: str) -> str:
    path, _, query = page.partition("?")
    return f"{path}?{urlencode([*parse_qsl(query, keep_blank_values=True), (ARGUMENT, ref)])}#{ANCHOR}"


def _without(page: str) -> str:
    path, _, query = page.partition("#")[0].partition("?")
    rest = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != ARGUMENT]
    return f"{path}?{urlencode(rest)}" if rest else path
