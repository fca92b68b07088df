"""What an open board asks the database every two seconds, with a cursor of the driver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Engine

from cbt.audit.models import AuditHead
from cbt.db.known.selects import Raw, RawSelect
from cbt.db.types import read_instant_or_none
from cbt.proctoring.board import store
from cbt.proctoring.board.seat_state import SeatNumbers
from cbt.proctoring.polling.tidings import SUBJECTS
from cbt.web.who.guessing import LATELY_TRIED, OftenTried, since_when, worth_a_look
from cbt.web.who.models import LoginSession


@dataclass(frozen=True, slots=True)
class WatchersLogin:
    """What decides whether the login of whoever watches a board still holds."""

    kind: str
    revoked_at: datetime | None
    expires_at: datetime
    seen_at: datetime | None
    board_at: datetime | None
    owes_factor: bool


class ReadSeat(NamedTuple):
    """A seat as it was read: its row as the driver gave it, as values without its numbers, and these."""

    raw: Raw
    row: Any
    numbers: SeatNumbers


_LOGIN = select(*(getattr(LoginSession, name) for name in WatchersLogin.__slots__)).where(
    LoginSession.token_hash == bindparam("hash")
)


class BoardReader:
    """Asks one kind of database."""

    def __init__(self, engine: Engine) -> None:
        self._last = RawSelect(select(AuditHead.last_id), engine.dialect)
        self._pulse = RawSelect(store.PULSE, engine.dialect)
        self._rows = RawSelect(store.ROWS, engine.dialect)
        self._still = RawSelect(store.STILL, engine.dialect)
        self._subjects = RawSelect(SUBJECTS, engine.dialect)
        self._tried = RawSelect(LATELY_TRIED, engine.dialect)
        self._login = RawSelect(_LOGIN, engine.dialect)

    def last_number(self, cursor: Any) -> int:
        """Return the log's last number."""
        rows = self._last.ask(cursor)
        return int(rows[0][0] or 0) if rows else 0

    def pulse(self, cursor: Any, sitting_room_id: int) -> tuple[int, Raw]:
        """Return the log's last number, and what else tells whether more than seats changed."""
        ((number, *rest),) = self._pulse.ask(cursor, room=sitting_room_id)
        return number or 0, tuple(rest)

    def rows(self, cursor: Any, sitting_room_id: int, room_id: int) -> list[Raw]:
        """Return the rows of a room's seats as the driver gives them."""
        return self._rows.ask(cursor, sitting_room=sitting_room_id, room=room_id)

    def seat(self, raw: Raw, former: ReadSeat | None) -> ReadSeat:
        """Return the seat of a row; what is as it was in the `former` one is not made anew."""
        if former is not None and former.raw == raw:
            return former
        still, (answered, seen_at, saved_at) = raw[: -store.NUMBERS], raw[-store.NUMBERS :]
        as_it_was = former is not None and former.raw[: -store.NUMBERS] == still
        row = former.row if former is not None and as_it_was else self._still.typed(still)
        numbers = SeatNumbers(answered or 0, read_instant_or_none(seen_at), read_instant_or_none(saved_at))
        return ReadSeat(raw, row, numbers)

    def subjects(self, cursor: Any, since: int, upto: int) -> list[Raw]:
        """Return number and subject of the entries of the log after one number up to another."""
        return self._subjects.ask(cursor, since=since, upto=upto)

    def counters(self, cursor: Any, *, now: datetime) -> list[OftenTried]:
        """Return what is guessed at too often just now, whatever it is. Source: R-14."""
        raws = self._tried.ask(cursor, since=since_when(now))
        found = [OftenTried(*self._tried.typed(raw)) for raw in raws]
        return [one for one in found if worth_a_look(one, now)]

    def login(self, cursor: Any, token_hash: str) -> WatchersLogin | None:
        """Return the login of a token, if there is one."""
        for raw in self._login.ask(cursor, hash=token_hash):
            return WatchersLogin(*self._login.typed(raw))
        return None
