"""Keeps the arrangements of forms, which scoring reads instead of the forms themselves.

A form of before has none until it is scored for the first time; one whose seal does not fit is passed over, told in
the log and written again from its form.

Source: R-43, R-50.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Arrangement, Form
from cbt.rules.canonical import digest
from cbt.rules.scoring.arrangement import arranged
from cbt.web.who.counters import insert

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arranged:
    """The arrangement of a form, the bank of its items, and whether the form has the hash it was frozen with."""

    bank_id: int
    text: str
    form_ok: bool = True
    sha256: str = ""
    """The hash of the form it was made of, for keeping it."""


Source = Callable[[Session, Collection[int]], dict[int, Arranged]]
"""What gives the arrangements of forms; what it leaves out is worked out by `arrange`."""
_COLUMNS = Arrangement.form_id, Arrangement.bank_id, Arrangement.seal, Arrangement.text


def arrangements(session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
    """Return what is kept of forms and fits its seal; no form is read."""
    rows = session.execute(select(*_COLUMNS).where(Arrangement.form_id.in_(form_ids)))
    return {row.form_id: Arranged(row.bank_id, row.text.split("\n", 1)[1]) for row in rows if _fits(row)}


def checked(session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
    """Return what is kept of forms, where it was made of the very content that a form has now; else work it out."""
    rows = session.execute(
        select(Form.id, Form.bank_id, Form.content, Form.sha256).where(Form.id.in_(form_ids))
    ).all()
    kept = session.execute(select(*_COLUMNS).where(Arrangement.form_id.in_(form_ids)))
    found = {row.form_id: row.text.split("\n", 1) for row in kept if _fits(row)}
    arrangements = {}
    for form_id, bank_id, content, sha256 in rows:
        own = digest(content)
        made_of, text = found.get(form_id, ("", ""))
        if made_of != own:
            text = _arranged(content)
        arrangements[form_id] = Arranged(bank_id, text, own == sha256)
    return arrangements


def arrange(session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
    """Work out the arrangements of forms from the forms themselves."""
    rows = session.execute(
        select(Form.id, Form.bank_id, Form.content, Form.sha256).where(Form.id.in_(form_ids))
    )
    return {
        form_id: Arranged(bank_id, _arranged(content), digest(content) == sha256, sha256)
        for form_id, bank_id, content, sha256 in rows
    }


def _arranged(content: str) -> str:
    return arranged(msgspec.json.decode(content))


def keep(session: Session, found: Mapping[int, Arranged]) -> None:
    """Keep arrangements, in the place of others where there are any."""
    if not found:
        return
    rows = []
    for form_id, one in sorted(found.items()):
        text = f"{one.sha256}\n{one.text}"
        seal = _seal(form_id, one.bank_id, text)
        rows.append({"form_id": form_id, "bank_id": one.bank_id, "text": text, "seal": seal})
    statement = insert(session)(Arrangement)
    fresh = {name: statement.excluded[name] for name in ("bank_id", "seal", "text")}
    session.execute(statement.on_conflict_do_update(index_elements=["form_id"], set_=fresh), rows)


def _fits(row: Any) -> bool:
    if row.seal == _seal(row.form_id, row.bank_id, row.text):
        return True
    log.error("the arrangement of form %d is not what was kept; the form itself is read", row.form_id)
    return False


def _seal(form_id: int, bank_id: int, text: str) -> str:
    return digest(f"{form_id} {bank_id} {text}")
