"""The lint of a stored bank: worked out in a child by a job, kept by content, and shown with its standing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial

import msgspec
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from cbt.bank import store as banks
from cbt.bank.lint.report import LintAnswer, LintReport, LintWork
from cbt.bank.lint.whole_bank import KnownLint
from cbt.confined import runner
from cbt.errors import Unavailable
from cbt.items.models import BankLint, Item, ItemBank, ItemVersion
from cbt.items.taxonomy import Taxonomy
from cbt.jobs.registry import JobKind, JobResult, Work
from cbt.releases import product_version
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import Role
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import reading


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
        "by": _measure(taxonomy),
    }
    return digest(canonical_json(facts)), count


def _measure(taxonomy: Taxonomy) -> str:
    """Return what changes whenever the same item may be judged another way."""
    facts = {
        "ranges": [[one.code, one.name, one.weight] for one in taxonomy.ranges],
        "points": [[one.code, one.name, one.importance] for one in taxonomy.points],
        "product": _version(),
    }
    return digest(canonical_json(facts))


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
    return session.scalar(select(BankLint).where(BankLint.bank_id == bank_id))


def _worked_on() -> ColumnElement[bool]:
    return and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current)


def _living(bank_id: int) -> tuple[ColumnElement[bool], ...]:
    return Item.bank_id == bank_id, Item.state != ItemState.RETIRED.value


@cache
def _version() -> str:
    return product_version()


MOST = 12_000
"""Of a bank of more items every second, third, … is looked at: what gives keys away shows in these too."""
LIMITS = runner.Limits(memory=1024 * runner.MEGABYTE, cpu=180, wall=240)
BUSY = "file.busy"
"""Others have all the children there may be: whoever asks next tries again."""
TASK = "cbt.bank.lint.report:examine"


@dataclass(frozen=True, slots=True)
class LintStanding:
    """A bank's name and its lint: `report` is the last there is, `working` whether a newer one is to come.

    `mark` says of what bank it is, as `mark_of` does.
    """

    ref: str
    name: str
    items: int
    mark: str
    report: LintReport | None
    working: bool


def lint_standing(*, ref: str) -> LintStanding:
    """Return the lint of a bank as it is kept; raise NotFound("bank.unknown")."""
    with reading() as session:
        bank = banks.bank_by_ref(session, ref)
        mark, count = mark_of(session, bank, banks.taxonomy_of(session, bank))
        kept = kept_lint(session, bank.id)
        report = msgspec.json.decode(kept.content, type=LintReport) if kept and kept.content else None
        return LintStanding(ref, bank.name, count, mark, report, working=kept is None or kept.mark != mark)


def _examine(work: Work) -> JobResult:
    """Have a child look at the bank, and keep what it says; raise Unavailable(BUSY) while others have them all."""
    with reading() as session:
        bank = banks.bank_by_ref(session, work.asked["bank"])
        whole = banks.taxonomy_of(session, bank)
        mark, count = mark_of(session, bank, whole)
        step = -(-count // MOST) or 1
        items = items_of(session, bank.id, step=step)
        # The bank's own name and note say nothing of its items: they are no part of its mark either.
        taxonomy = replace(whole, name="", note="")
        lint_work = LintWork(
            taxonomy, items, refs_of(session, bank.id), count, known_of(session, bank.id), _measure(whole)
        )
        bank_id = bank.id
    try:
        answer = msgspec.json.decode(
            runner.run(TASK, msgspec.json.encode(lint_work), limits=LIMITS), type=LintAnswer
        )
    except (runner.Exhausted, Unavailable) as error:
        if isinstance(error, Unavailable) and error.code == BUSY:
            raise
        answer = LintAnswer(LintReport(count, len(items), failed=True), lint_work.known)
    return JobResult(record=partial(_keep, bank_id=bank_id, mark=mark, answer=answer))


def known_of(session: Session, bank_id: int) -> KnownLint:
    """Return what the last lint of a bank found out."""
    known = session.scalar(select(BankLint.known).where(BankLint.bank_id == bank_id))
    return msgspec.json.decode(known, type=KnownLint) if known else KnownLint()


def _keep(session: Session, *, bank_id: int, mark: str, answer: LintAnswer) -> None:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    content, known = (msgspec.json.encode(part).decode() for part in (answer.report, answer.known))
    row = insert(BankLint).values(bank_id=bank_id, mark=mark, content=content, known=known)
    kept = {name: row.excluded[name] for name in ("mark", "content", "known")}
    session.execute(row.on_conflict_do_update(index_elements=[BankLint.bank_id], set_=kept))


LINT = JobKind("bank.lint", frozenset({Role.AUTHOR, Role.REVIEWER}), _examine, is_shared=True, is_act=False)
