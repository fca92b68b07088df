"""A candidate's own results: seen by whoever is signed in or has ticket and document, printed, and checked."""

from __future__ import annotations

from functools import partial

import flask
from flask_babel import gettext as _

from cbt.errors import InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import current_principal
from cbt.http.auth.machine import current_machine
from cbt.http.downloads import attachment
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on
from cbt.http.i18n import local_day
from cbt.http.page_cache import own_page, page_for_all
from cbt.http.partials import Reply
from cbt.http.server import lanes
from cbt.printing.pdf import PDF
from cbt.results import my_results
from cbt.results.change_number import result_number
from cbt.results.my_results import checked_slip, released_exams, slip_paper

pages = flask.Blueprint("results", __name__)


def _ask_page(refused: Refusal = NOTHING_REFUSED) -> tuple[str, int]:
    told = {"errors": refused.by_field(otherwise="ticket"), "ticket": refused.sent.get("ticket", "")[:40]}
    return flask.render_template("results/ask.html", **told), refused.code


@pages.get("/my/results")
@lanes.for_everybody
@access.public
def mine() -> Reply:
    """Show a signed-in candidate their results; ask anybody else for ticket and document."""
    principal, now = current_principal(), flask.g.now
    if principal is None or principal.kind != "candidate":
        return page_for_all(flask.request.path, lambda: _ask_page()[0])
    login, whose = principal.login_session_id, partial(my_results.results_of, principal.subject_id, now=now)
    version = result_number(flask.request.environ), local_day(now)
    return own_page(login, lambda: _mine_page(whose()), version=version)


@pages.post("/my/results")
@lanes.for_everybody
@access.public
@form_on(_ask_page, InvalidInput)
def look_up() -> Reply:
    """Show the results of whoever holds this ticket and document; nothing is remembered in the browser."""
    ticket, document = _typed()
    found = my_results.look_up(ticket=ticket, document=document, machine=current_machine(), now=flask.g.now)
    # What was typed goes with the form that prints the slip: nothing else knows the asker.
    return _mine_page(found, (ticket, document))


@pages.post("/my/results/slip")
@access.public
@form_on(_ask_page, InvalidInput)
def slip() -> Reply:
    """Send the released results of a signed-in candidate, or of whoever holds ticket and document, as a page."""
    principal, now = current_principal(), flask.g.now
    if principal is not None and principal.kind == "candidate":
        found = my_results.results_of(principal.subject_id, now=now)
    else:
        ticket, document = _typed()
        found = my_results.look_up(ticket=ticket, document=document, machine=current_machine(), now=now)
    address = flask.request.host_url.rstrip("/") + flask.url_for("results.check")
    return attachment(slip_paper(found, address=address, now=now), PDF, f"{_('slip.title')}-{found.name}.pdf")


@pages.get("/my/results/check")
@lanes.for_everybody
@access.public
def ask_check() -> Reply:
    """Ask for the ticket and the code of a slip."""
    return flask.render_template("results/check.html", asked=False, found=None, exams=())


@pages.post("/my/results/check")
@lanes.for_everybody
@access.public
def check() -> Reply:
    """Say whether a slip says what holds now (R-94)."""
    ticket, code = _typed("code")
    found = checked_slip(ticket=ticket, code=code, machine=current_machine(), now=flask.g.now)
    exams = () if found is None else released_exams(found)
    return flask.render_template("results/check.html", asked=True, found=found, exams=exams)


def _mine_page(found: my_results.CandidateResults, asked: tuple[str, str] | None = None) -> str:
    return flask.render_template("results/mine.html", mine=found, asked=asked)


def _typed(secret: str = "document") -> tuple[str, str]:
    form = flask.request.form
    return form.get("ticket", "")[:40], form.get(secret, "")[:40]
