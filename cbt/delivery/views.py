"""Pages around an attempt: the waiting room's signal, the answer page, its end, and drawing the forms."""

from __future__ import annotations

import flask
from flask_babel import gettext

from cbt.candidates.store import with_photo
from cbt.db.unit_of_work import reading
from cbt.delivery.moving import OVER
from cbt.delivery.news.asking import number_now
from cbt.delivery.paper.drawing import draw_for_sitting, drawn_count_of
from cbt.delivery.recovery.leftovers import leftovers, read_leftovers
from cbt.delivery.store import SeatCard, seat_card
from cbt.delivery.tools.offering import page_texts, tools_of_page
from cbt.delivery.waiting.hall import WaitingHall
from cbt.delivery.waiting.standing import standing_of, told
from cbt.door.kiosk import views as kiosk
from cbt.errors import Conflict, NotFound
from cbt.exams.store import blueprint_of
from cbt.rules.exam.paper import Paper
from cbt.rules.roles import Role
from cbt.web.forms import flash_refusal, sent_json
from cbt.web.gzipping import packed_page
from cbt.web.i18n import explain_value
from cbt.web.partials import Reply
from cbt.web.who import access
from cbt.web.who.login import acting, machine_id, signed_in

pages = flask.Blueprint("delivery", __name__)


def _own_card(ref: str) -> tuple[SeatCard, str, Paper]:
    with reading() as session:
        card = seat_card(session, signed_in().subject_id)
        if card is None or card.attempt_ref != ref:
            raise NotFound("attempt.unknown")
        blueprint = blueprint_of(session, card.registration.blueprint_version_id)
        paper = blueprint.papers[card.registration.paper]
    title = blueprint.paper_title(card.registration.paper)
    return card, title, paper


@pages.get("/exam/wait/state")
@access.candidate
def wait_state() -> Reply:
    """Say whether the waiting room may let this candidate through: the room's clock has begun.

    Nearly everybody is answered before a view is asked (waiting/path.py); who comes here hears the same, at once.
    """
    hall: WaitingHall = flask.current_app.extensions["cbt_waiting_hall"]
    with reading() as session:
        number = number_now(session)
        standing = standing_of(session, signed_in().subject_id)
    url = flask.url_for("delivery.runner", ref=standing.attempt_ref) if standing.goes else None
    return told(standing, now=flask.g.now, number=number, url=url, span=hall.span, may_wait=False)


@pages.get("/exam/<ref>")
@access.candidate
def runner(ref: str) -> Reply:
    """The answer page: one shell for the whole paper, filled by the page's own requests."""
    kiosk.insist()
    card, title, paper = _own_card(ref)
    if card.attempt_state in OVER:
        return flask.redirect(flask.url_for("delivery.done", ref=ref), 303)
    registration = card.registration
    if registration.confirmed_at is None or registration.query_at is not None:
        return flask.redirect(flask.url_for("door.confirm"), 303)
    if registration.pledged_at is None:
        return flask.redirect(flask.url_for("door.notice"), 303)
    if card.room_started_at is None:
        return flask.redirect(flask.url_for("door.wait"), 303)
    with reading() as session:
        has_photo = bool(with_photo(session, [card.candidate_id]))
    page = flask.render_template(
        "delivery/paper/runner.html",
        attempt={
            "ref": ref,
            "paper_title": title,
            "purpose": card.purpose,
            "candidate_name": card.candidate_name,
            "ticket_number": card.ticket_number,
            "seat_number": f"{card.seat_number:02d}",
            "photo_url": flask.url_for("door.photo") if has_photo else None,
            "watermark": f"{card.candidate_name} {card.ticket_number}" if paper.lock_down else None,
            "lock_down": paper.lock_down,
            "zone": flask.current_app.extensions["cbt_zone"].key,
        },
        urls={
            "start": flask.url_for("attempts.start", ref=ref),
            "answers": flask.url_for("attempts.answers", ref=ref),
            "advance": flask.url_for("attempts.advance", ref=ref),
            "submit": flask.url_for("attempts.submit", ref=ref),
            "clock": flask.url_for("attempts.clock", ref=ref),
            "news": flask.url_for("news.since", ref=ref),
            "message": flask.url_for("attempts.read_message", ref=ref, message_id=0),
            "done": flask.url_for("delivery.done", ref=ref),
            "seat": flask.url_for("door.seat_page"),
        },
        texts=page_texts(tools_of_page(paper, registration.tools)),
    )
    return packed_page(page)


@pages.get("/exam/<ref>/done")
@access.candidate
def done(ref: str) -> Reply:
    """What a candidate sees after the paper: how it was closed, and the receipt (R-28)."""
    card, title, _ = _own_card(ref)
    if card.attempt_state not in OVER:
        return flask.redirect(flask.url_for("delivery.runner", ref=ref), 303)
    return flask.render_template(
        "delivery/close/done.html", card=card, title=title, closed_at=explain_value(card.closed_at)
    )


@pages.post("/exam/held")
@access.public
def held() -> Reply:
    """Tell a seat page which of the answers of one attempt left on its machine the server has (R-16)."""
    attempt_ref, keys = read_leftovers(sent_json())
    known = leftovers(attempt_ref, keys, machine=machine_id())
    return {"held": known.held, "over": known.over}


@pages.post("/office/sittings/<sitting_ref>/draw")
@access.roles(Role.OFFICER)
def draw_forms(sitting_ref: str) -> Reply:
    """组卷: draw and freeze one form for every registration of a sitting that has none."""
    try:
        drawn = draw_for_sitting(sitting_ref, now=flask.g.now, actor=acting())
    except Conflict as error:
        flash_refusal(error)
    else:
        said = gettext("delivery.draw.done", count=drawn) if drawn else gettext("delivery.draw.nothing")
        flask.flash(said, "ok" if drawn else "message")
    return flask.redirect(flask.url_for("candidates.sitting", ref=sitting_ref), 303)


@pages.get("/office/sittings/<sitting_ref>/drawn")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
def drawn_count(sitting_ref: str) -> Reply:
    """How many registrations of a sitting have their form, as a fragment of the officer's page."""
    with reading() as session:
        drawn, needed = drawn_count_of(session, sitting_ref)
    return flask.render_template("delivery/_drawn.html", drawn=drawn, needed=needed)
