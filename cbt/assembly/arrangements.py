"""Keeps the arrangements of forms, which scoring reads instead of the forms themselves.

A form of before has none until it is scored for the first time; one whose seal does not fit is passed over, told in
the log and written again from its form.

Source: R-43, R-50.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Arrangement, Form
from cbt.http.auth.rate_limit import insert
from cbt.rules.canonical import digest, digest_of
from cbt.rules.scoring.marks import arranged
from cbt.storage.bulk_read import rows_with_text

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
    return {form_id: Arranged(bank_id, text) for form_id, bank_id, _, text in _kept(session, form_ids)}


def checked(session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
    """Return what is kept of forms, where it was made of the very content that a form has now; else work it out."""
    found = {form_id: (made_of, text) for form_id, _, made_of, text in _kept(session, form_ids)}
    arrangements = {}
    for form_id, bank_id, content, sha256 in _frozen(session, form_ids):
        own = digest_of(content)
        made_of, text = found.get(form_id, ("", ""))
        if made_of != own:
            text = _arranged(content)
        arrangements[form_id] = Arranged(bank_id, text, own == sha256)
    return arrangements


def arrange(session: Session, form_ids: Collection[int]) -> dict[int, Arranged]:
    """Work out the arrangements of forms from the forms themselves."""
    return {
        form_id: Arranged(bank_id, _arranged(content), digest_of(content) == sha256, sha256)
        for form_id, bank_id, content, sha256 in _frozen(session, form_ids)
    }


def _frozen(session: Session, form_ids: Collection[int]) -> Iterator[tuple[int, int, bytes, str]]:
    query = select(Form.id, Form.bank_id, Form.sha256, Form.content).where(Form.id.in_(form_ids))
    for (form_id, bank_id, sha256), content in rows_with_text(session, query):
        yield form_id, bank_id, content or b"", sha256


def _kept(session: Session, form_ids: Collection[int]) -> Iterator[tuple[int, int, str, str]]:
    """Yield what is kept of forms and fits its seal: form, bank, the hash of what it was made of, and the text."""
    query = select(*_COLUMNS).where(Arrangement.form_id.in_(form_ids))
    for (form_id, bank_id, seal), content in rows_with_text(session, query):
        text = str(content or b"", errors="replace")
        if seal == _seal(form_id, bank_id, text):
            yield form_id, bank_id, *text.split("\n", 1)
        else:
            log.error("the arrangement of form %d is not what was kept; the form itself is read", form_id)


def _arranged(content: bytes) -> str:
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


def _seal(form_id: int, bank_id: int, text: str) -> str:
    return digest(f"{form_id} {bank_id} {text}")
