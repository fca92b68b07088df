"""An act of a proctor: what it is, who does it to whom, how its form is read, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import flask_babel
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import Line, Second
from cbt.blueprints.reasons import REASON
from cbt.errors import InvalidInput, NotFound
from cbt.http.auth.login import Principal
from cbt.proctoring.board.live import Board, RoomHead
from cbt.proctoring.board.seat_state import SeatState
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.store import assigned_rooms, is_assigned
from cbt.rules.roles import ROOM_STAFF, Role, SoloGrant
from cbt.rules.violations import OTHER, ReasonTable
from cbt.sittings.models import SittingRoom

if TYPE_CHECKING:
    from cbt.proctoring.desk import Desk


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, with whom."""

    principal: Principal
    second: Second | None = None

    @property
    def actor(self) -> str:
        return self.principal.logged_as

    @property
    def names(self) -> str:
        return " + ".join([self.principal.name, *([self.second.name] if self.second else [])])

    @property
    def chief(self) -> bool:
        second = self.second is not None and Role.CHIEF_PROCTOR in self.second.roles
        return second or self.principal.has(Role.CHIEF_PROCTOR)


def runs_rooms(principal: Principal) -> bool:
    """Return whether this person may act in the rooms they see; the others only read. Source: R-62."""
    return principal.has(*ROOM_STAFF)


def runs_room(session: Session, room: SittingRoom, principal: Principal) -> bool:
    """Return whether this person runs this room: the chief runs every one, a proctor the assigned.

    Somebody who sees every room for another reason (an officer who also proctors) is no exception.

    Source: R-62.
    """
    if principal.has(Role.CHIEF_PROCTOR):
        return True
    return principal.has(Role.PROCTOR) and is_assigned(session, room.id, principal.subject_id)


def rooms_run(session: Session, principal: Principal, sitting_room_ids: Sequence[int]) -> set[int]:
    """Return which of some rooms this person runs, as `runs_room` says of each."""
    if principal.has(Role.CHIEF_PROCTOR):
        return set(sitting_room_ids)
    if not principal.has(Role.PROCTOR):
        return set()
    return assigned_rooms(session, principal.subject_id) & set(sitting_room_ids)


@dataclass(frozen=True, slots=True)
class ActResult:
    """What an act did, for the person who asked: the catalogue's sentence and what fills it.

    `undo` is the ref under which it can be taken back, `codes` the 登录码 shown this once.
    """

    kind: str
    count: int = 0
    names: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    undo: str = ""
    codes: tuple[tuple[str, str, str], ...] = ()

    @property
    def kept(self) -> dict[str, Any]:
        """What is kept of it with the request of an act that was approved."""
        return {"kind": self.kind, "count": self.count, "names": self.names, "skipped": self.skipped}


def _(message_id: str, **params: object) -> str:
    return str(flask_babel.gettext(message_id, **params))


def said_text(act_result: ActResult) -> str:
    """Return what an act did, with whom it left alone."""
    names = _("proctoring.comma").join(act_result.names[:3])
    if act_result.count > 3:
        names = _("proctoring.and_more", names=names, count=act_result.count)
    text = _(f"proctoring.said.{act_result.kind}", names=names, count=act_result.count)
    if not act_result.skipped:
        return text
    skipped_names = _("proctoring.comma").join(name for name, _ in act_result.skipped[:3])
    return text + _("proctoring.said.skipped", names=skipped_names, count=len(act_result.skipped))


Form = Mapping[str, str]
Applies = Callable[[SeatView, Board], str]
"""Why an act does not apply to a seat, as a catalogue word; "" when it does."""


class ActScope(StrEnum):
    """Whom an act is about."""

    SEATS = "seats"
    ONE = "one"
    ROOM = "room"


@dataclass(frozen=True, slots=True)
class ActRequest:
    """One posted act: in which room, about which seats, with which fields, by whom, when."""

    act: Act
    room_ref: str
    refs: tuple[str, ...]
    form: Form
    by: By
    now: datetime
    zone: tzinfo
    reasons: ReasonTable
    """What its form may name as the reason."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection, parted into those an act applies to and those it leaves alone, with why."""

    chosen: tuple[SeatView, ...]
    skipped: tuple[tuple[SeatView, str], ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an act would do now: whom it touches, whom it leaves alone and why."""

    act: Act
    board: Board
    picked: Selection
    form: Form
    """What the preview was asked with."""
    now: datetime
    reasons: ReasonTable
    """What its form lets people pick from."""
    given: tuple[SoloGrant, ...] = ()
    """What one person alone gave in this room so far (R-62)."""
    by_password: bool = False
    """Whether the centre lets a second person type their password here."""
    as_of: int = 0
    """The last act of the room's log of acts that this preview knows of."""


@dataclass(frozen=True, slots=True)
class BarPlace:
    """Where the bar offers an act: among the usual ones or behind 更多, the lowest rank first."""

    usual: bool
    rank: int


def usual(rank: int) -> BarPlace:
    """Stand among the acts the bar shows at once."""
    return BarPlace(usual=True, rank=rank)


def further(rank: int) -> BarPlace:
    """Stand behind 更多."""
    return BarPlace(usual=False, rank=rank)


@dataclass(frozen=True, slots=True)
class HeadButton:
    """The button of an act about the room in the board's head, `apart` from the others what stops a room."""

    rank: int
    shown: Callable[[RoomHead], bool]
    kind: str = ""
    apart: bool = False


def _always_applies(_seat: SeatView, _board: Board) -> str:
    return ""


def _no_second(_preview: Preview) -> str:
    return ""


def _nothing_more(_preview: Preview) -> Mapping[str, object]:
    return {}


def _nothing_in_the_way(_preview: Preview) -> bool:
    return False


def always(_preview: Preview) -> str:
    """Ask for a second person whatever is filled in: a starred act. Source: R-62."""
    return "always"


def perhaps(_preview: Preview) -> str:
    """Offer the second person's fields: what is filled in decides. Source: R-62."""
    return "perhaps"


@dataclass(frozen=True, slots=True)
class Act:
    """One act of a proctor. `do` reads the posted form and carries it out in one unit of work.

    `code` is its word in URLs, catalogue ids, the room's log and the audit log.
    """

    code: str
    scope: ActScope
    do: Callable[[ActRequest], ActResult]
    applies: Applies = _always_applies
    after_the_end: bool = False
    """Whether it can still be done once the room is over; everything else would change what stands."""
    everybody: bool = False
    """Whether an empty selection means everybody it applies to (全部已到场)."""
    whom: Callable[[Board, Form], SeatView | None] | None = None
    """Which seat it is about where its form names another thing of that seat; None: the selection."""
    fields: tuple[str, ...] = ()
    """The parts of its form: templates/proctoring/acts/fields/_<field>.html."""
    carries: tuple[str, ...] = ()
    """What the link to its form names beside the seats, handed on with the form."""
    shows: Callable[[Preview], Mapping[str, object]] = _nothing_more
    """What those templates need beside the preview."""
    blocked: Callable[[Preview], bool] = _nothing_in_the_way
    """Whether something in the preview is in the way of doing it."""
    second: Callable[[Preview], str] = _no_second
    """Whether its form asks for a second person: "always", "perhaps" by what is filled in, or "" (R-62)."""
    lines: tuple[Callable[[Form], Iterator[Line]], ...] = ()
    """What a second person reads of its form, in this order."""
    undo: Callable[[Desk, SeatView, Any], bool] | None = None
    """Take it back for one seat, given what stood there; return whether that still could be."""
    undo_room: Callable[[Desk, Any], bool] | None = None
    """Take it back for the room, given what stood there; return whether that still could be."""
    final: str = ""
    """Why it cannot be taken back, as a catalogue word; "" for one that can."""
    leads_to: str = "proctoring.board"
    """The page of the room that is shown after it, where no board is open."""
    tone: str = ""
    before: BarPlace | None = None
    """Where the bar offers it before the start."""
    running: BarPlace | None = None
    """Where the bar offers it once the room was started."""
    head: HeadButton | None = None

    @property
    def undoable(self) -> bool:
        return self.undo is not None or self.undo_room is not None

    @property
    def grave(self) -> bool:
        """Whether its dialog has 取消 for its main button, and no Enter in a field carries it out."""
        return self.tone == "stop" or bool(self.final and self.tone != "main")

    def refuses(self, seat: SeatView, board: Board) -> str:
        """Return why it does not apply to a seat now, as a catalogue word; "" when it does."""
        if board.head.over and not self.after_the_end:
            return "room_over"
        return self.applies(seat, board)


def pick(act: Act, board: Board, refs: tuple[str, ...]) -> Selection:
    """Part the selected seats of the board; raise NotFound for a seat of another room."""
    if act.scope is ActScope.ROOM:
        return Selection((), ())
    seats = [board.seat(ref) for ref in refs]
    if any(seat is None for seat in seats):
        raise NotFound("proctoring.no_seat")
    applicable = [seat for seat in seats if seat is not None]
    if not refs and act.everybody:
        applicable = [seat for seat in board.seats if not act.refuses(seat, board)]
    verdicts = [(seat, act.refuses(seat, board)) for seat in applicable]
    return Selection(
        chosen=tuple(seat for seat, why in verdicts if not why),
        skipped=tuple((seat, why) for seat, why in verdicts if why),
    )


def not_here(seat: SeatView) -> str:
    """Say "closed" or "absent" of a seat whose paper is over or will not be."""
    if seat.state is SeatState.CLOSED:
        return "closed"
    return "absent" if seat.absent_at is not None else ""


def gone(seat: SeatView, _board: Board) -> str:
    return not_here(seat)


MOST_MINUTES = 120
LONGEST_TEXT = 200
FARTHEST_BACK = timedelta(hours=6)
LONGEST_REASON = 500


def read_reason(form: Form, *, field: str = "reason", required: bool = True) -> str:
    """Return the reason; raise InvalidInput when it is needed and missing, or too long."""
    reason = " ".join(form.get(field, "").split())
    if required and not reason:
        raise InvalidInput("proctoring.reason_needed", field=field)
    if len(reason) > LONGEST_REASON:
        raise InvalidInput("proctoring.too_long", field=field, most=LONGEST_REASON)
    return reason


def read_text(form: Form, field: str, *, most: int = LONGEST_TEXT) -> str:
    """Return a text that must not be empty."""
    text = form.get(field, "").strip()
    if not text:
        raise InvalidInput("proctoring.text_needed", field=field)
    if len(text) > most:
        raise InvalidInput("proctoring.too_long", field=field, most=most)
    return text


def read_reason_of(form: Form, table: ReasonTable) -> tuple[str, str]:
    """Return one of the reasons the table offers (R-26) and the words, which `other` needs."""
    code = form.get("reason_code", "")
    if code not in {one.code for one in table.offered_reasons}:
        raise InvalidInput("proctoring.reason_code", field="reason_code")
    return code, read_reason(form, required=code == OTHER)


def read_minutes(form: Form, *, field: str = "minutes", least: int = 1) -> timedelta:
    """Return whole minutes from `least` to 120; a missing field is `least` when that is 0."""
    text = form.get(field, "").strip() or ("0" if least == 0 else "")
    if not text.isascii() or not text.isdigit() or not least <= int(text[:4]) <= MOST_MINUTES:
        raise InvalidInput("proctoring.minutes", field=field, least=least, most=MOST_MINUTES)
    return timedelta(minutes=int(text[:4]))


def read_span(form: Form, field: str) -> timedelta:
    """Return a span typed as mm:ss."""
    match = re.fullmatch(r"([0-9]{1,3}):([0-5][0-9])", form.get(field, "").strip().replace("：", ":"))
    if match is None:
        raise InvalidInput("proctoring.span", field=field)
    return timedelta(minutes=int(match[1]), seconds=int(match[2]))


def read_clock_time(form: Form, field: str, *, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the latest instant up to `now` at which the centre's clock showed HH:MM or HH:MM:SS.

    None for an empty field. Raise InvalidInput for anything else, and for a time that is still to come or
    lies more than 6 h back.
    """
    text = form.get(field, "").strip().replace("：", ":")
    if not text:
        return None
    match = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?", text)
    if match is None:
        raise InvalidInput("proctoring.clock_time", field=field)
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    local = now.astimezone(zone).replace(hour=hour, minute=minute, second=second, microsecond=0)
    at = local if local <= now else local - timedelta(days=1)
    if now - at > FARTHEST_BACK:
        raise InvalidInput("proctoring.clock_time", field=field)
    return at.astimezone(now.tzinfo)


def read_number(form: Form, field: str) -> int | None:
    """Return a whole number, or None for an empty field."""
    text = form.get(field, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInput("proctoring.number", field=field)
    return int(text)


# The lines in which a second person reads what the form of an act says, as it was posted.
#
# Source: R-62.


def grant_kind(form: Form) -> Iterator[Line]:
    """补时 or 延时."""
    if form.get("kind"):
        yield ("approval.line.kind", "word", f"proctoring.grant.{form['kind']}")


def minutes(form: Form) -> Iterator[Line]:
    yield from _minutes(form, "minutes", "amount")


def minutes_more(form: Form) -> Iterator[Line]:
    yield from _minutes(form, "minutes_more", "more")


def _minutes(form: Form, name: str, label: str) -> Iterator[Line]:
    if form.get(name, "").isdigit() and int(form[name]):
        yield (f"approval.line.{label}", "span", str(int(form[name]) * 60))


def reason_code(form: Form) -> Iterator[Line]:
    if form.get("reason_code"):
        yield ("approval.line.cause", "word", REASON + form["reason_code"])


def reason(form: Form) -> Iterator[Line]:
    if form.get("reason", "").strip():
        yield ("approval.line.reason", "text", form["reason"].strip())
