"""Changes of a check; each takes the Session of a unit of work, and repeats the state it relies on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cbt.bank.imports.checks.models import CheckState, ImportCheck, ImportPart
from cbt.bank.imports.terms import ImportTerms, written
from cbt.bank.models import KeptMapping
from cbt.db.writing.parcels import Rows
from cbt.errors import CbtError, Conflict

Part = tuple[str, int, bytes]
"""The name, the number and the sealed body of a piece of what a check found."""
_PROGRESS = (
    "UPDATE import_check SET state = ?, done = ?, total = ?, beat_at = ? "
    "WHERE ref = ? AND beat_at IS NOT NULL"
)
_PART = (
    "INSERT INTO import_part (check_id, name, number, sealed) SELECT id, ?, ?, ? FROM import_check "
    "WHERE id = ? AND beat_at IS NOT NULL ON CONFLICT DO NOTHING"
)
_NO_PART = "DELETE FROM import_part WHERE id = ?"
MOST_TRIES = 3
"""An import whose process ended without a word goes on by itself so often."""


def begin_check(
    session: Session, *, ref: str, bank_id: int, actor: str, file_name: str, asked: ImportTerms, now: datetime
) -> None:
    """Have a brought file wait for its check."""
    session.add(
        ImportCheck(
            ref=ref,
            bank_id=bank_id,
            actor=actor,
            file_name=file_name[:200],
            state=CheckState.WAITING,
            asked=written(asked),
            at=now,
        )
    )


def ask_again(session: Session, check: ImportCheck, asked: ImportTerms) -> None:
    """Have a file be read anew; raise Conflict("bank.check_under_way") while a process is at it."""
    _move(
        session,
        check,
        (CheckState.READY, CheckState.FAILED),
        state=CheckState.WAITING,
        asked=written(asked),
        done=0,
        total=0,
        tries=0,
        error="",
        params="{}",
        beat_at=None,
    )
    session.execute(delete(ImportPart).where(ImportPart.check_id == check.id))


def ask_import(session: Session, check: ImportCheck, asked: ImportTerms, *, total: int) -> None:
    """Have what was looked at wait to be stored; of two who ask one is refused with Conflict."""
    _move(
        session,
        check,
        (CheckState.READY,),
        state=CheckState.IMPORTING,
        asked=written(asked),
        done=0,
        total=total,
        tries=0,
        beat_at=None,
    )


def go_on_again(session: Session, check: ImportCheck) -> None:
    """Have an import whose process ended go on."""
    _move(
        session,
        check,
        (CheckState.FAILED,),
        state=CheckState.IMPORTING,
        tries=0,
        error="",
        params="{}",
        beat_at=None,
    )


def _move(session: Session, check: ImportCheck, states: Sequence[CheckState], **values: object) -> None:
    moved = session.execute(
        update(ImportCheck)
        .where(ImportCheck.id == check.id, ImportCheck.state.in_(states))
        .values(**values)
        .returning(ImportCheck.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not moved:
        raise Conflict("bank.check_under_way")


def take(session: Session, ref: str, *, now: datetime) -> ImportCheck | None:
    """Claim a check that waits, for this process; None when there is none, or another was quicker."""
    taken = session.execute(
        update(ImportCheck)
        .where(
            ImportCheck.ref == ref,
            ImportCheck.beat_at.is_(None),
            ImportCheck.state.in_((CheckState.WAITING, CheckState.IMPORTING)),
        )
        .values(beat_at=now)
        .returning(ImportCheck.id)
    ).all()
    if not taken:
        return None
    check = session.scalars(select(ImportCheck).where(ImportCheck.ref == ref)).one()
    if check.state == CheckState.WAITING:
        drop_parts(session, check)  # of a check that ended half-way
    return check


def progress(ref: str, *, state: CheckState, done: int, total: int, now: datetime) -> Rows:
    """Return what puts down how far a process is, and that it lives; it touches nothing that nobody wants."""
    return Rows(_PROGRESS, [(state, done, total, now, ref)], touches=1)


def parts(check_id: int, found: Iterable[Part]) -> Rows:
    """Return what keeps some pieces of what was found, for as long as somebody wants them."""
    return Rows(_PART, [(name, number, body, check_id) for name, number, body in found])


def no_parts(ids: Iterable[int]) -> Rows:
    """Return what deletes some pieces of what was found."""
    return Rows(_NO_PART, [(one,) for one in ids])


def link_run(session: Session, ref: str, run_id: int | None) -> None:
    """Have a check know the run that stores it; None when that was taken back."""
    session.execute(update(ImportCheck).where(ImportCheck.ref == ref).values(run_id=run_id))


def add_copy(session: Session, check_id: int, part: Part) -> bool:
    """Keep a marked copy of a file whose dry run is still looked at; return whether it is."""
    check = session.get(ImportCheck, check_id)
    if check is None or check.state != CheckState.READY:
        return False
    name, number, body = part
    session.add(ImportPart(check_id=check_id, name=name, number=number, sealed=body))
    return True


def end_check(session: Session, ref: str, state: CheckState) -> bool:
    """Have a check be ready, or its import done; return whether it is still wanted."""
    ended = session.execute(
        update(ImportCheck)
        .where(ImportCheck.ref == ref, ImportCheck.beat_at.is_not(None))
        .values(state=state, beat_at=None)
        .returning(ImportCheck.id)
    ).all()
    return bool(ended)


def fail_check(session: Session, ref: str, error: CbtError) -> None:
    """Put down why a check or an import came to nothing."""
    params = {name: value for name, value in error.params.items() if isinstance(value, str | int)}
    session.execute(
        update(ImportCheck)
        .where(ImportCheck.ref == ref)
        .values(
            state=CheckState.FAILED,
            beat_at=None,
            error=error.code[:60],
            params=json.dumps(params, ensure_ascii=False),
        )
    )


def bury(session: Session, check: ImportCheck) -> None:
    """Settle a check whose process ended without a word.

    An import goes on by itself some times, and a process that never began is begun again as often; a check is
    told as failed: what ended it once would end it again.
    """
    storing = check.state == CheckState.IMPORTING
    if (storing or check.beat_at is None) and check.tries + 1 < MOST_TRIES:
        check.tries, check.beat_at = check.tries + 1, None
    else:
        fail_check(session, check.ref, Conflict("bank.import_died" if storing else "bank.check_died"))


def forget_checks(session: Session, ids: Sequence[int]) -> None:
    """Delete checks with all that they found."""
    session.execute(delete(ImportPart).where(ImportPart.check_id.in_(ids)))
    session.execute(delete(ImportCheck).where(ImportCheck.id.in_(ids)))


def drop_parts(session: Session, check: ImportCheck) -> None:
    """Delete what a check found: it is stored now."""
    session.execute(delete(ImportPart).where(ImportPart.check_id == check.id))


def keep_mapping(
    session: Session, bank_id: int, layout: str, choices: dict[str, str], *, now: datetime, actor: str
) -> None:
    """Keep how an author had files of one layout understood; nothing said forgets it."""
    row = session.scalar(
        select(KeptMapping).where(KeptMapping.bank_id == bank_id, KeptMapping.layout == layout)
    )
    if row is None and choices:
        row = KeptMapping(bank_id=bank_id, layout=layout)
        session.add(row)
    if row is not None and not choices:
        session.delete(row)
    elif row is not None:
        row.choices = json.dumps(choices, ensure_ascii=False, sort_keys=True)
        row.actor, row.at = actor, now
