"""Use cases of a bank that goes out: what a form cannot hold, and the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import IO

from cbt.audit import tally
from cbt.bank import store
from cbt.bank.exports.proof import uncarried
from cbt.bank.exports.streaming import count_items, items_of
from cbt.bank.formats import registry
from cbt.bank.formats.outgoing import Export, LeftBehind, OutForm
from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.media import keeping
from cbt.bank.models import ItemBank
from cbt.bank.taxonomy import Taxonomy
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import NotFound

MOST_SHOWN = 200
MOST_LOOKED = 1_000
"""A page that somebody waits for looks at so many items, whatever the size of the bank."""
Told = Callable[[int, int], None]
"""Is told how many items are written, and how many there are."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a form would leave behind of a bank: how many items as a whole, how often which field, and of which."""

    items: int
    looked: int
    """How many of them were looked at, the first ones; the file itself says it of all."""
    whole: int
    fields: dict[str, int]
    shown: list[LeftBehind]


def outlook(*, bank_ref: str, form: str, drawn: bool = False) -> Outlook:
    """Return what a form has no place for in a bank; raise NotFound("bank.unknown"), ("bank.form_unknown")."""
    chosen = registry.out_form(form)
    bank, _taxonomy = _bank(bank_ref)
    fields: Counter[str] = Counter()
    shown: list[LeftBehind] = []
    whole = looked = 0
    for draft in islice(items_of(bank.id, drawn=drawn), MOST_LOOKED):
        looked += 1
        lost = uncarried(draft.data, chosen.carries, media=chosen.media)
        if lost == []:
            continue
        whole += lost is None
        fields.update(lost or ())
        if len(shown) < MOST_SHOWN:
            shown.append(LeftBehind(draft.ref, str(draft.data.get("type")), tuple(lost or ())))
    items = count_items(bank.id, drawn=drawn)
    return Outlook(items, looked, whole, dict(fields.most_common()), shown)


def size_of(*, bank_ref: str, drawn: bool = False) -> int:
    """Return how many items go out; raise NotFound("bank.unknown")."""
    bank, _taxonomy = _bank(bank_ref)
    return count_items(bank.id, drawn=drawn)


def export_bank(
    target: IO[bytes],
    *,
    bank_ref: str,
    form: str,
    now: datetime,
    actor: str,
    drawn: bool = False,
    told: Told = lambda _done, _of: None,
) -> Export:
    """Write a bank into a file and return what was left behind; that its keys were seen is on record before.

    Raises NotFound("bank.unknown"), ("bank.form_unknown").

    Source: R-44, R-64.
    """
    chosen: OutForm = registry.out_form(form)
    bank, taxonomy = _bank(bank_ref)
    with unit_of_work() as session:
        subject = f"item_bank:{bank.ref}"
        tally.count(session, at=now, actor=actor, act="bank.export", subject=subject, form=form)
    of = count_items(bank.id, drawn=drawn)

    def counted() -> Iterator[ItemDraft]:
        for done, draft in enumerate(items_of(bank.id, drawn=drawn)):
            told(done, of)
            yield draft

    export = Export(bank.ref, bank.name, taxonomy, counted(), medium=_medium)
    chosen.write(export, target)
    return export


def _medium(name: str) -> tuple[str, bytes] | None:
    try:
        with reading() as session:
            return keeping.sent(session, name)
    except NotFound:
        return None


def _bank(ref: str) -> tuple[ItemBank, Taxonomy]:
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        taxonomy = store.taxonomy_of(session, bank)
        session.expunge(bank)
    return bank, taxonomy
