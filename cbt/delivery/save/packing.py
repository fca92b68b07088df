"""Saves, starts and parcels as bytes, for the process that owns the writing, and their outcomes on the way back.

Plain tuples of numbers and texts: nothing that is read can be more than that.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from typing import Any

from cbt import errors
from cbt.db.types import from_micros, to_micros
from cbt.db.writing.commits import Carried, Failed
from cbt.db.writing.parcels import Parcel, Rows
from cbt.delivery.save.entries import Entry
from cbt.delivery.save.exchange import Outcome, Receipt, Save, Saved
from cbt.delivery.save.guard import guard_of, row_of
from cbt.delivery.start.batch import Opened
from cbt.delivery.start.claims import FormRow, Start
from cbt.errors import CbtError
from cbt.rules.clock.facts import UnitWindow

PLAIN = 2
"""The version of marshal that only writes values, without references between them."""
SAVE, START, PARCEL = 0, 1, 2
FAILED, REFUSED, SAVED, OPENED, PUT_DOWN = 0, 1, 2, 3, 4
Request = Save | Start | Parcel
_ERRORS = {
    kind.__name__: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, CbtError)
}


class SavePacking:
    """Packs saves, starts and parcels."""

    def pack_requests(self, requests: Sequence[Request]) -> bytes:
        """Return requests as bytes."""
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
            return _save(request)
        case Start():
            return _start(request)
        case Parcel(rows):
            return (PARCEL, [(one.sql, list(one.values), one.touches) for one in rows])


def _save(save: Save) -> tuple[Any, ...]:
    entries = [(one.seq, one.kind, one.position, one.value, one.unit, one.full) for one in save.entries]
    return (
        *(SAVE, save.attempt_id, save.lease_hash, save.epoch, entries),
        *(to_micros(save.now), save.machine, save.place),
    )


def _start(start: Start) -> tuple[Any, ...]:
    return (START, start.ref, start.token_hash, start.machine, to_micros(start.now), start.lease)


def _request(packed: Sequence[Any]) -> Request:
    kind, *rest = packed
    if kind == PARCEL:
        (rows,) = rest
        return Parcel([Rows(*one) for one in rows])
    if kind == SAVE:
        attempt_id, lease_hash, epoch, entries, now, machine, place = rest
        sent = [Entry(*one) for one in entries]
        return Save(attempt_id, lease_hash, epoch, sent, from_micros(now), machine, place)
    ref, token_hash, machine, now, lease = rest
    return Start(ref, token_hash, machine, from_micros(now), lease)


def _outcome(outcome: object) -> tuple[Any, ...]:
    match outcome:
        case Saved(what, guard, receipts):
            return (SAVED, what.value, row_of(guard), [(one.seq, to_micros(one.at)) for one in receipts])
        case Opened(_, epoch, guard, form, journal, place, windows):
            ahead = [(one.unit, to_micros(one.from_at), to_micros(one.to_at)) for one in windows]
            rows = [tuple(row) for row in journal]
            return (OPENED, epoch, row_of(guard), tuple(form), rows, place, ahead)
        case bool():
            return (PUT_DOWN, outcome)
        case Failed(error):
            return (FAILED, *_error(error))
        case CbtError() as error:
            return (REFUSED, *_error(error))
        case _:
            raise TypeError(f"no outcome of a request: {type(outcome).__name__}")


def _result(request: Request, kind: int, *rest: Any) -> Saved | Opened | bool | Failed | CbtError:
    if kind == SAVED:
        what, guard, receipts = rest
        found = [Receipt(seq, from_micros(at)) for seq, at in receipts]
        return Saved(Outcome(what), guard_of(guard), found)
    if kind == OPENED:
        if not isinstance(request, Start):
            raise TypeError("a save opens nothing")
        epoch, guard, form, journal, place, ahead = rest
        windows = tuple(UnitWindow(unit, from_micros(begin), from_micros(end)) for unit, begin, end in ahead)
        return Opened(request.lease, epoch, guard_of(guard), FormRow(*form), journal, place, windows)
    if kind == PUT_DOWN:
        (whole,) = rest
        return bool(whole)
    error = _read_error(*rest)
    return Failed(error) if kind == FAILED else error


def _error(error: CbtError) -> tuple[Any, ...]:
    shown = {
        name: value if isinstance(value, str | int | float | bool | None) else str(value)
        for name, value in error.params.items()
    }
    return (type(error).__name__, error.code, shown)


def _read_error(kind: str, code: str, params: dict[str, Any]) -> CbtError:
    return _ERRORS[kind](code, **params)
