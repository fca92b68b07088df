"""Pages of marking (阅卷): the office's desks, a marker's queues, one answer at a time, the figures.

Source: R-51, R-62, R-110.
"""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.errors import CbtError, NotAllowed
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, form_on, form_page, see_other
from cbt.http.partials import Reply
from cbt.jobs.answers import act_reply
from cbt.rules.roles import Role
from cbt.scoring.marking.desk import name_marker, release_marker, set_threshold
from cbt.scoring.marking.figures import queue_figures
from cbt.scoring.marking.jobs import END_DESK, OPEN_DESK
from cbt.scoring.marking.overview import (
    answer_page,
    desk_list,
    desk_page,
    mark_page,
    next_answer,
    own_desk,
    seed_page,
)
from cbt.scoring.marking.store import queue_by_ref, sitting_of_queue
from cbt.scoring.marking.turns import MARKERS, MarkForm, change, give, set_aside, set_seed, take, take_back
from cbt.storage.unit_of_work import reading

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
MOST_CRITERIA = 30
DESK, OWN = "marking.desk", "marking.own"

pages = flask.Blueprint("marking", __name__, url_prefix="/marking")


@pages.get("")
@access.roles(*READERS, *MARKERS)
def index() -> Reply:
    """List the desks; to who only marks, those where they do."""
    principal = signed_in()
    reads = principal.has(*READERS)
    with reading() as session:
        found = desk_list(
            session, page=page_of(flask.request.args), staff_id=None if reads else principal.subject_id
        )
    return flask.render_template("scoring/marking/index.html", found=found, reads=reads)


# The office.


@pages.get("/desks/<sitting_ref>")
@access.roles(*READERS)
def desk(sitting_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the desk of a sitting with its progress, or how many papers wait for one to be opened."""
    with reading() as session:
        found = desk_page(session, sitting_ref, page=page_of(flask.request.args))
    return form_page("scoring/marking/desk.html", refused, found=found)


@pages.post("/desks/<sitting_ref>/open")
@access.roles(Role.OFFICER)
def open_one(sitting_ref: str) -> Reply:
    """Open the desk of a sitting, or bring in what came to wait since."""
    page = flask.url_for(DESK, sitting_ref=sitting_ref)
    return act_reply(OPEN_DESK, subject=f"sitting:{sitting_ref}", page=page, sitting=sitting_ref)


def _of_desk(error: CbtError) -> bool:
    return error.code.startswith("marking.") and error.code != "marking.unknown"


@pages.post("/desks/<sitting_ref>/end")
@access.roles(Role.OFFICER)
@form_on(desk, only=_of_desk)
def end(sitting_ref: str) -> Reply:
    """End the marking of a sitting and score its papers."""
    page = flask.url_for(DESK, sitting_ref=sitting_ref)
    return act_reply(END_DESK, subject=f"sitting:{sitting_ref}", page=page, sitting=sitting_ref)


@pages.post("/desks/<sitting_ref>/markers")
@access.roles(Role.OFFICER)
@form_on(desk, only=_of_desk)
def name(sitting_ref: str) -> Reply:
    """Name somebody who marks."""
    name_marker(sitting_ref, flask.request.form.get("staff", ""), now=flask.g.now, actor=acting())
    return see_other(_("marking.named"), DESK, sitting_ref=sitting_ref)


@pages.post("/desks/<sitting_ref>/markers/release")
@access.roles(Role.OFFICER)
@form_on(desk, only=_of_desk)
def release(sitting_ref: str) -> Reply:
    """Have somebody mark no more."""
    release_marker(sitting_ref, flask.request.form.get("staff", ""), now=flask.g.now, actor=acting())
    return see_other(_("marking.released"), DESK, sitting_ref=sitting_ref)


@pages.get("/queues/<ref>")
@access.roles(*READERS)
def queue(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the figures of a queue's markers, and the threshold of its item."""
    with reading() as session:
        one = queue_by_ref(session, ref)
        figures, sitting = queue_figures(session, one), sitting_of_queue(session, one)
    return form_page("scoring/marking/queue.html", refused, figures=figures, sitting=sitting, queue=one)


@pages.post("/queues/<ref>/threshold")
@access.roles(Role.OFFICER)
@form_on(queue, only=_of_desk)
def threshold(ref: str) -> Reply:
    """Say by how much two marks may differ."""
    set_threshold(ref, flask.request.form.get("threshold", ""), now=flask.g.now, actor=acting())
    return see_other(_("marking.threshold.set"), "marking.queue", ref=ref)


@pages.get("/queues/<ref>/seed")
@access.roles(Role.OFFICER)
def seed(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show an answer that may become a seed paper."""
    asked = refused.sent.get("answer", "") or flask.request.args.get("answer", "")
    with reading() as session:
        found = seed_page(session, ref, asked)
        following = next_answer(session, ref, found.ref)
    return form_page("scoring/marking/seed.html", refused, found=found, queue_ref=ref, following=following)


@pages.post("/queues/<ref>/seed")
@access.roles(Role.OFFICER)
@form_on(seed, only=lambda error: error.code in {"marking.points", "marking.reason", "text.unseen"})
def make_seed(ref: str) -> Reply:
    """Make an answer a seed paper."""
    set_seed(flask.request.form.get("answer", ""), _typed_form(), now=flask.g.now, actor=acting())
    return see_other(_("marking.seed.made"), "marking.queue", ref=ref)


# Who marks.


@pages.get("/own/<sitting_ref>")
@access.roles(*MARKERS)
def own(sitting_ref: str) -> Reply:
    """Show a marker the queues of a desk, and their last marks."""
    with reading() as session:
        found = own_desk(session, sitting_ref, signed_in(), page=page_of(flask.request.args))
    return flask.render_template("scoring/marking/own.html", found=found)


@pages.post("/queues/<ref>/take")
@access.roles(*MARKERS)
def take_next(ref: str) -> Reply:
    """Take the next answer of a queue."""
    return _next(ref)


def _next(queue_ref: str) -> Reply:
    try:
        answer = take(queue_ref, signed_in(), now=flask.g.now)
    except NotAllowed as error:
        if error.code != "marking.one_person":
            raise
        flash_refusal(error)
        return flask.redirect(flask.url_for(OWN, sitting_ref=_sitting_ref(queue_ref)), 303)
    if answer is not None:
        return flask.redirect(flask.url_for("marking.answer", ref=answer), 303)
    return see_other(_("marking.none_left"), OWN, sitting_ref=_sitting_ref(queue_ref))


def _sitting_ref(queue_ref: str) -> str:
    with reading() as session:
        return sitting_of_queue(session, queue_by_ref(session, queue_ref)).ref


@pages.get("/answers/<ref>")
@access.roles(*MARKERS)
def answer(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show one answer with what it is marked by."""
    with reading() as session:
        found = answer_page(session, ref, signed_in(), now=flask.g.now)
    return form_page("scoring/marking/answer.html", refused, found=found, changes=False)


def _typed_wrongly(error: CbtError) -> bool:
    return error.code in {"marking.points", "marking.remark", "marking.reason", "marking.word", "text.unseen"}


@pages.post("/answers/<ref>")
@access.roles(*MARKERS)
@form_on(answer, only=_typed_wrongly)
def give_points(ref: str) -> Reply:
    """Give an answer its points, and go on to the next."""
    queue_ref = give(ref, _typed_form(), signed_in(), now=flask.g.now)
    try:
        return _next(queue_ref)
    except CbtError as error:  # what was given stays given
        flash_refusal(error)
        return flask.redirect(flask.url_for("marking.index"), 303)


@pages.post("/answers/<ref>/aside")
@access.roles(*MARKERS)
@form_on(answer, only=_typed_wrongly)
def put_aside(ref: str) -> Reply:
    """Put a doubtful answer aside with a word, and go on to the next."""
    queue_ref = set_aside(ref, flask.request.form.get("word", ""), signed_in(), now=flask.g.now)
    return _next(queue_ref)


@pages.post("/answers/<ref>/back")
@access.roles(*MARKERS)
def take_again(ref: str) -> Reply:
    """Take an answer that one put aside again."""
    take_back(ref, signed_in(), now=flask.g.now)
    return flask.redirect(flask.url_for("marking.answer", ref=ref), 303)


@pages.get("/marks/<ref>")
@access.roles(*MARKERS)
def mark(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show one's own mark, to put another in its place."""
    with reading() as session:
        found = mark_page(session, ref, signed_in())
    return form_page("scoring/marking/answer.html", refused, found=found, changes=True)


@pages.post("/marks/<ref>")
@access.roles(*MARKERS)
@form_on(mark, only=_typed_wrongly)
def change_mark(ref: str) -> Reply:
    """Put another mark in the place of one's own."""
    queue_ref = change(ref, _typed_form(), signed_in(), now=flask.g.now)
    return see_other(_("marking.changed"), OWN, sitting_ref=_sitting_ref(queue_ref))


def _typed_form() -> MarkForm:
    form = flask.request.form
    points = [form.get(f"points-{number}", "")[:10] for number in range(MOST_CRITERIA)]
    return MarkForm(points, form.get("remark", ""), form.get("reason", ""))
