"""Pages of the proctor: rooms, the board, acts, reports, inspection, 导入作答恢复文件, 考后材料."""

from __future__ import annotations

import json
from typing import Any

import flask
import flask_babel
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from cbt.accounts.approvals.requests import ApprovalWish, Second, SecondNeeded
from cbt.accounts.approvals.views import ask_for, typed_second
from cbt.blueprints.reasons import REASON, VIOLATION, table_now, words_of
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.http.auth import access, login
from cbt.http.auth.login import signed_in
from cbt.http.downloads import picture
from cbt.http.form_posts import idempotency
from cbt.http.form_posts.kept_forms import kept_here
from cbt.http.form_values import page_of, whole_number
from cbt.http.forms import (
    NOTHING_REFUSED,
    Refusal,
    form_on,
    form_page,
    is_filled,
    refusal,
    see_other,
    uploaded,
)
from cbt.http.i18n import local_zone, word
from cbt.http.partials import Reply, unless_seen, wants_partial
from cbt.jobs.answers import file_reply
from cbt.proctoring import inspection
from cbt.proctoring.act import Act, ActRequest, ActResult, By, runs_room, runs_rooms, said_text
from cbt.proctoring.acts import registry
from cbt.proctoring.approval import credential_rules, wish_for
from cbt.proctoring.board import display
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.page import board_page, drawing_of, glanced_board, looked_at, what_changed
from cbt.proctoring.board.parts import BoardWay, drawn_before, way_of
from cbt.proctoring.incidents import PARTS, told_of_room
from cbt.proctoring.jobs import ROOM_RECORD
from cbt.proctoring.pages import (
    my_rooms,
    read_open_board,
    read_person,
    read_photo,
    read_room,
    rooms_to_evacuate,
)
from cbt.proctoring.pages import preview as act_preview
from cbt.proctoring.record_papers import room_papers, sitting_papers
from cbt.proctoring.recovery import import_recovery, preview_recovery, room_imports
from cbt.rules.roles import Role
from cbt.runner.recovery_file import MAX_BYTES
from cbt.sittings.store import RoomView, room_view_for
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("proctoring", __name__)

READERS = (Role.PROCTOR, Role.CHIEF_PROCTOR, Role.OFFICER, Role.INSPECTOR, Role.ADMIN)
VIEWS = ("map", "list")
may_read = access.roles(*READERS)
may_act = access.roles(Role.PROCTOR, Role.CHIEF_PROCTOR)


@pages.app_template_filter("span")
def span_filter(value: object) -> str:
    """Say a span in words: 4 分 35 秒."""
    return display.span_words(value)


@pages.app_template_filter("said")
def said_filter(done: ActResult) -> str:
    return said_text(done)


@pages.app_template_filter("enumerated")
def enumerated_filter(words: list[str]) -> list[tuple[int, str]]:
    return list(enumerate(words))


@pages.get("/proctor")
@may_read
def rooms() -> Reply:
    """My rooms: today's with what to do next, those to come, those that are over."""
    listing = my_rooms(signed_in(), now=flask.g.now, page=page_of(flask.request.args))
    return flask.render_template(
        "proctoring/board/rooms.html", rooms=listing, can_act=runs_rooms(signed_in())
    )


@pages.get("/proctor/rooms/<room_ref>")
@may_read
def board(room_ref: str) -> Reply:
    room_board, _ = _open_board(room_ref)
    return board_page(room_board, _chosen_way(room_ref), asked=asked_again(room_ref))


def asked_again(room_ref: str) -> str:
    """Return the dialog of an act whose form was kept from a page of this room, "" for none.

    What was typed is filled in as in every form that comes back; a seat that is gone leaves no dialog.
    """
    mine = kept_here()
    acts = flask.url_for("proctoring.act", room_ref=room_ref, code="-").removesuffix("-")
    if mine is None or not mine.path.startswith(acts) or not runs_rooms(signed_in()):
        return ""
    code = mine.path.removeprefix(acts)
    try:
        shown = _asked("proctoring/desk/_act.html", room_ref, code, MultiDict(mine.content.fields))
    except CbtError:
        return ""
    return drawn_before(shown)


def _chosen_way(room_ref: str) -> BoardWay:
    view, show = flask.request.args.get("view", "map"), flask.request.args.get("show", "expected")
    return way_of(
        room_ref,
        view if view in VIEWS else "map",
        show if show in display.FILTERS else "expected",
        can_act=runs_rooms(signed_in()),
    )


def _open_board(room_ref: str) -> tuple[Board, RoomView]:
    """Read a board that somebody has open; that of a running room keeps its watcher signed in for longer."""
    room_board, view = read_open_board(room_ref, signed_in(), now=flask.g.now, looked=looked_at())
    if room_board.head.open:
        login.note_board(signed_in(), now=flask.g.now)
    return room_board, view


@pages.get("/proctor/rooms/<room_ref>/live")
@login.unattended
@may_read
def live(room_ref: str) -> Reply:
    """What the board's page fetches every 2 s: what changed since, or 304 while nothing shown has changed."""
    glanced = glanced_board()
    if glanced is None:
        room_board, view = _open_board(room_ref)
        glanced = drawing_of(room_board, _chosen_way(room_ref)), view
    return what_changed(*glanced, signed_in())


@pages.get("/proctor/rooms/<room_ref>/seats/<ref>")
@may_read
def person(room_ref: str, ref: str) -> Reply:
    """One candidate: who they are, what happened so far, everything that can be done."""
    person_view = read_person(room_ref, ref, signed_in(), now=flask.g.now)
    offers = registry.offers(person_view.seat, person_view.board)
    template = "proctoring/desk/_person.html" if wants_partial() else "proctoring/desk/person.html"
    return flask.render_template(
        template,
        person=person_view,
        offers=offers if runs_rooms(signed_in()) else [],
        line=display.log_text,
        now=flask.g.now,
    )


@pages.get("/proctor/rooms/<room_ref>/seats/<ref>/photo")
@may_read
def photo(room_ref: str, ref: str) -> Reply:
    """The registered photo, to compare with the person at the door (R-10)."""
    candidate_photo = read_photo(ref, signed_in())
    if candidate_photo is None:
        return flask.redirect(flask.current_app.extensions["cbt_assets"].url("proctoring/desk/no-photo.svg"))
    return picture(candidate_photo.mimetype, candidate_photo.image)


@pages.get("/proctor/rooms/<room_ref>/acts/<code>")
@may_act
def ask(room_ref: str, code: str) -> Reply:
    """What an act would do: whom it touches, the new end, what it asks for."""
    template = "proctoring/desk/_act.html" if wants_partial() else "proctoring/desk/act.html"
    return _asked(template, room_ref, code, flask.request.args)


def _asked(template: str, room_ref: str, code: str, args: MultiDict[str, str]) -> str:
    refs = tuple(args.getlist("seat"))
    act_shown = act_preview(code, room_ref, refs, signed_in(), form=args, now=flask.g.now)
    return flask.render_template(
        template,
        preview=act_shown,
        board=act_shown.board,
        act=act_shown.act,
        picked=act_shown.picked,
        asked=args,
        in_the_way=act_shown.act.blocked(act_shown),
        second=act_shown.act.second(act_shown),
        by_password=act_shown.by_password,
        reason_codes=[(one.code, words_of(one)) for one in act_shown.reasons.offered_reasons],
        now=flask.g.now,
        **act_shown.act.shows(act_shown),
    )


@pages.post("/proctor/rooms/<room_ref>/acts/<code>")
@may_act
@idempotency.says
def act(room_ref: str, code: str) -> Reply:
    """Do what was previewed, and say what was done; or ask a second person, where it takes two."""
    posted, form = registry.act_of(code), flask.request.form
    request = ActRequest(
        act=posted,
        room_ref=room_ref,
        refs=tuple(form.getlist("seat")),
        form=form,
        by=By(signed_in(), _second(room_ref)),
        now=flask.g.now,
        zone=local_zone(),
        reasons=table_now(),
    )
    try:
        done = posted.do(request)
    except SecondNeeded as needed:

        def wish() -> ApprovalWish:
            board, view = read_room(room_ref, signed_in(), now=flask.g.now)
            return wish_for(posted, board, view, form)

        return ask_for(needed, wish)
    return _told(room_ref, done, posted)


def _second(room_ref: str) -> Second | None:
    if not is_filled("second_login"):
        return None
    wanted, allowed = credential_rules(room_ref, signed_in())
    return typed_second(signed_in(), wanted, allowed=allowed)


@pages.get("/proctor/evacuate")
@may_act
def evacuate() -> Reply:
    """The rooms this person can evacuate, each with its one confirmation; linked from every page. R-62."""
    room_views = rooms_to_evacuate(signed_in(), now=flask.g.now)
    return flask.render_template("proctoring/desk/evacuate.html", rooms=room_views)


def _told(room_ref: str, done: ActResult, posted: Act) -> Reply:
    if wants_partial():
        template = "proctoring/desk/_codes.html" if done.codes else "proctoring/desk/_said.html"
        response = flask.make_response(flask.render_template(template, said=done, room_ref=room_ref))
        response.headers["HX-Trigger"] = "coded" if done.codes else "acted"
        if done.codes:
            response.headers["HX-Retarget"] = "#act"
            response.headers["HX-Reswap"] = "outerHTML"
        return response
    if done.codes:
        return flask.render_template("proctoring/desk/codes.html", said=done, room_ref=room_ref)
    return see_other(said_text(done), posted.leads_to, room_ref=room_ref)


incident_pages = flask.Blueprint("reports", __name__)


@incident_pages.app_template_filter("coded")
def coded_filter(code: str, kind: str) -> str:
    """Say what a report is about: a violation or a reason of the table."""
    return word((VIOLATION if kind == "violation" else REASON) + code)


@incident_pages.app_template_filter("listed")
def listed_filter(codes: tuple[str, ...], prefix: str) -> str:
    comma = str(flask_babel.gettext("proctoring.comma"))
    return comma.join(str(flask_babel.gettext(f"{prefix}.{one}")) for one in codes)


@incident_pages.get("/proctor/rooms/<room_ref>/reports", endpoint="index")
@access.roles(*READERS)
def incident_index(room_ref: str) -> Reply:
    """List what was filed about a room, the latest first."""
    with reading() as session:
        room = room_view_for(session, room_ref, signed_in())
        reports = told_of_room(session, room.sitting_room.id)
        acts = runs_rooms(signed_in()) and runs_room(session, room.sitting_room, signed_in())
    return flask.render_template(
        "proctoring/incidents/reports.html", room=room, reports=reports, can_act=acts, parts=tuple(PARTS)
    )


inspection_pages = flask.Blueprint("inspecting", __name__)
MOST_PAGES = 1000


@inspection_pages.get("/proctor/now")
@access.roles(*READERS)
def now() -> Reply:
    """Every room of now that this person sees: its counts, its clock, what waits for somebody."""
    return flask.render_template("proctoring/inspection/now.html", **_glances())


@inspection_pages.get("/proctor/now/live", endpoint="live")
@login.unattended
@access.roles(*READERS)
def inspection_live() -> Reply:
    """What that page fetches every few seconds; 304 while nothing has changed."""
    context = _glances()
    etag = "-".join(
        (
            str(flask_babel.get_locale()),
            *(
                one.board.etag(repr(one.needs), repr(one.clocks), str(one.comments))
                for one in context["rooms"]
            ),
        )
    )
    return unless_seen(
        etag[:2000], lambda: flask.render_template("proctoring/inspection/_rooms.html", **context)
    )


def _glances() -> dict[str, Any]:
    page = whole_number(flask.request.args.get("page", ""), most=MOST_PAGES) or 1
    rooms, count = inspection.glances(signed_in(), page=page, now=flask.g.now)
    return {"rooms": rooms, "page": page, "pages": count, "now": flask.g.now}


@inspection_pages.get("/proctor/rooms/<room_ref>/comments", endpoint="index")
@access.roles(*READERS)
def inspection_index(room_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """What inspectors noted about a room, and what the chief answered."""
    with reading() as session:
        room = room_view_for(session, room_ref, signed_in())
        comments = inspection.comments_of(session, room.sitting_room.id)
        people = (
            inspection.people_of(session, room.sitting_room.id) if signed_in().has(Role.INSPECTOR) else ()
        )
        runs = runs_rooms(signed_in()) and runs_room(session, room.sitting_room, signed_in())
    return form_page(
        "proctoring/inspection/comments.html",
        refused,
        room=room,
        comments=comments,
        people=people,
        may_comment=signed_in().has(Role.INSPECTOR),
        may_answer=runs and signed_in().has(Role.CHIEF_PROCTOR),
    )


@inspection_pages.post("/proctor/rooms/<room_ref>/comments")
@access.roles(Role.INSPECTOR)
@form_on(inspection_index)
def comment(room_ref: str) -> Reply:
    """Note something; an inspector changes nothing else."""
    form = flask.request.form
    inspection.comment(room_ref, form.get("text", ""), form.get("about", ""), signed_in(), now=flask.g.now)
    return see_other(flask_babel.gettext("proctoring.comments.noted"), "inspecting.index", room_ref=room_ref)


@inspection_pages.post("/proctor/rooms/<room_ref>/comments/<comment_ref>/answer")
@access.roles(Role.CHIEF_PROCTOR)
@form_on(inspection_index)
def answer(room_ref: str, comment_ref: str) -> Reply:
    """Answer a comment, once."""
    text = flask.request.form.get("answer", "")
    inspection.answer(room_ref, comment_ref, text, signed_in(), now=flask.g.now)
    return see_other(
        flask_babel.gettext("proctoring.comments.answered"), "inspecting.index", room_ref=room_ref
    )


recovery_pages = flask.Blueprint("recovery", __name__)


@recovery_pages.app_template_filter("answer")
def answer_filter(canonical: str | None) -> str:
    """Return a stored answer as the candidate gave it: letters, texts, numbers; a dash for none."""
    if canonical is None:
        return "–"
    value = json.loads(canonical)
    if not isinstance(value, list):
        return str(value)
    return " · ".join("–" if one in (None, "") else str(one) for one in value)


@recovery_pages.get("/proctor/rooms/<room_ref>/recovery")
@may_act
def upload(room_ref: str) -> Reply:
    return _recovery_page(room_ref)


@recovery_pages.post("/proctor/rooms/<room_ref>/recovery")
@may_act
def preview(room_ref: str) -> Reply:
    """Show what the file would bring, or keep it once that was seen."""
    room_imports(room_ref, signed_in())  # whoever does not run the room learns nothing about a file
    form = flask.request.form
    try:
        if "content" in form:
            owner, count = import_recovery(room_ref, form["content"], signed_in(), now=flask.g.now)
            seat = f"{owner.seat_number:02d}"
            return see_other(
                _("recovery.done", seat=seat, name=owner.name, count=count),
                "recovery.upload",
                room_ref=room_ref,
            )
        text = _sent()
        return _recovery_page(room_ref, preview=preview_recovery(room_ref, text, signed_in()), content=text)
    except (InvalidInput, Conflict) as error:
        return _recovery_page(room_ref, refused=refusal(error))


def _sent() -> str:
    _name, body = uploaded("file", "recovery.no_file", most=MAX_BYTES + 1)
    try:
        if len(body) > MAX_BYTES:
            raise InvalidInput("recovery.unreadable", field="file")
        return body.decode("ascii")
    except UnicodeDecodeError as error:
        raise InvalidInput("recovery.unreadable", field="file") from error


def _recovery_page(room_ref: str, *, refused: Refusal = NOTHING_REFUSED, **shown: object) -> Reply:
    room, past = room_imports(room_ref, signed_in())
    return form_page("proctoring/recovery/recovery.html", refused, room=room, past=past, **shown)


record_pages = flask.Blueprint("record", __name__)

OFFICE = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@record_pages.get("/proctor/rooms/<room_ref>/record")
@access.roles(Role.PROCTOR, *OFFICE)
def room(room_ref: str) -> Reply:
    papers = room_papers(room_ref, signed_in(), now=flask.g.now)
    return flask.render_template("proctoring/record/room.html", found=papers, office=signed_in().has(*OFFICE))


@record_pages.get("/proctor/rooms/<room_ref>/record/<document>.pdf")
@access.roles(Role.PROCTOR, *OFFICE)
def document(room_ref: str, document: str) -> Reply:
    """Send one of a room's papers; one of a room that goes on says on every page that it is a draft."""
    return file_reply(ROOM_RECORD, subject=f"sitting_room:{room_ref}", room=room_ref, document=document)


@record_pages.get("/office/sittings/<ref>/record")
@access.roles(*OFFICE)
def sitting(ref: str) -> Reply:
    return flask.render_template("proctoring/record/sitting.html", found=sitting_papers(ref))
