"""What everybody may read: which results are shown now, and the list of each; nothing once it is over (R-90)."""

from __future__ import annotations

import flask

from cbt.db.unit_of_work import reading
from cbt.enrolment.body.service import body
from cbt.errors import TooMany
from cbt.results.publicity import store
from cbt.results.publicity.printed import how_to_object
from cbt.results.publicity.public import public_list
from cbt.web.i18n import local_day
from cbt.web.partials import Reply
from cbt.web.texts import page_of
from cbt.web.who import access, throttle
from cbt.web.who.machine import current_machine

pages = flask.Blueprint("public_lists", __name__, url_prefix="/publicity")


@pages.get("")
@access.public
def index() -> Reply:
    """List what is shown now."""
    _count()
    with reading() as session:
        found = store.open_publications(session, local_day(flask.g.now))
        return flask.render_template("results/publicity/now.html", found=found)


@pages.get("/<ref>")
@access.public
def one(ref: str) -> Reply:
    """Show the masked list of a sitting while its window is open."""
    _count()
    with reading() as session:
        found = public_list(session, ref, page=page_of(flask.request.args), today=local_day(flask.g.now))
        said = how_to_object(body(session), found.publication.last_on.isoformat())
        return flask.render_template("results/publicity/public.html", found=found, said=said)


def _count() -> None:
    machine = current_machine()
    try:
        throttle.reserve_all(
            [throttle.Try("publicity", "", machine.guesses_as)], now=flask.g.now, address=machine.address
        )
    except TooMany as error:
        raise TooMany("publicity.throttled", **error.params) from error
