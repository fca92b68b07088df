"""The lint of a bank as it stands: kept from before, worked out at once for a small bank, or on its way."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import flask
import msgspec
from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cbt.bank import store as banks
from cbt.bank.linting import store
from cbt.bank.linting.examining import LintReport, LintWork
from cbt.bank.linting.models import BankLint
from cbt.bank.models import ItemBank
from cbt.confined import running
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Unavailable

AT_ONCE = 1_000
"""The lint of so many items is waited for; that of more is on its way while the page asks for it."""
MOST = 12_000
"""Of a bank of more items every second, third, … is looked at: what gives keys away shows in these too."""
STALE = timedelta(minutes=5)
"""Work that is not done after so long was lost with its process; whoever asks next begins it again."""
LIMITS = running.Limits(memory=1024 * running.MEGABYTE, cpu=180, wall=240)
BUSY = "file.busy"
"""Others have all the children there may be: whoever asks next tries again."""
THREAD = "bank-lint"
TASK = "cbt.bank.linting.examining:examine"


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
        mark, count = store.mark_of(session, bank, banks.taxonomy_of(session, bank))
        kept = store.kept_lint(session, bank.id)
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
        items = store.items_of(session, bank.id, step=step)
        # The bank's own name and note say nothing of its items: they are no part of its mark either.
        taxonomy = replace(banks.taxonomy_of(session, bank), name="", note="")
        work = LintWork(taxonomy, items, store.refs_of(session, bank.id), wanted.count)
    try:
        said = running.run(TASK, msgspec.json.encode(work), limits=LIMITS)
    except (running.Exhausted, Unavailable) as error:
        busy = isinstance(error, Unavailable) and error.code == BUSY
        said = b"" if busy else msgspec.json.encode(LintReport(wanted.count, len(items), failed=True))
    with unit_of_work() as session:
        mine = update(BankLint).where(BankLint.bank_id == wanted.bank_id, BankLint.wanted == wanted.mark)
        kept = {"mark": wanted.mark, "content": said.decode()} if said else {}
        session.execute(mine.values(begun_at=None, **kept))
    return msgspec.json.decode(said, type=LintReport) if said else None
