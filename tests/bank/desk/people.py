"""Who writes and judges at the sample bank's desk, and what they do."""

from __future__ import annotations

from datetime import datetime

import flask
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from cbt.bank.changes import version_row
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.drafts import truth

BANK = "desk"
NOW = datetime.fromisoformat("2026-11-20T01:00:00+00:00")


def write(session: Session, item: Item, actor: str, state: ItemState, **said: object) -> None:
    """Store another version of an item, as an editor or an import does."""
    text = canonical_json(truth(**said))
    number = item.current + 1
    row = version_row(item, number, text, digest(text), run_id=None, now=NOW, actor=actor, state=state)
    session.execute(insert(ItemVersion), [row])


def make_items(app: flask.Flask, count: int, actor: str, state: ItemState = ItemState.IN_REVIEW) -> list[str]:
    """Make a bank of so many items written by one person; return their refs."""
    refs = [f"A-A-A-001-T{number}" for number in range(1, count + 1)]
    with app.app_context(), unit_of_work() as session:
        bank = session.scalar(select(ItemBank).where(ItemBank.ref == BANK))
        if bank is None:
            bank = ItemBank(ref=BANK, name="案头", note="", levels="3")
            session.add(bank)
            session.flush()
        for ref in refs:
            item = Item(
                bank_id=bank.id,
                ref=ref,
                type="true_false",
                point="A-A-A-001",
                difficulty=3,
                version=0,
                current=0,
                state=state.value,
            )
            session.add(item)
            session.flush()
            write(session, item, actor, state, stem=f"{ref} 说的是职业道德。")
    return refs


def look(app: flask.Flask, ref: str) -> Item:
    """Return an item as it stands."""
    with app.app_context(), reading() as session:
        return session.scalars(select(Item).where(Item.ref == ref).order_by(Item.id.desc())).first()  # type: ignore[return-value]
