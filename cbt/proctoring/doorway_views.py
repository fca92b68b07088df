"""Pages of the door: look somebody up, note that they came, check them in, go through who did not come."""

from __future__ import annotations

from collections.abc import Mapping

import flask
from flask_babel import get_locale

from cbt.blueprints.reasons import table_now
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.http.auth import access, login
from cbt.http.auth.login import signed_in
from cbt.http.form_posts import idempotency
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, refusal
from cbt.http.i18n import local_zone
from cbt.http.partials import Reply, unless_seen, wants_partial
from cbt.proctoring.act import ActRequest, ActResult, By, said_text
from cbt.proctoring.acts.registry import act_of
from cbt.proctoring.doorway import RoomDoor, read_door
from cbt.proctoring.views import asked_again
from cbt.rules.canonical import digest
from cbt.rules.door import ABSENT_CAUSES, DOCUMENT_TYPES, ScanKind, normalise_document
from cbt.rules.roles import Role

pages = flask.Blueprint("doorway", __name__)
may_act = access.roles(Role.PROCTOR, Role.CHIEF_PROCTOR)
NEVER_CAME = tuple(cause for cause in ABSENT_CAUSES if cause != "document_mismatch")


@pages.get("/proctor/rooms/<room_ref>/door")
@may_act
def door(room_ref: str) -> Reply:
    """The door: one line for the scanner, the person it names, who waits; an empty line is for the next of them.

    Source: R-10, R-11.
    """
    return _looked_at(room_ref, flask.request.args)


@pages.post("/proctor/rooms/<room_ref>/door")
@may_act
def look(room_ref: str) -> Reply:
    """Look up whom the line names; a POST, for a card that is scanned says its whole number."""
    return _looked_at(room_ref, flask.request.form)


def _looked_at(room_ref: str, asked: Mapping[str, str]) -> Reply:
    room_door = read_door(
        room_ref,
        signed_in(),
        line=asked.get("q", ""),
        ref=asked.get("seat", ""),
        next_one=asked.get("q") == "",
        now=flask.g.now,
    )
    if room_door.board.head.admits:
        login.note_board(signed_in(), now=flask.g.now)
    return _page(room_door)


@pages.get("/proctor/rooms/<room_ref>/door/lines")
@login.unattended
@may_act
def lines(room_ref: str) -> Reply:
    """Who waits and who is missing, as the page asks for it every few seconds; 304 while nothing changed."""
    room_door = read_door(room_ref, signed_in(), now=flask.g.now)
    seen = ((seat.ref, seat.arrived_at, seat.checked_in_at, seat.absent_at) for seat in room_door.board.seats)
    tag = digest("\n".join(map(repr, (room_door.board.head.state, str(get_locale()), *seen))))
    return unless_seen(
        tag, lambda: flask.render_template("proctoring/doorway/_lines.html", **_shown(room_door))
    )


@pages.post("/proctor/rooms/<room_ref>/door/arrive")
@may_act
@idempotency.says
def arrive(room_ref: str) -> Reply:
    """Note that whom the line names has come: one scan, before the check of documents. Source: R-11."""
    form = flask.request.form
    room_door = read_door(
        room_ref, signed_in(), line=form.get("q", ""), ref=form.get("seat", ""), now=flask.g.now
    )
    if room_door.person is None:
        return _page(room_door, arriving=True)
    return _done(room_ref, "arrive", room_door, arriving=True)


@pages.post("/proctor/rooms/<room_ref>/door/check-in")
@may_act
@idempotency.says
def check_in(room_ref: str) -> Reply:
    """Check somebody in; who was not noted as come yet arrives with it. Source: R-10."""
    form = flask.request.form
    room_door = read_door(room_ref, signed_in(), ref=form.get("seat", ""), now=flask.g.now)
    if room_door.person is not None and not form.get("sure") and _differs(room_door, form):
        return _page(room_door, differs=True)
    return _done(room_ref, "check_in", room_door)


@pages.get("/proctor/rooms/<room_ref>/door/absent")
@may_act
def absent(room_ref: str) -> Reply:
    """Go through who has not come, one cause for each; `cause` fills in the same for all of them. Source: R-12."""
    room_door = read_door(room_ref, signed_in(), now=flask.g.now)
    return flask.render_template(
        "proctoring/doorway/absent.html",
        door=room_door,
        causes=NEVER_CAME,
        filled=flask.request.args.get("cause", ""),
        now=flask.g.now,
    )


@pages.post("/proctor/rooms/<room_ref>/door/absent")
@may_act
def mark_absent(room_ref: str) -> Reply:
    """Confirm 缺考 for those a cause was picked for; the others stay expected. Source: R-12."""
    form = flask.request.form
    read_door(room_ref, signed_in(), now=flask.g.now)
    picked = {
        cause: tuple(ref for ref in form.getlist("seat") if form.get(f"cause-{ref}") == cause)
        for cause in NEVER_CAME
    }
    if not any(picked.values()):
        flash_refusal(InvalidInput("proctoring.door_nobody"))
        return flask.redirect(flask.url_for("doorway.absent", room_ref=room_ref), 303)
    for cause, refs in picked.items():
        if not refs:
            continue
        try:
            flask.flash(said_text(_act(room_ref, "absent", refs, {"cause": cause})), "ok")
        except CbtError as error:
            flash_refusal(error)
    return flask.redirect(flask.url_for("doorway.absent", room_ref=room_ref), 303)


def _act(room_ref: str, code: str, refs: tuple[str, ...], form: dict[str, str]) -> ActResult:
    posted = act_of(code)
    return posted.do(
        ActRequest(
            act=posted,
            room_ref=room_ref,
            refs=refs,
            form=form,
            by=By(signed_in()),
            now=flask.g.now,
            zone=local_zone(),
            reasons=table_now(),
        )
    )


def _done(room_ref: str, code: str, room_door: RoomDoor, *, arriving: bool = False) -> Reply:
    form = {name: flask.request.form.get(name, "") for name in ("document_type", "last_four")}
    try:
        result = _act(room_ref, code, tuple(seat.ref for seat in room_door.found[:1]), form)
    except (InvalidInput, Conflict) as error:
        return _page(room_door, refused=refusal(error), arriving=arriving)
    fresh = read_door(room_ref, signed_in(), now=flask.g.now)
    if wants_partial():
        return _page(fresh, act_result=result, arriving=arriving)
    flask.flash(said_text(result), "ok")
    target = flask.url_for("doorway.door", room_ref=room_ref, mode="arrive" if arriving else None)
    return flask.redirect(target, 303)


def _differs(room_door: RoomDoor, form: Mapping[str, str]) -> bool:
    """Say whether the document registered was shown and its end is another: worth a second look, no refusal.

    Source: R-10.
    """
    assert room_door.person is not None
    candidate = room_door.person.entry.candidate
    shown = normalise_document(form.get("last_four", ""))
    same_kind = form.get("document_type") == candidate.document_type
    return same_kind and len(shown) == 4 and candidate.document_masked[-2:] != shown[-2:]


def _shown(room_door: RoomDoor, *, arriving: bool = False) -> dict[str, object]:
    return {"door": room_door, "board": room_door.board, "now": flask.g.now, "arriving": arriving}


def _page(
    room_door: RoomDoor,
    *,
    refused: Refusal = NOTHING_REFUSED,
    act_result: ActResult | None = None,
    arriving: bool = False,
    differs: bool = False,
) -> Reply:
    """Draw the door, or what of it changes when somebody is looked up; a scanned card says its own end."""
    arriving = arriving or flask.request.args.get("mode") == "arrive"
    card = room_door.scan.value if room_door.scan.kind is ScanKind.DOCUMENT else ""
    template = "proctoring/doorway/_door.html" if wants_partial() else "proctoring/doorway/door.html"
    page = flask.render_template(
        template,
        **_shown(room_door, arriving=arriving),
        documents=DOCUMENT_TYPES,
        line=flask.request.values.get("q", "") if room_door.person is None else "",
        card_end=card[-4:],
        refused=refused,
        said=act_result,
        differs=differs,
        asked=asked_again(room_door.board.head.ref),
    )
    code = 200 if wants_partial() else refused.code
    return flask.make_response(page, code)
