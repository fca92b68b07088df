"""The export of a bank: what a form would leave behind, and the file, written a few hundred items at a time.

No list of a whole bank is ever made.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from tempfile import TemporaryFile
from typing import IO

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, func, select

from cbt.audit import flood_limit
from cbt.bank import store
from cbt.errors import NotFound
from cbt.interchange import registry
from cbt.interchange.export import MARKUP, MEDIA
from cbt.interchange.format import Export, LeftBehind, OutForm
from cbt.interchange.markdown import FORMATTING
from cbt.items import media_store
from cbt.items.draft import ItemDraft
from cbt.items.finding_texts import field_label
from cbt.items.media import names_in
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.items.taxonomy import Taxonomy
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import reading, unit_of_work

CHUNK = 500


def count_items(bank_id: int, *, drawn: bool) -> int:
    with reading() as session:
        return (
            session.scalar(select(func.count()).select_from(Item).where(*_which(bank_id, drawn=drawn))) or 0
        )


def items_of(bank_id: int, *, drawn: bool) -> Iterator[ItemDraft]:
    """Yield the items of a bank in the order of their refs: the version that is drawn, or the one authors work on.

    Each chunk is a reading of its own, so that a long one holds no snapshot of the database.
    """
    number = Item.version if drawn else Item.current
    last = ""
    while True:
        with reading() as session:
            rows = session.execute(
                select(Item.ref, ItemVersion.content)
                .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == number))
                .where(*_which(bank_id, drawn=drawn), Item.ref > last)
                .order_by(Item.ref)
                .limit(CHUNK)
            ).all()
        for ref, content in rows:
            yield ItemDraft(ref, json.loads(content), {})
        if len(rows) < CHUNK:
            return
        last = rows[-1][0]


def _which(bank_id: int, *, drawn: bool) -> tuple[ColumnElement[bool], ...]:
    number = Item.version if drawn else Item.current
    return Item.bank_id == bank_id, number > 0, Item.state != ItemState.RETIRED.value


MOST_SHOWN = 200
MOST_LOOKED = 500
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
    """Return what a form would leave behind of a bank, as writing it shows.

    Raises NotFound("bank.unknown"), ("bank.form_unknown").
    """
    chosen = registry.out_form(form)
    bank, taxonomy = _bank(bank_ref)
    there = set[str]()

    def stand_in(name: str) -> tuple[str, bytes] | None:
        return ("image/png", name.encode()) if name in there else None

    items = islice(items_of(bank.id, drawn=drawn), MOST_LOOKED)
    export = Export(bank.ref, bank.name, taxonomy, _with_media(items, there), medium=stand_in)
    with TemporaryFile() as nowhere:
        chosen.write(export, nowhere)
    whole = sum(not one.fields for one in export.left)
    fields = Counter(name for one in export.left for name in one.fields)
    looked = len({one.ref for one in export.left if not one.fields}) + export.written
    counted = count_items(bank.id, drawn=drawn)
    return Outlook(counted, looked, whole, dict(fields.most_common()), export.left[:MOST_SHOWN])


def _with_media(items: Iterator[ItemDraft], there: set[str]) -> Iterator[ItemDraft]:
    """Yield the items; of what they name in their texts, `there` learns before what is kept: of none the bytes."""
    while some := list(islice(items, CHUNK)):
        named = {name for draft in some for _field, name in names_in(draft.data)}
        if named:
            with reading() as session:
                there |= named - media_store.missing(session, named)
        yield from some


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
    write: Callable[[Callable[[], None]], object] = lambda write: write(),
) -> Export:
    """Write a bank into a file and return what was left behind; that its keys were seen is on record before.

    `write` does that unit of work.

    Raises NotFound("bank.unknown"), ("bank.form_unknown").

    Source: R-44, R-64.
    """
    chosen: OutForm = registry.out_form(form)
    bank, taxonomy = _bank(bank_ref)
    write(partial(_note, bank.ref, now=now, actor=actor, form=form))
    of = count_items(bank.id, drawn=drawn)

    def counted() -> Iterator[ItemDraft]:
        for done, draft in enumerate(items_of(bank.id, drawn=drawn)):
            told(done, of)
            yield draft

    export = Export(bank.ref, bank.name, taxonomy, counted(), medium=_medium)
    chosen.write(export, target)
    return export


def _note(ref: str, *, now: datetime, actor: str, form: str) -> None:
    with unit_of_work() as session:
        subject = f"item_bank:{ref}"
        flood_limit.count(session, at=now, actor=actor, act="bank.export", subject=subject, form=form)


def _medium(name: str) -> tuple[str, bytes] | None:
    try:
        with reading() as session:
            return media_store.sent(session, name)
    except NotFound:
        return None


def _bank(ref: str) -> tuple[ItemBank, Taxonomy]:
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        taxonomy = store.taxonomy_of(session, bank)
        session.expunge(bank)
    return bank, taxonomy


def left_lines(left: Iterable[LeftBehind]) -> list[str]:
    return [left_line(one) for one in left]


def left_line(left_behind: LeftBehind) -> str:
    kind = _(f"bank.type.{left_behind.type}")
    if not left_behind.fields:
        return str(_("bank.export.left_whole", ref=left_behind.ref, type=kind))
    return str(
        _("bank.export.left_fields", ref=left_behind.ref, type=kind, fields=field_names(left_behind.fields))
    )


def field_names(fields: Iterable[str]) -> str:
    return str(_("ui.and")).join(field_name(name) for name in fields)


def field_name(name: str) -> str:
    return str(_(f"bank.export.{name}")) if name in {FORMATTING, MARKUP, MEDIA} else field_label(name)
