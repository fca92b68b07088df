"""Access to views: who may call each, and to which page whoever was refused is led to have it mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import flask
import flask_babel

from cbt.errors import InvalidInput, NotAllowed, NotFound
from cbt.http.auth import login
from cbt.http.auth.login import CANDIDATE, Principal, at_the_others, current_principal, why_signed_out
from cbt.http.auth.machine import Machine, addresses_of, current_machine, init_addresses
from cbt.http.forms import sends_form
from cbt.http.partials import Reply, lead_to, page_of_form, wants_partial
from cbt.http.problems import have_recorded, wants_json
from cbt.rules.roles import Role

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a view: `public`, `lease` (the attempt's is the key), `candidate`, `staff`, `signed_in`."""

    kind: str
    roles: frozenset[Role] = frozenset()

    def admits(self, principal: Principal | None) -> bool:
        """Return whether `principal` may call the view at all; objects are checked by the services."""
        if self.kind in {"public", "lease"}:
            return True
        if self.kind == "signed_in":
            return principal is not None and principal.kind in {"candidate", "staff"}
        if principal is None or principal.kind != self.kind:
            return False
        return not self.roles or principal.has(*self.roles)


def _mark(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.cbt_access = access  # type: ignore[attr-defined]  # read back by access_of
        return view

    return mark


BEFORE_A_FACTOR = frozenset(
    {
        "accounts.password",
        "accounts.sign_out",
        "accounts.factors.enrol",
        "accounts.factors.enrol_now",
    }
)
"""What somebody may call who has to set up a second factor first."""

public = _mark(Access("public"))
lease = _mark(Access("lease"))
candidate = _mark(Access("candidate"))
staff = _mark(Access("staff"))
signed_in = _mark(Access("signed_in"))
"""What is no page and shows itself to nobody who does not know its name: anybody who is signed in."""


def roles(*allowed: Role) -> Callable[[View], View]:
    return _mark(Access("staff", frozenset(allowed)))


def access_of(app: flask.Flask, endpoint: str) -> Access | None:
    """Return what the view of `endpoint` declares; None when it declares nothing."""
    return getattr(app.view_functions.get(endpoint), "cbt_access", None)


def init_access(app: flask.Flask) -> None:
    """Check every request against the declaration of its view before the view runs, and note who is there."""
    login.init_attention(app)
    init_addresses(app)

    @app.before_request
    def check() -> Reply | None:
        endpoint = flask.request.endpoint
        if endpoint is None:
            return None
        _refuse_nul(flask.request)
        access = access_of(app, endpoint)
        if access is None:
            raise NotFound("web.no_page")
        if access.kind in {"public", "lease"}:
            return None
        principal = current_principal()
        if principal is None and access.kind == "signed_in":
            principal = at_the_others()
        if principal is None or principal.kind == login.HALF:
            if principal is None and access.kind in {"candidate", "signed_in"}:
                _refuse_elsewhere()
            if access.kind == "signed_in":
                raise NotAllowed("web.signed_out")
            return _to_sign_in(access, half=principal is not None)
        if principal.kind == CANDIDATE:
            addresses_of(app).note(principal.subject_ref, flask.request.remote_addr)
        if not access.admits(principal):
            flask.g.roles_wanted = access.roles
            raise NotAllowed("web.not_allowed")
        if principal.must_change_password and endpoint not in {"accounts.password", "accounts.sign_out"}:
            _keep_form()
            return flask.redirect(flask.url_for("accounts.password"), 303)
        if principal.owes_factor and endpoint not in BEFORE_A_FACTOR:
            _keep_form()
            return flask.redirect(flask.url_for("accounts.factors.enrol"), 303)
        if login.somebody_is_there(app.view_functions[endpoint], flask.request):
            login.note_act(principal, now=flask.g.now)
        return None


def register_elsewhere(app: flask.Flask, note: Callable[[str, Machine, datetime], None]) -> None:
    """Tell who keeps a record of a candidate's login that was used on another machine than its own."""
    app.extensions["cbt_elsewhere"] = note


def tell_elsewhere(subject_ref: str) -> None:
    """Have it recorded that this request used a login or a lease of `subject_ref` on another machine (R-42)."""
    note = flask.current_app.extensions.get("cbt_elsewhere")
    if note is not None:
        note(subject_ref, current_machine(), flask.g.now)


def asked_of_staff() -> bool:
    """Return whether a person asked for a page of staff in a browser that holds no login of staff.

    What a page asks by itself does not count, nor what a browser asks whose login of staff is over: whoever it
    was, it is not said of the candidate who may be signed in there, too.
    """
    if not flask.g.get("asked_of_staff") or flask.g.get("login_was"):
        return False
    view = flask.current_app.view_functions[flask.request.endpoint or ""]
    return login.somebody_is_there(view, flask.request)


def _refuse_elsewhere() -> None:
    subject_ref = flask.g.get("login_elsewhere")
    if subject_ref is not None:
        tell_elsewhere(subject_ref)
        raise NotAllowed("machine.other")


def _refuse_nul(request: flask.Request) -> None:
    # Nobody types it, and PostgreSQL refuses it in the middle of a statement. JSON bodies check their own values.
    environ = request.environ
    query = environ.get("QUERY_STRING", "")
    texts = [environ["PATH_INFO"], *(request.args.values() if "%00" in query or "\0" in query else ())]
    if sends_form(request):
        texts += request.form.values()
    if "\0" in "".join(texts):
        raise InvalidInput("web.bad_request")


def _to_sign_in(access: Access, *, half: bool) -> Reply:
    page = _keep_form() or page_of_form(flask.request)
    if access.kind == "candidate":
        target = flask.url_for("door.seat_page", over=why_signed_out() or None)
    elif half:
        target = flask.url_for("accounts.factors.code", next=page)
    else:
        flask.g.asked_of_staff = True
        have_recorded()
        target = flask.url_for("accounts.sign_in", next=page, over=why_signed_out() or None)
    if wants_json() and not wants_partial():
        raise NotAllowed("web.signed_out")
    return lead_to(target)


def _keep_form() -> str | None:
    """Have what was sent kept for whose form it is; return the page it comes back on, if it was."""
    keep: Callable[[], str | None] | None = flask.current_app.extensions.get("cbt_keep")
    return keep() if keep is not None else None


_REMEDIES = "cbt_remedies"


def register_remedy(app: flask.Flask, code: str, endpoint: str, text_id: str) -> None:
    """Have whoever is refused with `code` find the page on which that is mended, called as the text says."""
    app.extensions.setdefault(_REMEDIES, {})[code] = (endpoint, text_id)


def remedy(code: str, mended_at: str = "") -> tuple[str, str] | None:
    """Return the address and the name of the page that mends an error; None for none that the reader may open.

    A refusal that concerns one thing of many names its page itself: `mended_at`, a path of ours.
    """
    if mended_at:
        return mended_at, flask_babel.gettext("ui.see_missing")
    endpoint, text_id = flask.current_app.extensions.get(_REMEDIES, {}).get(code, ("", ""))
    declared, principal = access_of(flask.current_app, endpoint), current_principal()
    if declared is None or principal is None or not declared.admits(principal):
        return None
    return flask.url_for(endpoint), flask_babel.gettext(text_id)
