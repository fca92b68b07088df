"""The page of a 试答. It answers itself: no address here or elsewhere takes what is typed into it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import flask
from flask_babel import gettext

from cbt.candidates.models import Registration
from cbt.db.unit_of_work import reading
from cbt.delivery.paper.head import timing_of
from cbt.delivery.practice.sample import MINUTES, WARNINGS, sample_of
from cbt.delivery.tools.offering import page_texts
from cbt.door.shown import door_view
from cbt.exams.store import paper_of
from cbt.rules.exam.paper import Paper
from cbt.rules.exam.tools import TOOLS, tools_in
from cbt.rules.roles import OF_THE_HOUSE
from cbt.web.gzipping import packed_page
from cbt.web.i18n import wall_turns
from cbt.web.partials import Reply
from cbt.web.who import access
from cbt.web.who.login import signed_in

pages = flask.Blueprint("practice", __name__)

PICTURE = "delivery/practice/table.svg"
SHOWN = Paper("", "", timedelta(minutes=MINUTES), calculator=True, tools=TOOLS, lock_down=False)
"""What staff show: a paper with every tool."""


@pages.get("/exam/practice")
@access.candidate
def practice() -> Reply:
    """A sample as the candidate's own paper will be, while they wait; the start ends it."""
    registration_id = signed_in().subject_id
    view = door_view(registration_id)
    if view.step != "wait" or view.started or view.evacuated:
        return flask.redirect(flask.url_for("door.wait"), 303)
    with reading() as session:
        row = session.get_one(Registration, registration_id)
        own, tools = paper_of(session, row.blueprint_version_id, row.paper), tools_in(row.tools)
    person = {
        "candidate_name": view.name,
        "ticket_number": view.ticket,
        "seat_number": view.seat,
        "photo_url": flask.url_for("door.photo") if view.has_photo else None,
        "watermark": f"{view.name} {view.ticket}" if own.lock_down else None,
        "lock_down": own.lock_down,
    }
    waiting = {"state": flask.url_for("delivery.wait_state"), "home": flask.url_for("door.wait")}
    return _page(own, tools, person, by_unit=timing_of(own) != "none", waiting=waiting)


@pages.get("/staff/practice")
@access.roles(*OF_THE_HOUSE)
def shown() -> Reply:
    """The same for staff who show it: nobody's name, every tool, and either shape of a paper."""
    by_unit = flask.request.args.get("shape") == "units"
    person = {
        "candidate_name": gettext("answering.practice.nobody"),
        "ticket_number": "—",
        "seat_number": "—",
        "photo_url": None,
        "watermark": None,
        "lock_down": False,
    }
    return _page(SHOWN, [], person, by_unit=by_unit, waiting={"home": flask.url_for("accounts.home")})


def _page(
    own: Paper, tools: list[str], person: dict[str, Any], *, by_unit: bool, waiting: dict[str, str]
) -> Reply:
    picture = flask.current_app.extensions["cbt_assets"].url(PICTURE)
    sample = sample_of(own, tools, by_unit=by_unit, picture=picture)
    home = waiting["home"]
    texts = page_texts(sample["tools"], "practice")
    own_words = {name.removeprefix("practice."): text for name, text in texts.items()}
    page = flask.render_template(
        "delivery/practice/practice.html",
        attempt={"ref": "practice", "paper_title": sample["title"], **person},
        csrf="",
        turns=wall_turns(now=flask.g.now),
        urls={
            **{name: name for name in ("start", "answers", "advance", "submit", "clock", "news")},
            "message": "message/0/",
            "done": home,
            "seat": home,
        },
        texts={**texts, **{name: text for name, text in own_words.items() if name in texts}},
        sample={"paper": sample, "seconds": 60 * MINUTES, **WARNINGS},
        waiting=waiting,
        by_unit=by_unit,
        seconds=60 * MINUTES,
    )
    return packed_page(page)
