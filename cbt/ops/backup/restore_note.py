"""The note that a restore leaves beside the database: it goes into the log as the server next begins.

What was brought back may be of an earlier version, or its keys may not be whole yet: nothing can be written into
its log before a start has found both in order.

Source: R-64.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.chain import text_of
from cbt.audit.models import AuditEntry
from cbt.storage.private_files import open_private

RESTORED = "system.restore"
NAME = "restored.json"


def leave_note(
    data_dir: Path, *, way: str, source: Path | None, now: datetime, until: datetime | None = None
) -> None:
    """Write down what a restore brought into `data_dir` and when; `until`: its last commit, for one to a moment.

    `way` is `backup`, `copy` or `rescue`; of `source` the folder's name is kept, not where it lies.
    """
    note: dict[str, Any] = {
        "restored_from": way,
        "restored_folder": source.name if source else "",
        "restored_at": now.isoformat(),
    }
    if until is not None:
        note["last_commit_at"] = until.isoformat()
    descriptor = open_private(data_dir / NAME, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(note, file)
        file.flush()
        os.fsync(file.fileno())


def record_note(session: Session, data_dir: Path, *, now: datetime) -> None:
    """Put the note on record, once; one that nobody can read is put on record without its particulars."""
    path = data_dir / NAME
    try:
        note = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return
    except ValueError:
        note = {}
    after = note if isinstance(note, dict) else {}
    last = session.scalar(
        select(AuditEntry.after).where(AuditEntry.act == RESTORED).order_by(AuditEntry.id.desc()).limit(1)
    )
    if last is None or last != text_of(after):  # else the start before was cut off behind its commit
        chain.record(session, at=now, actor="cli", act=RESTORED, subject="system:", after=after)


def forget_note(data_dir: Path) -> None:
    """Take the note away, once it is on record."""
    (data_dir / NAME).unlink(missing_ok=True)
