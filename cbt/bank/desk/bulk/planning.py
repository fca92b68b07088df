"""What a change of many items would do to each, and why it cannot do it to some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.bank.desk.moves import JUDGED, barred, writers_of
from cbt.bank.desk.service import reviewer_of
from cbt.bank.models import Item, ItemBank, KnowledgePoint
from cbt.errors import CbtError, InvalidInput
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import Role
from cbt.rules.states.item import TRANSITIONS, ItemEvent, ItemState, may_review
from cbt.web.texts import whole_number

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
        """The items that change."""
        return [line for line in self.lines if not line.problem]

    @property
    def problems(self) -> Counter[str]:
        """Why the others do not: code → how many."""
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
        found = reviewer_of(session, value)
        writers = writers_of(session, items)
        lines = [_assigned(item, found, may=may_review(found, writers[item.ref])) for item in items]
    elif act in WRITES:
        found = _difficulty(value) if act is BulkAct.DIFFICULTY else _point(session, bank, value)
        if len(items) > MOST_WRITTEN:
            raise InvalidInput("bank.bulk_many", count=len(items), most=MOST_WRITTEN)
        lines = [_written(item, act, found) for item in items]
    else:
        found, event = "", ItemEvent(act.value)
        refused = barred(session, items, actor, now=now) if event in JUDGED else {}
        lines = [_moved(item, event, refused.get(item.ref)) for item in items]
    return BulkPlan(act, found, note, lines)


def _moved(item: Item, event: ItemEvent, refused: CbtError | None) -> BulkLine:
    after = TRANSITIONS.get((ItemState(item.state), event))
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
    if (ItemState(item.state), ItemEvent.WRITE) not in TRANSITIONS:
        problem = "transition"
    return BulkLine(item.ref, item.current, before, value, problem)


def _difficulty(value: str) -> str:
    if not whole_number(value, most=5):
        raise InvalidInput("bank.bulk_difficulty", field="difficulty")
    return value


def _point(session: Session, bank: ItemBank, value: str) -> str:
    code = value.strip().upper()
    known = select(KnowledgePoint.id).where(KnowledgePoint.bank_id == bank.id, KnowledgePoint.code == code)
    if session.scalar(known) is None:
        raise InvalidInput("bank.bulk_point", field="point", point=code)
    return code
