"""Who wants to open which paper: the login sessions and the forms of a batch of starts, read for all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_urlsafe
from typing import Any, NamedTuple

from cbt.db.types import read_instant
from cbt.delivery.save.guard import Dialect
from cbt.errors import CbtError, NotAllowed, NotFound
from cbt.web.receiving.door import LOGIN_SESSIONS
from cbt.web.who.machine import is_elsewhere


@dataclass(slots=True)
class Start:
    """One request to open an attempt: by which login session, at which machine."""

    ref: str
    token_hash: str
    machine: str
    now: datetime
    lease: str = field(default_factory=lambda: token_urlsafe(24))


class FormRow(NamedTuple):
    """What never changes about an attempt, as the database has it; its form is long and read where it is needed."""

    attempt_id: int
    registration_ref: str
    version_id: int
    paper: str
    layout: str
    form_id: int
    tools: str


FORM_COLUMNS = "a.id, r.ref, r.blueprint_version_id, r.paper, a.layout, a.form_id, r.tools"
FORM_TABLES = "FROM attempt a JOIN registration r ON r.id = a.registration_id WHERE a.ref"


@dataclass(frozen=True, slots=True)
class Claim:
    """A start by somebody who is signed in, of an attempt that is theirs."""

    login_session_id: int
    form: FormRow
    former_machine: str | None
    """What the same machine was known as before its token was wiped (R-16)."""


class ClaimReader:
    """Reads claims on the cursor of the transaction that carries the starts out."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def read(self, cursor: Any, starts: Sequence[Start]) -> list[Claim | CbtError]:
        """Return the claim of each start, or why it has none.

        NotAllowed("web.signed_out") for a login session that is over or nobody's, NotAllowed("machine.other")
        for one of another machine (R-42), NotFound("attempt.unknown") for an attempt that is unknown or
        somebody else's.
        """
        logins = {
            token_hash: row
            for token_hash, *row in self._among(cursor, LOGIN_SESSIONS, [one.token_hash for one in starts])
        }
        query = f"SELECT a.ref, {FORM_COLUMNS} {FORM_TABLES}"
        forms = {ref: FormRow(*row) for ref, *row in self._among(cursor, query, [one.ref for one in starts])}
        return [_claim(start, logins.get(start.token_hash), forms.get(start.ref)) for start in starts]

    def _among(self, cursor: Any, query: str, keys: Sequence[str]) -> Sequence[Any]:
        among, values = self._dialect.among(sorted(set(keys)))
        cursor.execute(f"{query} {among}", values)
        rows: Sequence[Any] = cursor.fetchall()
        return rows


def _claim(start: Start, login: Sequence[Any] | None, form: FormRow | None) -> Claim | CbtError:
    if login is None:
        return NotAllowed("web.signed_out")
    login_session_id, kind, subject_ref, revoked_at, expires_at, machine, former_machine = login
    if kind != "candidate" or revoked_at is not None or start.now >= read_instant(expires_at):
        return NotAllowed("web.signed_out")
    if is_elsewhere(machine, start.machine):
        return NotAllowed("machine.other")
    if form is None or form.registration_ref != subject_ref:
        return NotFound("attempt.unknown")
    return Claim(login_session_id, form, former_machine)
