"""Queries of the room: attempts, and which frozen forms hold an item, in which version and for which sitting."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, case, func, or_, select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.door.admission import PaperState
from cbt.errors import NotFound
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.runner.attempt_states import OVER
from cbt.runner.models import Attempt, Message
from cbt.sittings.models import Batch, Sitting
from cbt.storage.prepared import PreparedSelect


def journal_state(rows: Iterable[tuple[str, int, str | None, int]]) -> tuple[dict[str, Any], int]:
    """Return what a page needs to come back unchanged, and the largest sequence number seen (R-42).

    `rows` are (kind, position, value, seq) of an attempt's journal in the order of (lease_epoch, seq). The
    first result holds answers, flags, strikes, notes, marks and settings; the browser's next number must be larger
    than the second.
    """
    latest: dict[tuple[str, int], str | None] = {}
    highest = 0
    for kind, position, value, seq in rows:
        highest = max(highest, seq)
        if kind != "event":
            latest[kind, position] = value
    state: dict[str, Any] = {
        "answers": {},
        "flags": [],
        "strikes": {},
        "notes": {},
        "marks": {},
        "settings": {},
    }
    names = {"answer": "answers", "strike": "strikes", "note": "notes", "mark": "marks"}
    for (kind, position), value in latest.items():
        if value is None:
            continue
        if kind == "flag":
            state["flags"].append(position)
        elif kind == "setting":
            state["settings"] = json.loads(value)
        else:
            state[names[kind]][str(position)] = json.loads(value)
    state["flags"].sort()
    return state, highest


def unread_messages(session: Session, attempt_id: int) -> list[Message]:
    """Return the reminders the candidate has not confirmed."""
    return list(
        session.scalars(
            select(Message)
            .where(
                Message.attempt_id == attempt_id, Message.read_at.is_(None), Message.withdrawn_at.is_(None)
            )
            .order_by(Message.id)
        )
    )


def is_out(session: Session, registration_id: int) -> bool:
    """Return whether the candidate is out of the room under escort (R-13)."""
    query = select(Registration.left_at).where(Registration.id == registration_id)
    return session.scalar(query) is not None


_PAPER_STATE = PreparedSelect(
    select(Attempt.state, Attempt.move_allowed_at).where(Attempt.registration_id == bindparam("registration"))
)
"""Everybody who signs in asks this, of a paper or two."""


def paper_states(session: Session | None, registration_ids: Collection[int]) -> dict[int, PaperState]:
    """Return what the door must know of the papers of these registrations: closed, moving, or open.

    Without a session it is what is stored now.
    """
    states = {}
    for registration_id in registration_ids:
        asked = {"registration": registration_id}
        attempts = _PAPER_STATE.read(**asked) if session is None else _PAPER_STATE.rows(session, **asked)
        if not attempts:
            continue
        state, move_allowed_at = attempts[0]
        if state in OVER:
            states[registration_id] = PaperState.CLOSED
        else:
            states[registration_id] = PaperState.MOVING if move_allowed_at is not None else PaperState.OPEN
    return states


LATEST_FORMS, LATEST_VERSIONS = 2_000, 8
"""So many forms of a bank are looked through, the last ones, for so many versions of an item."""


@dataclass(frozen=True, slots=True, order=True)
class SittingUsed:
    """A sitting that forms were drawn for, its batch and its day."""

    day: date
    batch: str
    name: str
    ref: str


@dataclass(frozen=True, slots=True)
class FormUse:
    """The forms of one paper, drawn on one day for one sitting (None: for none yet), that hold one version."""

    title: str
    day: date
    sitting: SittingUsed | None
    version: int
    forms: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.forms)


@dataclass(frozen=True, slots=True)
class ItemUses:
    """The forms that hold an item, out of how many that were looked through; the last day first."""

    looked: int
    lines: list[FormUse]

    @property
    def forms(self) -> int:
        return len({form for line in self.lines for form in line.forms})


def uses_of(session: Session, bank: ItemBank, item_ref: str, *, zone: ZoneInfo) -> ItemUses:
    """Return which of the bank's latest forms hold an item; raise NotFound("bank.item_missing").

    A form names each version it holds by its digest, so one search of its text finds it.

    Source: R-43.
    """
    item = session.scalar(select(Item.id).where(Item.bank_id == bank.id, Item.ref == item_ref))
    if item is None:
        raise NotFound("bank.item_missing", ref=item_ref)
    versions = session.execute(
        select(ItemVersion.number, ItemVersion.sha256)
        .where(ItemVersion.item_id == item)
        .order_by(ItemVersion.number.desc())
        .limit(LATEST_VERSIONS)
    ).all()
    latest = select(Form.id).where(Form.bank_id == bank.id).order_by(Form.id.desc()).limit(LATEST_FORMS)
    looked = session.scalar(select(func.count()).select_from(latest.subquery())) or 0
    held = [(Form.content.contains(sha), number) for number, sha in versions]
    held_by = (
        select(
            Form.ref.label("form"),
            Form.blueprint_version_id.label("blueprint"),
            Form.paper.label("paper"),
            Form.drawn_at.label("drawn_at"),
            case(*held).label("version"),
            Sitting.ref.label("sitting"),
            Sitting.name.label("name"),
            Batch.name.label("batch"),
            Sitting.planned_start_at.label("planned_at"),
        )
        .distinct()
        .outerjoin(Attempt, Attempt.form_id == Form.id)
        .outerjoin(Registration, Registration.id == Attempt.registration_id)
        .outerjoin(Sitting, Sitting.id == Registration.sitting_id)
        .outerjoin(Batch, Batch.id == Sitting.batch_id)
        .where(Form.id.in_(select(latest.subquery().c.id)), or_(*(found for found, _number in held)))
        .subquery()
    )
    # What was drawn together for one sitting is one row, however many forms it is.
    columns = [column for column in held_by.c if column.name != "form"]
    rows = session.execute(select(func.aggregate_strings(held_by.c.form, " "), *columns).group_by(*columns))
    by_line: defaultdict[tuple[int, str, date, int, SittingUsed | None], set[str]] = defaultdict(set)
    for forms, blueprint, paper, drawn_at, version, sitting, name, batch, planned_at in rows:
        used = SittingUsed(planned_at.astimezone(zone).date(), batch, name, sitting) if sitting else None
        by_line[blueprint, paper, drawn_at.astimezone(zone).date(), version, used].update(forms.split())
    lines = [
        FormUse(
            blueprint_of(session, blueprint).paper_title(paper), day, used, version, tuple(sorted(held_forms))
        )
        for (blueprint, paper, day, version, used), held_forms in by_line.items()
    ]
    return ItemUses(looked, sorted(lines, key=_order))


def _order(line: FormUse) -> tuple[int, str, str, int]:
    sitting = f"{line.sitting.batch} {line.sitting.name}" if line.sitting else ""
    return -line.day.toordinal(), line.title, sitting, -line.version
