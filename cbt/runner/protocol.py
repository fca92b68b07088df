"""The protocol of the answer page: requests read before anything is stored, receipts and clock as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeGuard

from cbt.audit.chain import ToFollow
from cbt.errors import Conflict, Gone, InvalidInput, Locked, NotAllowed, TooLarge, Unavailable
from cbt.rules.canonical import canonical_json
from cbt.rules.clock import ZERO, UnitWindow
from cbt.rules.items import response
from cbt.rules.states import State
from cbt.runner.save.attempt_row import AttemptInfo, Guard

MAX_ENTRIES = 400
MAX_SEQ = 2**31 - 1
POSITION_KINDS = frozenset({"answer", "flag", "strike", "note", "mark"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One checked line for the journal; `value` is canonical JSON, None clears."""

    seq: int
    kind: str
    position: int
    value: str | None
    unit: int
    """The strict unit of its position; 0 when its time is the paper's."""
    full: bool
    """Whether it is an answer that counts as 已答."""

    @property
    def is_blur(self) -> bool:
        return self.kind == "event" and self.value is not None and '"blur"' in self.value


def read_epoch(body: Mapping[str, Any]) -> int:
    """Return the epoch of the lease a request is made under; raise InvalidInput("web.bad_request") without one."""
    epoch = body.get("epoch")
    if not _whole(epoch, 0, 2**31 - 1):
        raise InvalidInput("web.bad_request")
    return epoch


def read_entries(info: AttemptInfo, raw: object) -> list[Entry]:
    """Return the entries of a request.

    Raises InvalidInput("answer.invalid") with the `seq` of the first that cannot be stored: the browser
    drops that one and sends the rest again.
    """
    if not isinstance(raw, list) or len(raw) > MAX_ENTRIES:
        raise InvalidInput("answer.invalid")
    entries = [_read(info, one) for one in raw]
    if len({entry.seq for entry in entries}) != len(entries):
        raise InvalidInput("answer.invalid")
    return entries


def read_place(info: AttemptInfo, raw: object) -> int | None:
    """Return the position a page says it is at; None for what is none: no answer is refused for it."""
    return raw if _whole(raw, 1, len(info.shapes)) else None


def _read(info: AttemptInfo, raw: object) -> Entry:
    if not isinstance(raw, Mapping):
        raise InvalidInput("answer.invalid")
    seq, kind, position = raw.get("seq"), raw.get("kind"), raw.get("position", 0)
    if not _whole(seq, 1, MAX_SEQ) or not _whole(position, 0, len(info.shapes)) or not isinstance(kind, str):
        raise InvalidInput("answer.invalid", seq=seq if isinstance(seq, int) else 0)
    try:
        value = _value(info, kind, position, raw.get("value"))
    except InvalidInput as error:
        raise InvalidInput("answer.invalid", seq=seq) from error
    unit = info.units[position - 1] if position else 0
    full = kind == "answer" and response.is_answered(info.shapes[position - 1], value)
    return Entry(seq, kind, position, value, unit, full)


def _value(info: AttemptInfo, kind: str, position: int, value: Any) -> str | None:
    if (position == 0) == (kind in POSITION_KINDS):
        raise InvalidInput("answer.invalid")
    match kind:
        case "answer":
            return response.parse_answer(info.shapes[position - 1], value)
        case "flag":
            return canonical_json(True) if response.parse_flag(value) else None
        case "strike":
            return (
                canonical_json(response.parse_strike(info.shapes[position - 1], value or ""))
                if value
                else None
            )
        case "note":
            return canonical_json(response.parse_note(value)) if value else None
        case "mark":
            return canonical_json(response.parse_marks(value)) if value else None
        case "setting":
            return canonical_json(response.parse_setting(value))
        case "event":
            return canonical_json(response.parse_event(value))
        case _:
            raise InvalidInput("answer.invalid")


def _whole(value: object, low: int, high: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


class Outcome(StrEnum):
    """What became of a save."""

    SAVED = "saved"
    LEASE_LOST = "lease.lost"
    OTHER_MACHINE = "machine.other"
    SUSPENDED = "attempt.suspended"
    AWAY = "attempt.away"
    FULL = "attempt.full"
    CLOSED = "attempt.closed"
    UNIT_CLOSED = "unit.closed"
    STALE = "request.stale"


REFUSALS = {
    Outcome.LEASE_LOST: Conflict("lease.lost"),
    Outcome.OTHER_MACHINE: NotAllowed("machine.other"),
    Outcome.SUSPENDED: Locked("attempt.suspended"),
    Outcome.AWAY: Locked("attempt.away"),
    Outcome.FULL: TooLarge("attempt.full"),
    Outcome.CLOSED: Gone("attempt.closed"),
    Outcome.UNIT_CLOSED: Gone("unit.closed"),
    Outcome.STALE: Unavailable("request.stale"),
}
"""What a save that was not taken is refused with."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The acknowledgement of one entry: its sequence number and when the server first had it."""

    seq: int
    at: datetime


@dataclass(slots=True)
class Saved:
    """The answer to one save: what became of it, the receipts, and the row for the clock."""

    outcome: Outcome
    guard: Guard
    receipts: Sequence[Receipt] = ()


@dataclass(slots=True)
class Save:
    """One request of a browser: the entries it sends under its lease; none is a heartbeat."""

    attempt_id: int
    lease_hash: str
    epoch: int
    entries: Sequence[Entry]
    now: datetime
    machine: str
    """The identity of the machine that sends it."""
    place: int | None = None
    """The position the page is at, where it says so."""


TAKEN = (Outcome.SAVED, Outcome.UNIT_CLOSED)
"""What may have become of the answers that came along, for the end itself to be looked at."""


@dataclass(slots=True)
class HandIn:
    """交卷: close the attempt with the answers still unsent. `pressed_at` is kept on record only."""

    save: Save
    pressed_at: datetime


@dataclass(slots=True)
class UnitLeft:
    """A unit is over, by its time or because the candidate says so."""

    save: Save
    from_unit: int
    completed: bool


@dataclass(slots=True)
class HandedIn:
    """The result of 交卷: what became of the unsent answers, and the receipt once it is closed."""

    saved: Saved
    receipt: str | None = None
    closed_at: datetime | None = None
    follows: ToFollow = field(default_factory=ToFollow)
    """What follows the commit of the closing's entry in the log; nothing after a repeat."""


@dataclass(slots=True)
class UnitEndResult:
    """What follows the end of a unit: the receipts of its last answers, and whether another unit is open now."""

    saved: Saved
    goes_on: bool
    windows: Sequence[UnitWindow] = ()


End = HandIn | UnitLeft
Ended = HandedIn | UnitEndResult


def divided(saves: list[Save], ends: Sequence[End]) -> tuple[list[Save], list[Save]]:
    """Divide the saves of a batch: those that come before its ends, and those received after their own hand-in.

    The latter are judged once the attempt is closed: what came later than 交卷 is evidence, and no answer of a
    sealed journal.

    Source: R-21, R-29; I4.
    """
    if not ends:
        return saves, []
    handed_in: dict[int, datetime] = {}
    for end in ends:
        if isinstance(end, HandIn):
            handed_in_at = handed_in.setdefault(end.save.attempt_id, end.save.now)
            handed_in[end.save.attempt_id] = min(handed_in_at, end.save.now)
    before: list[Save] = []
    after: list[Save] = []
    for save in saves:
        (after if save.now > handed_in.get(save.attempt_id, save.now) else before).append(save)
    return before, after


# The clock as a candidate's page reads it: instants only, the page does the counting.
#
# Written as JSON text by hand: it goes with every save.
#
# Source.


def iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


def quoted(instant: datetime | None) -> str:
    return "null" if instant is None else f'"{instant.isoformat().replace("+00:00", "Z")}"'


def receipts_text(saved: Saved) -> str:
    texts = [f'{{"seq":{one.seq},"at":{quoted(one.at)}}}' for one in saved.receipts]
    return f"[{','.join(texts)}]"


def windows_shown(windows: Iterable[UnitWindow]) -> list[dict[str, object]]:
    """Return the open and the unopened windows as the page reads them (R-24)."""
    return [{"unit": one.unit, "from": iso(one.from_at), "to": iso(one.to_at)} for one in windows]


def windows_text(windows: Iterable[UnitWindow]) -> str:
    return canonical_json(windows_shown(windows))


def clock_text(
    info: AttemptInfo,
    guard: Guard,
    *,
    now: datetime,
    messages: str = "[]",
    evacuated: bool = False,
    standing: str = "null",
) -> str:
    """Return, as JSON, what the page needs to show the time left and to know what it may do.

    `evacuated` says of a suspended attempt that its room is to be left at once, `standing` of one without a paper
    to show who did what and why.
    """
    paper = info.paper
    blocked = paper.submit.closed_before_end
    blocked_after = None
    if blocked > ZERO and guard.closes_at is not None:
        blocked_after = guard.closes_at - blocked
    unit = "null"
    if guard.open_unit is not None and guard.state != State.UNITS_DONE:
        unit = f'{{"number":{guard.open_unit},"ends_at":{quoted(guard.unit_ends_at)}}}'
    return (
        f'{{"now":{quoted(now)},"state":"{"closed" if guard.over else guard.state}",'
        f'"away":{"false" if guard.left_at is None else "true"},"evacuated":{"true" if evacuated else "false"},'
        f'"standing":{standing},'
        f'"closes_at":{quoted(guard.closes_at)},'
        f'"earliest_submit_at":{quoted(guard.earliest_submit_at)},'
        f'"submit_blocked_after":{quoted(blocked_after)},"unit":{unit},{info.warnings},"messages":{messages}}}'
    )


FARTHEST_CLOCK = timedelta(days=1)
"""How far a machine's clock may be off before what it says of a moment is worth nothing."""


def read_save(
    info: AttemptInfo, body: Mapping[str, Any], *, lease_hash: str, machine: str, now: datetime
) -> Save:
    """Return the answers that come along; raises as `read_entries` and `read_epoch`."""
    entries = read_entries(info, body.get("entries", []))
    return Save(info.attempt_id, lease_hash, read_epoch(body), entries, now, machine)


def read_hand_in(save: Save, body: Mapping[str, Any]) -> HandIn:
    return HandIn(save, _pressed_at(body.get("pressed_at"), save.now))


def read_unit_left(save: Save, body: Mapping[str, Any]) -> UnitLeft:
    """Return the end of a unit; raise InvalidInput("web.bad_request") for what names none."""
    from_unit = body.get("from_unit")
    if not isinstance(from_unit, int) or isinstance(from_unit, bool) or not 0 <= from_unit < 2**31:
        raise InvalidInput("web.bad_request")
    return UnitLeft(save, from_unit, body.get("completed") is True)


def _pressed_at(raw: object, now: datetime) -> datetime:
    """The moment pressed as the browser says; it is only kept on record, so a wrong one is the server's."""
    try:
        pressed_at = datetime.fromisoformat(raw) if isinstance(raw, str) else now
    except ValueError:
        return now
    if pressed_at.tzinfo is None or abs(pressed_at - now) > FARTHEST_CLOCK:
        return now
    return pressed_at


def handed_in_text(done: HandedIn, done_url: str) -> str:
    """Return, as JSON, the receipt and where to go now."""
    return (
        f'{{"receipt":{canonical_json(done.receipt)},"closed_at":{quoted(done.closed_at)},'
        f'"receipts":{receipts_text(done.saved)},"done_url":{canonical_json(done_url)}}}'
    )
