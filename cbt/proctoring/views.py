"""Pages of the proctor: my rooms, the live board, every act's preview and its doing."""

from __future__ import annotations

import flask

from cbt.accounts.approvals.requests import ApprovalWish, Second, SecondNeeded
from cbt.accounts.approvals.views import ask_for, credential_typed, typed_second
from cbt.blueprints.reasons import table_now, words_of
from cbt.http.auth import access, login
from cbt.http.auth.login import signed_in
from cbt.http.downloads import picture
from cbt.http.form_posts import idempotency
from cbt.http.form_values import page_of
from cbt.http.forms import see_other
from cbt.http.i18n import local_zone
from cbt.http.partials import Reply, wants_partial
from cbt.proctoring.act import Act, ActRequest, By, Said, runs_rooms, said_text
from cbt.proctoring.acts import registry
from cbt.proctoring.approval import credential_rules, wish_for
from cbt.proctoring.board import display
from cbt.proctoring.board.live import Board
from cbt.proctoring.pages import (
    my_rooms,
    preview,
    read_open_board,
    read_person,
    read_photo,
    read_room,
    rooms_to_evacuate,
)
from cbt.proctoring.polling.board_page import board_page, drawing_of, glanced_board, looked_at, what_changed
from cbt.proctoring.polling.parts import BoardWay, way_of
from cbt.rules.roles import Role
from cbt.sittings.store import RoomView

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
def said_filter(done: Said) -> str:
    """Say what an act did."""
    return said_text(done)


@pages.app_template_filter("enumerated")
def enumerated_filter(words: list[str]) -> list[tuple[int, str]]:
    """Give each of some words its place."""
    return list(enumerate(words))


@pages.get("/proctor")
@may_read
def rooms() -> Reply:
    """My rooms: today's with what to do next, those to come, those that are over."""
    found = my_rooms(signed_in(), now=flask.g.now, page=page_of(flask.request.args))
    return flask.render_template("proctoring/board/rooms.html", rooms=found, can_act=runs_rooms(signed_in()))


@pages.get("/proctor/rooms/<room_ref>")
@may_read
def board(room_ref: str) -> Reply:
    """The board of a room: seat map or list, what waits for a decision, the log, the bar of acts."""
    found, _ = _open_board(room_ref)
    return board_page(found, _chosen_way(room_ref))


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
    found, view = read_open_board(room_ref, signed_in(), now=flask.g.now, looked=looked_at())
    if found.head.open:
        login.note_board(signed_in(), now=flask.g.now)
    return found, view


@pages.get("/proctor/rooms/<room_ref>/live")
@login.unattended
@may_read
def live(room_ref: str) -> Reply:
    """What the board's page fetches every 2 s: what changed since, or 304 while nothing shown has changed."""
    glanced = glanced_board()
    if glanced is None:
        found, view = _open_board(room_ref)
        glanced = drawing_of(found, _chosen_way(room_ref)), view
    return what_changed(*glanced, signed_in())


@pages.get("/proctor/rooms/<room_ref>/seats/<ref>")
@may_read
def person(room_ref: str, ref: str) -> Reply:
    """One candidate: who they are, what happened so far, everything that can be done."""
    found = read_person(room_ref, ref, signed_in(), now=flask.g.now)
    offers = registry.offers(found.seat, found.board)
    template = "proctoring/desk/_person.html" if wants_partial() else "proctoring/desk/person.html"
    return flask.render_template(
        template,
        person=found,
        offers=offers if runs_rooms(signed_in()) else [],
        line=display.log_text,
        now=flask.g.now,
    )


@pages.get("/proctor/rooms/<room_ref>/seats/<ref>/photo")
@may_read
def photo(room_ref: str, ref: str) -> Reply:
    """The registered photo, to compare with the person at the door (R-10)."""
    found = read_photo(ref, signed_in())
    if found is None:
        return flask.redirect(flask.current_app.extensions["cbt_assets"].url("proctoring/desk/no-photo.svg"))
    return picture(found.mimetype, found.image)


@pages.get("/proctor/rooms/<room_ref>/acts/<code>")
@may_act
def ask(room_ref: str, code: str) -> Reply:
    """What an act would do: whom it touches, the new end, what it asks for."""
    args = flask.request.args
    refs = tuple(args.getlist("seat"))
    found = preview(code, room_ref, refs, signed_in(), form=args, now=flask.g.now)
    template = "proctoring/desk/_act.html" if wants_partial() else "proctoring/desk/act.html"
    return flask.render_template(
        template,
        preview=found,
        board=found.board,
        act=found.act,
        picked=found.picked,
        asked=args,
        in_the_way=found.act.blocked(found),
        second=found.act.second(found),
        by_password=found.by_password,
        reason_codes=[(one.code, words_of(one)) for one in found.reasons.offered_reasons],
        now=flask.g.now,
        **found.act.shows(found),
    )


@pages.post("/proctor/rooms/<room_ref>/acts/<code>")
@may_act
@idempotency.says
def act(room_ref: str, code: str) -> Reply:
    """Do what was previewed, and say what was done; or ask a second person, where it takes two."""
    posted, form = registry.act_of(code), flask.request.form
    asked = ActRequest(
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
        done = posted.do(asked)
    except SecondNeeded as needed:

        def wish() -> ApprovalWish:
            board, view = read_room(room_ref, signed_in(), now=flask.g.now)
            return wish_for(posted, board, view, form)

        return ask_for(needed, wish)
    return _told(room_ref, done, posted)


def _second(room_ref: str) -> Second | None:
    if not credential_typed():
        return None
    wanted, allowed = credential_rules(room_ref, signed_in())
    return typed_second(signed_in(), wanted, allowed=allowed)


@pages.get("/proctor/evacuate")
@may_act
def evacuate() -> Reply:
    """The rooms this person can evacuate, each with its one confirmation; linked from every page. R-62."""
    found = rooms_to_evacuate(signed_in(), now=flask.g.now)
    return flask.render_template("proctoring/desk/evacuate.html", rooms=found)


def _told(room_ref: str, done: Said, posted: Act) -> Reply:
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
