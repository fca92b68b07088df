"""What lint says of an item while it is written, and how a candidate would meet it as far as it is written."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from cbt.bank.lint.check import check_items
from cbt.errors import InvalidInput
from cbt.items.draft import ItemDraft
from cbt.items.finding_texts import note
from cbt.items.media import names_in
from cbt.items.media_store import missing
from cbt.items.models import Item, ItemVersion
from cbt.items.preview import KeyLines, key_lines, preview_paper
from cbt.items.taxonomy import Taxonomy
from cbt.items.types.registry import authoring_of
from cbt.rules.items.content import ItemContent, ItemType
from cbt.rules.items.inputs import number
from cbt.rules.items.registry import parse_content
from cbt.spreadsheets.findings import Finding, Note, Place, Severity

MOST_BESIDE = 200
"""Stems of one point that a new one is held against while it is typed; the whole bank is lint's affair."""
_EMPTY = frozenset({"unreadable", "point_missing", "point_unknown"})
_ORDER = (Severity.ERROR, Severity.HINT, Severity.FIXED)


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """An item put right, all that was found in it, and its content where nothing blocks it."""

    data: dict[str, Any]
    findings: list[Finding]
    content: ItemContent | None

    def count(self, severity: Severity) -> int:
        """Return how many findings there are of a severity."""
        return sum(found.severity is severity for found in self.findings)


def judge(
    session: Session, bank_id: int, taxonomy: Taxonomy, ref: str, data: Mapping[str, Any]
) -> JudgedItem:
    """Return an item as lint leaves it, held against its bank as far as that takes no time."""
    draft = ItemDraft(ref, data, {})
    checked = check_items(
        [draft],
        taxonomy,
        where=Place(),
        known_refs=_known(session, bank_id, data.get("enemies", ())),
        beside=_beside(session, bank_id, ref, str(data.get("point", ""))),
        whole=False,
    )
    lost = list(_lost(session, draft))
    findings = [*(_missing(found) for found in checked.findings), *lost]
    if lost or not checked.items:
        return JudgedItem(dict(data), findings, None)
    done = dict(checked.items[0].data)
    return JudgedItem(done, findings, parse_content(done))


def _missing(found: Finding) -> Finding:
    """A field that is empty is missing, and nobody is sent to another page for it."""
    return replace(found, code="missing") if found.code in _EMPTY and not found.value else found


def _lost(session: Session, draft: ItemDraft) -> Iterator[Finding]:
    """Yield the pictures and sounds that are not here: their text was brought from elsewhere."""
    named = names_in(draft.data)
    gone = missing(session, (name for _field, name in named)) if named else set()
    for field, name in named:
        if name in gone:
            yield draft.find(Severity.ERROR, "media_unknown", field, name)


def _known(session: Session, bank_id: int, refs: Iterable[str]) -> frozenset[str]:
    named = list(refs)
    return frozenset(session.scalars(select(Item.ref).where(Item.bank_id == bank_id, Item.ref.in_(named))))


def _beside(session: Session, bank_id: int, ref: str, point: str) -> dict[str, str]:
    """Return the stems of the other items of a point."""
    rows = session.execute(
        select(Item.ref, ItemVersion.content)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .where(Item.bank_id == bank_id, Item.point == point, Item.ref != ref, Item.type != ItemType.CASE)
        .order_by(Item.id)
        .limit(MOST_BESIDE)
    )
    return {other: str(json.loads(content).get("stem", "")) for other, content in rows}


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands beside the form: the paper as candidates have it (None: too little is there), key, notes."""

    paper: dict[str, Any] | None
    keys: list[KeyLines]
    notes: dict[str, list[Note]]
    errors: int
    hints: int


def seen(judged: JudgedItem, *, seed: str) -> Seen:
    """Return what a page shows of a judged item, in the language of this request."""
    content = judged.content or drawn(judged.data)
    notes: defaultdict[str, list[Note]] = defaultdict(list)
    for found in sorted(judged.findings, key=lambda one: _ORDER.index(one.severity)):
        notes[_field(str(found.params.get("field", "")))].append(note(found))
    return Seen(
        paper=preview_paper(content, seed=seed) if content else None,
        keys=key_lines(judged.content) if judged.content else [],
        notes=dict(notes),
        errors=judged.count(Severity.ERROR),
        hints=judged.count(Severity.HINT),
    )


def _field(name: str) -> str:
    """Return the field of the form that a finding stands beside: that of a row is its list's."""
    head, dot, tail = name.rpartition(".")
    return head if dot and tail.isdigit() and not head.endswith("parts") and head != "parts" else name


def drawn(data: Mapping[str, Any]) -> ItemContent | None:
    """Return an unfinished item with something in the place of what is missing; None when that cannot be."""
    whole = _whole(data)
    if isinstance(data.get("parts"), list) or data.get("type") == ItemType.CASE:
        whole["parts"] = [{**_whole(part), "points": _worth(part)} for part in data.get("parts", ())]
    try:
        return parse_content(whole)
    except InvalidInput:
        return None


def _whole(data: Mapping[str, Any]) -> dict[str, Any]:
    own = authoring_of(data.get("type")).stand_in(data)
    said = {"type": data.get("type"), "stem": str(data.get("stem") or "…")}
    return {**said, **own}


def _worth(part: Mapping[str, Any]) -> str:
    worth = number(part.get("points"))
    return f"{worth:f}" if worth is not None and worth > 0 else "1"
