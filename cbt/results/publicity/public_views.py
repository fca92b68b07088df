"""What everybody may read: which results are shown now, and the list of each; nothing once it is over (R-90).

These pages are the same for everybody and are kept, as of the change number of results and the day.
"""

from __future__ import annotations

import flask

from cbt.enrolment.body import body
from cbt.errors import TooMany
from cbt.http.auth import access
from cbt.http.auth.machine import current_machine
from cbt.http.auth.rate_limit import Allowance
from cbt.http.form_values import page_of
from cbt.http.i18n import local_day
from cbt.http.page_cache import page_for_all
from cbt.http.partials import Reply
from cbt.http.server import lanes
from cbt.results.change_number import result_number
from cbt.results.publicity import store
from cbt.results.publicity.public_list import how_to_object, public_list
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("public_lists", __name__, url_prefix="/publicity")
_ALLOWANCE = "cbt_publicity_allowance"


@pages.record_once
def _begin(state: flask.blueprints.BlueprintSetupState) -> None:
    state.app.extensions[_ALLOWANCE] = Allowance()


@pages.get("")
@lanes.for_everybody
@access.public
def index() -> Reply:
    """List what is shown now."""
    _count()
    today = local_day(flask.g.now)

    def draw() -> str:
        with reading() as session:
            found = store.open_publications(session, today)
            return flask.render_template("results/publicity/now.html", found=found)

    return page_for_all(flask.request.path, draw, version=(result_number(flask.request.environ), today))


@pages.get("/<ref>")
@lanes.for_everybody
@access.public
def one(ref: str) -> Reply:
    """Show the masked list of a sitting while its window is open."""
    _count()
    today, page = local_day(flask.g.now), page_of(flask.request.args)

    def draw() -> str:
        with reading() as session:
            found = public_list(session, ref, page=page, today=today)
            said = how_to_object(body(session), found.publication.last_on.isoformat())
            return flask.render_template("results/publicity/public.html", found=found, said=said)

    path = flask.url_for("results.public_lists.one", ref=ref, page=page if page > 1 else None)
    return page_for_all(path, draw, version=(result_number(flask.request.environ), today))


def _count() -> None:
    machine = current_machine()
    allowance: Allowance = flask.current_app.extensions[_ALLOWANCE]
    try:
        allowance.take(machine.guesses_as, now=flask.g.now)
    except TooMany as error:
        raise TooMany("publicity.throttled", **error.params) from error
