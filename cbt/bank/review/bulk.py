"""A bulk change of items that were chosen, found by a search or brought by an import: plan and change."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from sqlalchemy import and_, func, insert, select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank.changes import version_row
from cbt.bank.review.judgement import JUDGED, assign, barred, move, reviewer_of, writers_of
from cbt.bank.search import Search, matching
from cbt.bank.store import bank_by_ref
from cbt.errors import CbtError, Conflict, InvalidInput, NotFound
from cbt.http.form_values import whole_number
from cbt.items.models import ImportRun, Item, ItemBank, ItemVersion, KnowledgePoint
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import Role
from cbt.rules.states import ITEM_TRANSITIONS, ItemEvent, ItemState, may_review
from cbt.storage.unit_of_work import DIRECTLY, PIECE, LongWork, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down

MOST = 10_000
"""Items that one change may be about."""


@dataclass(frozen=True, slots=True)
class BulkScope:
    """Items by ref, or by a search where `whole`, or those of an import run."""

    refs: tuple[str, ...] = ()
    search: Search | None = None
    run_ref: str = ""


def items_of(session: Session, bank: ItemBank, scope: BulkScope) -> Sequence[Item]:
    """Return the items by point and ref.

    Raises InvalidInput("bank.bulk_nothing"), ("bank.bulk_many") with the most there may be, NotFound for a run.
    """
    query = select(Item).where(Item.bank_id == bank.id)
    if scope.run_ref:
        run = session.scalar(
            select(ImportRun.id).where(ImportRun.bank_id == bank.id, ImportRun.ref == scope.run_ref)
        )
        if run is None:
            raise NotFound("bank.run_unknown")
        brought = and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current)
        query = query.join(ItemVersion, brought).where(ItemVersion.import_run_id == run)
    elif scope.search is not None:
        query = query.where(matching(session, bank.id, scope.search))
    else:
        query = query.where(Item.ref.in_(scope.refs))
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    if not count:
        raise InvalidInput("bank.bulk_nothing")
    if count > MOST:
        raise InvalidInput("bank.bulk_many", count=count, most=MOST)
    return session.scalars(query.order_by(Item.point, Item.ref)).all()


MOST_WRITTEN = 2000
"""Items that one change may write anew."""
CHANGED = "changed"
"""The problem of an item that somebody changed while the others were being changed."""


class BulkAct(StrEnum):
    """What can be done to many items at once."""

    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    RETIRE = "retire"
    RESTORE = "restore"
    ASSIGN = "assign"
    DIFFICULTY = "difficulty"
    POINT = "point"


WRITES = frozenset({BulkAct.DIFFICULTY, BulkAct.POINT})
BY = {BulkAct.APPROVE: {Role.REVIEWER}, BulkAct.ASSIGN: {Role.AUTHOR, Role.REVIEWER}}
"""Who does it; whatever is not here is an author's."""


@dataclass(frozen=True, slots=True)
class BulkLine:
    """What becomes of one item: from what to what, or the code of why not."""

    ref: str
    number: int
    before: str
    after: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """A change as it would be made; `value` is what it was read as: a number, a code, an actor, a text."""

    act: BulkAct
    value: str
    note: str
    lines: list[BulkLine]

    @property
    def able(self) -> list[BulkLine]:
        return [line for line in self.lines if not line.problem]

    @property
    def problems(self) -> Counter[str]:
        return Counter(line.problem for line in self.lines if line.problem)

    @property
    def sha(self) -> str:
        """What names this plan: the same items as they are now, and the same change of them."""
        rows = [[one.ref, one.number, one.before, one.after, one.problem] for one in self.lines]
        return digest(canonical_json({"act": self.act.value, "value": self.value, "lines": rows}))


def plan_bulk(
    session: Session,
    bank: ItemBank,
    items: Sequence[Item],
    act: BulkAct,
    value: str,
    *,
    note: str,
    now: datetime,
    actor: str,
) -> BulkPlan:
    """Return what a change would do; raise InvalidInput for a value that it cannot take."""
    if act is BulkAct.ASSIGN:
        new_value = reviewer_of(session, value)
        writers = writers_of(session, items)
        lines = [_assigned(item, new_value, may=may_review(new_value, writers[item.ref])) for item in items]
    elif act in WRITES:
        new_value = _difficulty(value) if act is BulkAct.DIFFICULTY else _point(session, bank, value)
        if len(items) > MOST_WRITTEN:
            raise InvalidInput("bank.bulk_many", count=len(items), most=MOST_WRITTEN)
        lines = [_written(item, act, new_value) for item in items]
    else:
        new_value, event = "", ItemEvent(act.value)
        refused = barred(session, items, actor, now=now) if event in JUDGED else {}
        lines = [_moved(item, event, refused.get(item.ref)) for item in items]
    return BulkPlan(act, new_value, note, lines)


def _moved(item: Item, event: ItemEvent, refused: CbtError | None) -> BulkLine:
    after = ITEM_TRANSITIONS.get((ItemState(item.state), event))
    problem = "transition" if after is None else ""
    if refused is not None and not problem:
        problem = "own_work" if refused.code == "item.own_work" else "one_person"
    return BulkLine(item.ref, item.current, item.state, after or "", problem)


def _assigned(item: Item, reviewer: str, *, may: bool) -> BulkLine:
    problem = "same" if item.reviewer == reviewer else "" if may or not reviewer else "own_work"
    if item.state in {ItemState.RETIRED, ItemState.REVIEWED}:
        problem = "nothing_to_review"
    return BulkLine(item.ref, item.current, item.reviewer, reviewer, problem)


def _written(item: Item, act: BulkAct, value: str) -> BulkLine:
    before = str(item.difficulty if act is BulkAct.DIFFICULTY else item.point)
    problem = "same" if before == value else ""
    if (ItemState(item.state), ItemEvent.WRITE) not in ITEM_TRANSITIONS:
        problem = "transition"
    return BulkLine(item.ref, item.current, before, value, problem)


def _difficulty(value: str) -> str:
    if not whole_number(value, most=5):
        raise InvalidInput("bank.bulk_difficulty", field="difficulty")
    return value


def _point(session: Session, bank: ItemBank, value: str) -> str:
    code = value.strip().upper()
    query = select(KnowledgePoint.id).where(KnowledgePoint.bank_id == bank.id, KnowledgePoint.code == code)
    if session.scalar(query) is None:
        raise InvalidInput("bank.bulk_point", field="point", point=code)
    return code


WRITTEN_AT_ONCE = 15
"""Items that are written anew in one unit of work: what each is found by is worked out and written, too."""


@dataclass(frozen=True, slots=True)
class BulkWish:
    """What is to become of items of a bank, whose wish it is, and when; `again` of some it may have."""

    bank_ref: str
    act: BulkAct
    value: str
    note: str
    now: datetime
    actor: str
    again: bool


def change_many(
    *,
    bank_ref: str,
    scope: BulkScope,
    act: BulkAct,
    value: str,
    note: str,
    sha: str,
    now: datetime,
    actor: str,
    work: LongWork = DIRECTLY,
) -> BulkPlan:
    """Make the change that `sha` names of the items it can be made of; return the plan as it was carried out.

    It is looked at as a whole before anything is written, then made a few items at a time, each few with a line of
    the log: an item is as it was shown, or it is left alone. A change that was stopped goes on by the plan that was
    kept; else who is stopped on the way asks for the rest again.

    Raises Conflict("bank.bulk_changed") when the items are no longer as they were shown, as `items_of` and
    `plan_bulk` do, and InvalidInput("bank.bulk_none_able").
    """
    kept = work.so_far.get("lines")
    if kept is not None:
        plan = BulkPlan(act, value, note, [BulkLine(*line) for line in kept])
    else:
        with reading() as session:
            bank = bank_by_ref(session, bank_ref)
            items = items_of(session, bank, scope)
            plan = plan_bulk(session, bank, items, act, value, note=note, now=now, actor=actor)
        if plan.sha != sha:
            raise Conflict("bank.bulk_changed")
        if not plan.able:
            raise InvalidInput("bank.bulk_none_able")
        if keeping := work.keeping(lines=[astuple(line) for line in plan.lines]):
            work.in_front(partial(put_down, *keeping))
    wanted = BulkWish(bank_ref, act, value, note, now, actor, again=kept is not None)
    left: set[str] = set()
    done = 0
    for piece in pieces_of(plan.able, size=WRITTEN_AT_ONCE if act in WRITES else PIECE):
        left |= work.in_front(partial(_change_some, wanted, piece))
        done += len(piece)
        work.tell(done, len(plan.able))
    if len(left) == len(plan.able):
        raise Conflict("bank.bulk_changed")
    return replace(
        plan, lines=[replace(one, problem=CHANGED) if one.ref in left else one for one in plan.lines]
    )


def _change_some(wish: BulkWish, lines: Sequence[BulkLine]) -> set[str]:
    """Change some items that are still as they were shown; return the refs of those that are not."""
    after = {line.ref: line.after for line in lines}
    with unit_of_work() as session:
        bank = bank_by_ref(session, wish.bank_ref)
        query = (
            select(Item).where(Item.bank_id == bank.id, Item.ref.in_(after)).order_by(Item.point, Item.ref)
        )
        items = session.scalars(query.with_for_update(of=Item)).all()
        plan = plan_bulk(
            session, bank, items, wish.act, wish.value, note=wish.note, now=wish.now, actor=wish.actor
        )
        same = {line.ref for line in set(plan.able) & set(lines)}
        chosen = [item for item in items if item.ref in same]
        if not chosen:
            pass
        elif wish.act is BulkAct.ASSIGN:
            assign(session, bank, chosen, plan.value, now=wish.now, actor=wish.actor)
        elif wish.act in WRITES:
            _write(session, bank, chosen, wish.act, plan.value, now=wish.now, actor=wish.actor)
        else:
            event = ItemEvent(wish.act.value)
            move(session, bank, chosen, event, now=wish.now, actor=wish.actor, note=wish.note)
    changed = {line.ref for line in plan.lines if wish.again and line.before == after[line.ref]}
    return after.keys() - same - changed


def _write(
    session: Session,
    bank: ItemBank,
    items: Sequence[Item],
    act: BulkAct,
    value: str,
    *,
    now: datetime,
    actor: str,
) -> None:
    """Store a version of each item that says something else; what was reviewed is drawn until that one is, too."""
    new_value: str | int = int(value) if act is BulkAct.DIFFICULTY else value
    ids = [item.id for item in items]
    current = and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current)
    contents = dict(
        session.execute(
            select(Item.id, ItemVersion.content).join(ItemVersion, current).where(Item.id.in_(ids))
        ).all()
    )
    last = dict(_last_numbers(session, ids))
    versions = []
    for item in items:
        data = json.loads(contents[item.id]) | {act.value: new_value}
        text = canonical_json(data)
        setattr(item, act.value, new_value)
        versions.append(
            version_row(
                item,
                last[item.id] + 1,
                text,
                digest(text),
                run_id=None,
                now=now,
                actor=actor,
                state=ItemState.DRAFT,
            )
        )
    session.flush()
    session.execute(insert(ItemVersion), versions)
    after = {"bank": bank.ref, act.value: new_value, "versions": {item.ref: item.current for item in items}}
    subject = f"item_bank:{bank.ref}"
    chain.record(session, at=now, actor=actor, act=f"item.set_{act.value}", subject=subject, after=after)


def _last_numbers(session: Session, ids: Sequence[int]) -> list[tuple[int, int]]:
    rows = session.execute(
        select(ItemVersion.item_id, func.max(ItemVersion.number))
        .where(ItemVersion.item_id.in_(ids))
        .group_by(ItemVersion.item_id)
    )
    return [(key, number) for key, number in rows]
