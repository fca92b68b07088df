"""When a login of staff ends by itself: nobody there any more, or signed in too long ago.

That somebody is there goes with what their request writes: an act is one transaction, and waits once for its turn.
A page that only shows something waits for none: one thread answers all boards of a process.
A candidate's login lasts as long as its exam and knows no idling.

Source: R-62; OWASP ASVS 5.0, 7.3.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import flask
from sqlalchemy import ClauseElement, bindparam, func, update
from sqlalchemy.orm import Session

from cbt.db.failures import cannot_persist
from cbt.db.known.changes import Change, KnownChange
from cbt.db.unit_of_work import after_commit, ending_with, unit_of_work
from cbt.db.writing.parcels import one_writes, put_down_later
from cbt.web.who.models import LoginSession

if TYPE_CHECKING:
    from cbt.web.who.login import Principal

log = logging.getLogger(__name__)
View = TypeVar("View", bound=Callable[..., Any])

KIND = "staff"
HALF = "staff-code"
"""The kind of a login whose password was right and whose second factor is still to be shown: it opens nothing."""
IDLE = timedelta(minutes=30)
BOARD_IDLE = timedelta(hours=3)
"""In a quiet room a proctor watches the board and touches nothing: longer than any paper with its lateness and
extensions, shorter than the way home. It holds only while that board is open and its room runs."""
EVERY = timedelta(minutes=1)
"""Being there is written down at most this often."""
_NOTE = "cbt_attention"
INPUT_HEADER = "X-CBT-Input"
"""What a page asks for by itself carries this after somebody used its mouse, keys or screen."""


class Login(Protocol):
    """What decides whether a login still holds."""

    @property
    def kind(self) -> str: ...
    @property
    def revoked_at(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def seen_at(self) -> datetime | None: ...
    @property
    def board_at(self) -> datetime | None: ...


def over(row: Login, *, now: datetime) -> str:
    """Return why a login no longer holds: `revoked`, `expired`, `idle`; "" while it does."""
    if row.revoked_at is not None:
        return "revoked"
    if now >= row.expires_at:
        return "expired"
    if row.kind != KIND or row.seen_at is None or now < row.seen_at + IDLE:
        return ""
    at_the_board = row.board_at is not None and now < row.board_at + IDLE
    return "" if at_the_board and now < row.seen_at + BOARD_IDLE else "idle"


def unattended(view: View) -> View:
    """Mark a view that a page asks by itself every so often: that alone keeps nobody signed in."""
    view.cbt_unattended = True  # type: ignore[attr-defined]  # read back by asked_by_itself
    return view


def asked_by_itself(view: object) -> bool:
    """Return whether a view is one that a page asks by itself every so often."""
    return bool(getattr(view, "cbt_unattended", False))


def somebody_is_there(view: object, request: flask.Request) -> bool:
    """Return whether a request shows that a person sits at the browser.

    A page without scripts that reloads itself says so in its address (`poll`).
    """
    by_itself = asked_by_itself(view) or "poll" in request.args
    return not by_itself or INPUT_HEADER in request.headers


def is_due(noted_at: datetime | None, *, now: datetime) -> bool:
    """Return whether it is time to write down again what was last written down at `noted_at`."""
    return noted_at is None or now >= noted_at + EVERY


def _noting(_dialect: str) -> ClauseElement:
    return (
        update(LoginSession)
        .where(LoginSession.id == bindparam("login"), LoginSession.revoked_at.is_(None))
        .values(
            seen_at=func.coalesce(bindparam("seen", type_=LoginSession.seen_at.type), LoginSession.seen_at),
            board_at=func.coalesce(
                bindparam("board", type_=LoginSession.board_at.type), LoginSession.board_at
            ),
        )
    )


_NOTING = KnownChange(_noting)


class _Note:
    """What is to be kept of this request's login: with the first thing that the request writes, else by itself."""

    def __init__(self, login_session_id: int) -> None:
        self._login_session_id = login_session_id
        self.values: dict[str, datetime] = {}

    def write(self, session: Session) -> None:
        """Write it at the end of a unit of work; it is kept once that one is."""
        if not self.values:
            return
        self._change.carry_out(session)
        after_commit(session, self.values.clear)

    @property
    def _change(self) -> Change:
        return _NOTING.of(
            login=self._login_session_id,
            seen=self.values.get("seen_at"),
            board=self.values.get("board_at"),
        )

    def write_alone(self) -> None:
        """Write what nothing else took along; where one writes at a time, nobody waits for it."""
        if not self.values:
            return
        if one_writes():
            put_down_later(self._change.rows(), what="that somebody is there")
            return
        # A page of a disk that is full is shown all the same: what was noted is not worth a board.
        try:
            with unit_of_work():
                pass
        except Exception as error:
            if not cannot_persist(error):
                raise
            log.warning("that somebody is there was not noted: %s", type(error).__name__)


def init_attention(app: flask.Flask) -> None:
    """Have what is noted in a request written by its end."""

    @app.after_request
    def write(response: flask.Response) -> flask.Response:
        note: _Note | None = flask.g.get(_NOTE)
        if note is not None:
            note.write_alone()
        return response

    @app.teardown_request
    def let_go(_error: BaseException | None) -> None:
        if flask.g.pop(_NOTE, None) is not None:
            ending_with(None)


def note_act(principal: Principal, *, now: datetime) -> None:
    """Keep that this person did something; writes at most once a minute."""
    if principal.kind == KIND and is_due(principal.seen_at, now=now):
        _keep(principal, seen_at=now)


def note_board(principal: Principal, *, now: datetime) -> None:
    """Keep that the board of a running room is open here; writes at most once a minute."""
    if is_due(principal.board_at, now=now):
        _keep(principal, board_at=now)


def _keep(principal: Principal, **values: datetime) -> None:
    note: _Note | None = flask.g.get(_NOTE)
    if note is None:
        note = _Note(principal.login_session_id)
        setattr(flask.g, _NOTE, note)
        ending_with(note.write)
    note.values |= values
