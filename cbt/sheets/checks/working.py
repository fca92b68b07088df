"""What the process of one check does: what it waits for, put down however it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from itertools import chain
from typing import TypeVar

from cbt.db.unit_of_work import unit_of_work
from cbt.db.writing.parcels import put_down
from cbt.errors import CbtError, Unavailable
from cbt.sheets.checks.beating import Beat, Unwanted
from cbt.sheets.checks.keeping import AnyChecks, FileChecks, FilePiece, cut
from cbt.sheets.checks.models import CheckState, FileCheck

log = logging.getLogger(__name__)

PARCEL_BYTES = 48 * 1024
"""Of the pieces that are put down together; a larger one is put down alone."""
PARTS_AT_ONCE = 4
"""So many pieces of a check are deleted together."""
TRIES = 5
"""A parcel that was not put down, or of which nobody knows, is put down so often."""
Clock = Callable[[], datetime]
C = TypeVar("C", bound=FileCheck)
Beating = Callable[[AnyChecks, str, Clock], Beat]


def work_on(
    checks: FileChecks[C],
    ref: str,
    *,
    clock: Clock,
    beat: Beating,
    review: Callable[[C, Beat], None],
    store: Callable[[C, Beat, datetime], None],
) -> bool:
    """Do what check `ref` waits for, and put down how it ended; return whether it came to its end well.

    Nothing is done when nobody waits for it, or another process was quicker.
    """
    with unit_of_work() as session:
        check = checks.take(session, ref, now=clock())
        if check is None:
            return False
        session.flush()
        session.expunge(check)
    with beat(checks, ref, clock) as told:
        try:
            if check.state == CheckState.IMPORTING:
                store(check, told, clock())
            else:
                review(check, told)
        except Unwanted:
            return False
        except CbtError as error:
            _fail(checks, ref, error, told)
            return False
        except Exception:
            log.exception("the check of a file broke")
            _fail(checks, ref, Unavailable(checks.broken), told)
            raise
    return True


def _fail(checks: AnyChecks, ref: str, error: CbtError, told: Beat) -> None:
    def fail() -> None:
        with unit_of_work() as session:
            checks.fail(session, ref, error)

    told.in_front(fail)


def put_pieces_down(checks: AnyChecks, check_id: int, pieces: Iterable[FilePiece]) -> None:
    """Put pieces down, as many together as nobody's save notices."""
    some: list[FilePiece] = []
    for piece in chain.from_iterable(map(cut, pieces)):
        if some and sum(len(body) for _name, _number, body in [*some, piece]) > PARCEL_BYTES:
            put_down(checks.parts(check_id, some), tries=TRIES)
            some = []
        some.append(piece)
    put_down(checks.parts(check_id, some), tries=TRIES)


def keep_copy(checks: AnyChecks, check_id: int, piece: FilePiece, told: Beat) -> bool:
    """Keep a marked copy of a file, a part at a time; return whether its dry run is still looked at."""

    def keep(part: FilePiece) -> bool:
        with unit_of_work() as session:
            return checks.add_copy(session, check_id, part)

    return all(told.in_front(partial(keep, part)) for part in cut(piece))


def put_pieces_away(checks: AnyChecks, ids: Iterable[int], told: Beat) -> None:
    """Delete pieces that nobody looks at any more, a few at a time."""
    rest = list(ids)
    for start in range(0, len(rest), PARTS_AT_ONCE):
        put_down(checks.no_parts(rest[start : start + PARTS_AT_ONCE]), tries=TRIES)
        told.rest()
