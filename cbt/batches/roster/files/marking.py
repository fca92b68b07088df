"""A brought roster back with what was found: for who brought it, in the language it was brought in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import flask_babel
from sqlalchemy.orm import Session

from cbt.batches.roster import store
from cbt.batches.roster import summary as kept
from cbt.batches.roster.importing import CheckedRoster
from cbt.batches.roster.models import ROSTERS, RosterCheck
from cbt.batches.roster.texts import told
from cbt.candidates.roster.marked import marked_roster
from cbt.errors import NotFound
from cbt.sheets.cells import SheetData
from cbt.sittings.store import batch_by_ref


def marked_of(sheets: Sequence[SheetData], checked: CheckedRoster, locale: str) -> bytes:
    """Return the workbook of a roster with its findings marked, and one more column that says what to do."""
    with flask_babel.force_locale(locale):
        return marked_roster(
            sheets,
            checked.roster.headings,
            told(checked.plan.findings),
            title=flask_babel.gettext("batches.roster.marked.column"),
        )


def is_marked(session: Session, batch_ref: str, ref: str, *, actor: str) -> bool:
    """Say whether there is a marked copy that this person may have: whole numbers stand in it."""
    return _has_copy(session, store.check_of(session, batch_by_ref(session, batch_ref).id, ref, actor=actor))


def marked_copy(session: Session, batch_ref: str, ref: str, *, actor: str) -> tuple[str, bytes]:
    """Return the name for a roster's marked copy, and the copy; raise NotFound for none, or another person's."""
    check = store.check_of(session, batch_by_ref(session, batch_ref).id, ref, actor=actor)
    if not _has_copy(session, check):
        raise NotFound(ROSTERS.gone)
    body = ROSTERS.opened(ROSTERS.part(session, check, kept.MARKED), bytes)
    name = flask_babel.gettext("batches.roster.marked.file", name=PurePath(check.file_name).stem)
    return name, body


def _has_copy(session: Session, check: RosterCheck) -> bool:
    return bool(ROSTERS.part_numbers(session, check, kept.MARKED))
