"""Changes of a bank's check; each takes the Session of a unit of work."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.bank.imports.checks.models import ImportCheck
from cbt.bank.imports.terms import ImportTerms, written
from cbt.bank.models import KeptMapping
from cbt.sheets.checks.models import CheckState


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


def link_run(session: Session, ref: str, run_id: int | None) -> None:
    """Have a check know the run that stores it; None when that was taken back."""
    session.execute(update(ImportCheck).where(ImportCheck.ref == ref).values(run_id=run_id))


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
