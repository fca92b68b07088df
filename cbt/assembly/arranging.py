"""Keeps the arrangements of forms, which scoring reads instead of the forms themselves.

A form of before has none until it is scored for the first time; one whose seal does not fit is passed over, told in
the log and written again from its form.

Source: R-43, R-50.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

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


def arrangements(session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
    """Return what is kept of forms and fits its seal."""
    columns = Arrangement.form_id, Arrangement.bank_id, Arrangement.seal, Arrangement.text
    found = {}
    for form_id, bank_id, seal, text in session.execute(
        select(*columns).where(Arrangement.form_id.in_(form_ids))
    ):
        if seal == _seal(form_id, bank_id, text):
            found[form_id] = Arranged(bank_id, text)
        else:
            log.error("the arrangement of form %d is not what was kept; the form itself is read", form_id)
    return found


def arrange(session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
    """Work out the arrangements of forms from the forms themselves."""
    rows = session.execute(
        select(Form.id, Form.bank_id, Form.content, Form.sha256).where(Form.id.in_(form_ids))
    )
    return {
        form_id: Arranged(bank_id, arranged(json.loads(content)), digest(content) == sha256)
        for form_id, bank_id, content, sha256 in rows
    }


def keep(session: Session, found: Mapping[int, Arranged]) -> None:
    """Keep arrangements, in the place of others where there are any."""
    if not found:
        return
    rows = [
        {
            "form_id": form_id,
            "bank_id": one.bank_id,
            "text": one.text,
            "seal": _seal(form_id, one.bank_id, one.text),
        }
        for form_id, one in sorted(found.items())
    ]
    statement = insert(session)(Arrangement)
    fresh = {name: statement.excluded[name] for name in ("bank_id", "seal", "text")}
    session.execute(statement.on_conflict_do_update(index_elements=["form_id"], set_=fresh), rows)


def _seal(form_id: int, bank_id: int, text: str) -> str:
    return digest(f"{form_id} {bank_id}\n{text}")
