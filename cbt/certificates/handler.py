"""The look-up of a certificate: POST /verify, which anybody may send, and a town does on the day of the results.

Sent in a form, so that no address holds a name. Source: R-94.
"""

from __future__ import annotations

from dataclasses import fields
from functools import partial

import flask

from cbt.certificates.look_up import FoundCertificate, look_at, look_up
from cbt.http.auth.machine import Machine, current_machine, tokens_of
from cbt.http.page_cache import filled, hole, kept_for_all, page_for_all
from cbt.http.partials import Reply
from cbt.http.server.hot_addresses import HTML, HandOn, HotHandler, HotRequest, HotResponse, OnPage, Result
from cbt.rules.certificates import grouped


class LookUpHandler(HotHandler[None]):
    """Says what the register knows of a certificate."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._machines = tokens_of(app)

    def read(self, request: HotRequest) -> Result:
        """Return the page of what was found; raise TooMany as `look_up` does.

        Whoever is signed in has a page of their own, and a browser without a token of ours may have one that the
        view knows: nothing is counted for those here.
        """
        if request.by_view:
            return OnPage(partial(_answer_page, self._find(request, current_machine())))
        browser, path = request.sender, str(request.environ["PATH_INFO"])
        if browser is None or not browser.has_machine or browser.token_hash:
            return HandOn.TO_THE_VIEW
        with self._app.app_context():
            found_certificate = self._find(request, self._machines.machine(request.environ))
        page = kept_for_all(self._app, path, browser, kind=_kind(found_certificate))
        if page is None:
            return OnPage(partial(_answer_page, found_certificate))
        return HotResponse([HTML, ("Vary", "Cookie")], _filled(page, found_certificate).encode())

    def _find(self, request: HotRequest, machine: Machine) -> FoundCertificate | None:
        form, now = request.form, request.now
        if form.get("statement"):
            return look_at(form["statement"], machine=machine, now=now)
        return look_up(number=form.get("number", ""), name=form.get("name", ""), machine=machine, now=now)


def _answer_page(found_certificate: FoundCertificate | None) -> Reply:
    """Draw the page of what was found: that of nobody's certificate, filled in.

    However it was asked for, an answer takes the same steps (R-94).
    """
    kind = _kind(found_certificate)

    def draw() -> str:
        nobodys = FoundCertificate(**{name: hole(name) for name in _TEXTS}, revoked=kind == "revoked")
        return flask.render_template("certificates/verified.html", found=None if kind == "none" else nobodys)

    return _filled(page_for_all(flask.request.path, draw, kind=kind), found_certificate)


_TEXTS = tuple(field.name for field in fields(FoundCertificate) if field.name != "revoked")


def _kind(found_certificate: FoundCertificate | None) -> str:
    if found_certificate is None:
        return "none"
    return "revoked" if found_certificate.revoked else "valid"


def _filled(page: str, found_certificate: FoundCertificate | None) -> str:
    if found_certificate is None:
        return page
    texts = {name: getattr(found_certificate, name) for name in _TEXTS}
    return filled(page, texts | {"number": grouped(found_certificate.number)})
