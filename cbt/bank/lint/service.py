"""The lint of a stored bank: worked out at once or in a child, kept, and shown with its standing."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

import flask
import msgspec
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cbt.bank import store as banks
from cbt.bank.lint.report import LintReport, LintWork
from cbt.confined import runner
from cbt.errors import Unavailable
from cbt.items.models import BankLint, Item, ItemBank, ItemVersion
from cbt.items.taxonomy import Taxonomy
from cbt.releases import product_version
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states.item import ItemState
from cbt.storage.unit_of_work import reading, unit_of_work


def mark_of(session: Session, bank: ItemBank, taxonomy: Taxonomy) -> tuple[str, int]:
    """Return what changes whenever the lint of a bank may, and how many items there are to look at.

    It takes no walk through the versions: each change of an item is a new version or another state.
    """
    count, current, last = session.execute(
        select(func.count(), func.sum(Item.current), func.max(ItemVersion.id))
        .select_from(Item)
        .join(ItemVersion, _worked_on())
        .where(*_living(bank.id))
    ).one()
    facts = {
        "items": [count, current or 0, last or 0],
        "ranges": [[one.code, one.name, one.weight] for one in taxonomy.ranges],
        "points": [[one.code, one.name, one.importance] for one in taxonomy.points],
        "product": _version(),
    }
    return digest(canonical_json(facts)), count


def items_of(session: Session, bank_id: int, *, step: int) -> list[tuple[str, str]]:
    """Return (ref, content) of the items that are worked on or drawn, or every `step`th of them."""
    query = (
        select(Item.ref, ItemVersion.content)
        .join(ItemVersion, _worked_on())
        .where(*_living(bank_id), Item.id % step == 0)
        .order_by(Item.ref)
    )
    return [(ref, content) for ref, content in session.execute(query)]


def refs_of(session: Session, bank_id: int) -> list[str]:
    """Return the refs of all items of a bank, the retired too: others may name them as enemies."""
    return list(session.scalars(select(Item.ref).where(Item.bank_id == bank_id).order_by(Item.ref)))


def kept_lint(session: Session, bank_id: int) -> BankLint | None:
    """Return what is kept of a bank's lint."""
    return session.scalar(select(BankLint).where(BankLint.bank_id == bank_id))


def _worked_on() -> ColumnElement[bool]:
    return and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current)


def _living(bank_id: int) -> tuple[ColumnElement[bool], ...]:
    return Item.bank_id == bank_id, Item.state != ItemState.RETIRED.value


@cache
def _version() -> str:
    return product_version()


AT_ONCE = 1_000
"""The lint of so many items is waited for; that of more is on its way while the page asks for it."""
MOST = 12_000
"""Of a bank of more items every second, third, … is looked at: what gives keys away shows in these too."""
STALE = timedelta(minutes=5)
"""Work that is not done after so long was lost with its process; whoever asks next begins it again."""
LIMITS = runner.Limits(memory=1024 * runner.MEGABYTE, cpu=180, wall=240)
BUSY = "file.busy"
"""Others have all the children there may be: whoever asks next tries again."""
THREAD = "bank-lint"
TASK = "cbt.bank.lint.report:examine"


@dataclass(frozen=True, slots=True)
class LintStanding:
    """A bank's name and its lint: `report` is the last there is, `working` whether a newer one is on its way."""

    ref: str
    name: str
    items: int
    report: LintReport | None
    working: bool


@dataclass(frozen=True, slots=True)
class WantedLint:
    bank_id: int
    mark: str
    count: int


def lint_standing(*, ref: str, now: datetime) -> LintStanding:
    """Return the lint of a bank, worked out now where that takes no time; raise NotFound("bank.unknown")."""
    with reading() as session:
        bank = banks.bank_by_ref(session, ref)
        mark, count = mark_of(session, bank, banks.taxonomy_of(session, bank))
        kept = kept_lint(session, bank.id)
        name, wanted = bank.name, WantedLint(bank.id, mark, count)
        report = msgspec.json.decode(kept.content, type=LintReport) if kept and kept.content else None
        fresh = kept is not None and kept.mark == mark
    if not fresh and _claimed(wanted, now=now):
        if count > AT_ONCE:
            _begin(wanted)
        else:
            report = work_out(wanted)
            fresh = report is not None
    return LintStanding(ref, name, count, report, working=not fresh)


def _claimed(wanted: WantedLint, *, now: datetime) -> bool:
    """Return whether this caller is the one to work it out: nobody is at it, or who was is lost."""
    with unit_of_work() as session:
        session.execute(_insert(session, wanted.bank_id))
        found = session.execute(
            update(BankLint)
            .where(
                BankLint.bank_id == wanted.bank_id,
                or_(
                    BankLint.wanted != wanted.mark,
                    BankLint.begun_at.is_(None),
                    BankLint.begun_at < now - STALE,
                ),
            )
            .values(wanted=wanted.mark, begun_at=now)
            .returning(BankLint.id)
        )
        return bool(found.all())


def _insert(session: Session, bank_id: int) -> sqlite.Insert | postgresql.Insert:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = insert(BankLint).values(bank_id=bank_id, mark="", content="", wanted="")
    return row.on_conflict_do_nothing(index_elements=[BankLint.bank_id])


def _begin(wanted: WantedLint) -> None:
    """Have a thread of this process ask the child; it waits and holds nothing up."""
    app: flask.Flask = flask.current_app._get_current_object()  # type: ignore[attr-defined]  # the app itself
    threading.Thread(target=_in_thread, args=(app, wanted), name=THREAD, daemon=True).start()


def _in_thread(app: flask.Flask, wanted: WantedLint) -> None:
    with app.app_context():
        work_out(wanted)


def work_out(wanted: WantedLint) -> LintReport | None:
    """Have a child look at the bank, and keep what it says; None while others have all there may be."""
    with reading() as session:
        bank = session.get_one(ItemBank, wanted.bank_id)
        step = -(-wanted.count // MOST) or 1
        items = items_of(session, bank.id, step=step)
        # The bank's own name and note say nothing of its items: they are no part of its mark either.
        taxonomy = replace(banks.taxonomy_of(session, bank), name="", note="")
        work = LintWork(taxonomy, items, refs_of(session, bank.id), wanted.count)
    try:
        said = runner.run(TASK, msgspec.json.encode(work), limits=LIMITS)
    except (runner.Exhausted, Unavailable) as error:
        busy = isinstance(error, Unavailable) and error.code == BUSY
        said = b"" if busy else msgspec.json.encode(LintReport(wanted.count, len(items), failed=True))
    with unit_of_work() as session:
        mine = update(BankLint).where(BankLint.bank_id == wanted.bank_id, BankLint.wanted == wanted.mark)
        kept = {"mark": wanted.mark, "content": said.decode()} if said else {}
        session.execute(mine.values(begun_at=None, **kept))
    return msgspec.json.decode(said, type=LintReport) if said else None
