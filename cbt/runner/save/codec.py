"""Saves, ends, starts and parcels as bytes, for the process that owns the writing, and their outcomes, coming back.

Plain tuples of numbers and texts: nothing that is read can be more than that.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cbt import errors
from cbt.audit.chain import EntryDraft, ToFollow
from cbt.errors import CbtError
from cbt.rules.clock import UnitWindow
from cbt.runner.protocol import (
    Entry,
    HandedIn,
    HandIn,
    Outcome,
    Receipt,
    Save,
    Saved,
    UnitEndResult,
    UnitLeft,
)
from cbt.runner.save.attempt_row import FormRow, guard_of, row_of
from cbt.runner.start.batch import Opened, Start
from cbt.storage.types import from_micros, to_micros
from cbt.storage.write_queue.batch import Carried, Failed
from cbt.storage.write_queue.change_set import ChangeSetOutcome, Parcel, Rows

PLAIN = 2
"""The version of marshal that only writes values, without references between them."""
SAVE, START, PARCEL, HAND_IN, UNIT_LEFT = 0, 1, 2, 3, 4
FAILED, REFUSED, SAVED, OPENED, PUT_DOWN, HANDED_IN, MOVED = 0, 1, 2, 3, 4, 5, 6
Request = Save | Start | Parcel | HandIn | UnitLeft
_ERRORS = {
    kind.__name__: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, CbtError)
}


class SavePacking:
    """Packs saves, ends, starts and parcels."""

    def pack_requests(self, requests: Sequence[Request]) -> bytes:
        return marshal.dumps([_packed(one) for one in requests], PLAIN)

    def unpack_requests(self, packed: bytes) -> Sequence[Request]:
        """Return the requests; raise ValueError for anything else."""
        try:
            return [_request(one) for one in marshal.loads(packed)]
        except (EOFError, TypeError) as error:
            raise ValueError("no requests") from error

    def pack_carried(self, carried: Carried) -> bytes:
        """Return outcomes as bytes."""
        return marshal.dumps((carried.commit_seconds, [_outcome(one) for one in carried.outcomes]), PLAIN)

    def unpack_carried(self, packed: bytes, requests: Sequence[Request]) -> Carried:
        """Return the outcomes of `requests`; raise ValueError for anything else."""
        try:
            seconds, outcomes = marshal.loads(packed)
            pairs = zip(requests, outcomes, strict=True)
            return Carried([_result(request, *outcome) for request, outcome in pairs], seconds)
        except (EOFError, TypeError, KeyError) as error:
            raise ValueError("no outcomes") from error


def _packed(request: Request) -> tuple[Any, ...]:
    match request:
        case Save():
            return (SAVE, *_save(request))
        case HandIn(save, pressed_at):
            return (HAND_IN, to_micros(pressed_at), *_save(save))
        case UnitLeft(save, from_unit, completed):
            return (UNIT_LEFT, from_unit, completed, *_save(save))
        case Start():
            return _start(request)
        case Parcel(rows, lines):
            packed_lines = [(to_micros(one.at), *one.fields) for one in lines]
            return (PARCEL, [(one.sql, list(one.values), one.touches) for one in rows], packed_lines)


def _save(save: Save) -> tuple[Any, ...]:
    entries = [(one.seq, one.kind, one.position, one.value, one.unit, one.full) for one in save.entries]
    sender = (save.attempt_id, save.lease_hash, save.epoch)
    return (*sender, entries, to_micros(save.now), save.machine, save.place)


def _start(start: Start) -> tuple[Any, ...]:
    return (START, start.ref, start.token_hash, start.machine, to_micros(start.now), start.lease)


def _request(packed: Sequence[Any]) -> Request:
    kind, *rest = packed
    if kind == SAVE:
        return _read_save(*rest)
    if kind == HAND_IN:
        pressed_at, *save = rest
        return HandIn(_read_save(*save), from_micros(pressed_at))
    if kind == UNIT_LEFT:
        from_unit, completed, *save = rest
        return UnitLeft(_read_save(*save), from_unit, completed)
    if kind == PARCEL:
        rows, lines = rest
        entry_drafts = [EntryDraft(from_micros(at), *fields) for at, *fields in lines]
        return Parcel([Rows(*one) for one in rows], entry_drafts)
    ref, token_hash, machine, now, lease = rest
    return Start(ref, token_hash, machine, from_micros(now), lease)


def _read_save(
    attempt_id: int,
    lease_hash: str,
    epoch: int,
    entries: Sequence[Any],
    now: int,
    machine: str,
    place: int | None,
) -> Save:
    sent = [Entry(*one) for one in entries]
    return Save(attempt_id, lease_hash, epoch, sent, from_micros(now), machine, place)


def _outcome(outcome: object) -> tuple[Any, ...]:
    match outcome:
        case Saved():
            return (SAVED, *_saved(outcome))
        case HandedIn(saved, receipt, closed_at, follows):
            at = None if closed_at is None else to_micros(closed_at)
            return (HANDED_IN, receipt, at, tuple(follows), *_saved(saved))
        case UnitEndResult(saved, goes_on, windows):
            return (MOVED, goes_on, _ahead(windows), *_saved(saved))
        case Opened(_, epoch, guard, form, journal, place, windows):
            ahead = _ahead(windows)
            rows = [tuple(row) for row in journal]
            return (OPENED, epoch, row_of(guard), tuple(form), rows, place, ahead)
        case ChangeSetOutcome(whole, follows):
            return (PUT_DOWN, whole, tuple(follows))
        case Failed(error):
            return (FAILED, *_error(error))
        case CbtError() as error:
            return (REFUSED, *_error(error))
        case _:
            raise TypeError(f"no outcome of a request: {type(outcome).__name__}")


def _saved(saved: Saved) -> tuple[Any, ...]:
    receipts = [(one.seq, to_micros(one.at)) for one in saved.receipts]
    return (saved.outcome.value, row_of(saved.guard), receipts)


def _read_saved(what: str, guard: Sequence[Any], receipts: Sequence[Any]) -> Saved:
    return Saved(Outcome(what), guard_of(guard), [Receipt(seq, from_micros(at)) for seq, at in receipts])


def _ahead(windows: Sequence[UnitWindow]) -> list[tuple[int, int, int]]:
    return [(one.unit, to_micros(one.from_at), to_micros(one.to_at)) for one in windows]


def _read_ahead(ahead: Sequence[Any]) -> tuple[UnitWindow, ...]:
    return tuple(UnitWindow(unit, from_micros(begin), from_micros(end)) for unit, begin, end in ahead)


def _result(
    request: Request, kind: int, *rest: Any
) -> Saved | HandedIn | UnitEndResult | Opened | ChangeSetOutcome | Failed | CbtError:
    if kind == SAVED:
        return _read_saved(*rest)
    if kind == HANDED_IN:
        receipt, closed_at, follows, *saved = rest
        at = None if closed_at is None else from_micros(closed_at)
        return HandedIn(_read_saved(*saved), receipt, at, ToFollow(*follows))
    if kind == MOVED:
        goes_on, ahead, *saved = rest
        return UnitEndResult(_read_saved(*saved), goes_on, _read_ahead(ahead))
    if kind == OPENED:
        if not isinstance(request, Start):
            raise TypeError("a save opens nothing")
        epoch, guard, form, journal, place, ahead = rest
        windows = _read_ahead(ahead)
        return Opened(request.lease, epoch, guard_of(guard), FormRow(*form), journal, place, windows)
    if kind == PUT_DOWN:
        whole, follows = rest
        return ChangeSetOutcome(whole, follows)
    error = _read_error(*rest)
    return Failed(error) if kind == FAILED else error


def _error(error: CbtError) -> tuple[Any, ...]:
    shown = {name: _shown(value) for name, value in error.params.items()}
    return (type(error).__name__, error.code, shown)


def _shown(value: object) -> object:
    """Return what a refusal is about; an instant stays one, for it is told in the reader's own time."""
    if isinstance(value, datetime):
        return (to_micros(value),)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _read_error(kind: str, code: str, params: dict[str, Any]) -> CbtError:
    read = {name: from_micros(*one) if isinstance(one, tuple) else one for name, one in params.items()}
    return _ERRORS[kind](code, **read)
