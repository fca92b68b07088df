"""Queries of the bank room, and the caches of what never changes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import and_, exists, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from cbt.bank.imports.plan import BankItem
from cbt.errors import NotFound
from cbt.items.models import BankRange, ImportRun, Item, ItemBank, ItemVersion, KnowledgePoint, RunState
from cbt.items.taxonomy import Point, Range, Taxonomy, parent_of
from cbt.paths import product_dir
from cbt.rules.assembly.form import Drawable, drawable_of
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.items.content import ItemContent
from cbt.rules.items.registry import parse_content
from cbt.rules.states import ItemState

ContentKey = tuple[str, int]
Drawables = tuple[list[Drawable], dict[str, int], dict[str, str]]

_CHUNK = 400


@dataclass(slots=True)
class _Caches:
    """What one process keeps of one database. A version never changes, so nothing here can grow stale."""

    contents: dict[tuple[int, str, int], ItemContent] = field(default_factory=dict)
    drawables: dict[int, tuple[str, Drawables]] = field(default_factory=dict)


# By the dialect object, which every engine facade of one database shares and no other database has.
_caches: WeakKeyDictionary[Any, _Caches] = WeakKeyDictionary()


def _cached(session: Session) -> _Caches:
    return _caches.setdefault(session.get_bind().dialect, _Caches())


def bank_by_ref(session: Session, ref: str) -> ItemBank:
    """Return the bank `ref`; raise NotFound("bank.unknown")."""
    bank = session.scalar(select(ItemBank).where(ItemBank.ref == ref))
    if bank is None:
        raise NotFound("bank.unknown", ref=ref)
    return bank


def drawable_banks(session: Session) -> frozenset[str]:
    """Return the refs of the banks that are to be chosen and from which something can be drawn."""
    drawn = exists().where(Item.bank_id == ItemBank.id, Item.version > 0)
    return frozenset(session.scalars(select(ItemBank.ref).where(ItemBank.put_away_at.is_(None), drawn)))


@cache
def sample_banks() -> frozenset[str]:
    """Return the refs of the banks that come with the product."""
    return frozenset(path.name for path in product_dir("question_bank").iterdir() if path.is_dir())


def bank_names(session: Session) -> list[tuple[str, str]]:
    """Return the ref and the name of each bank that is to be chosen."""
    query = select(ItemBank.ref, ItemBank.name).where(ItemBank.put_away_at.is_(None))
    return [(ref, name) for ref, name in session.execute(query.order_by(ItemBank.ref))]


def taxonomy_of(session: Session, bank: ItemBank) -> Taxonomy:
    """Return the 鉴定要素细目表 of a bank, in the order of its codes."""
    ranges = session.scalars(select(BankRange).where(BankRange.bank_id == bank.id).order_by(BankRange.code))
    points = session.scalars(
        select(KnowledgePoint).where(KnowledgePoint.bank_id == bank.id).order_by(KnowledgePoint.code)
    )
    return Taxonomy(
        name=bank.name,
        note=bank.note,
        ranges=tuple(Range(row.code, row.name, row.weight) for row in ranges),
        points=tuple(Point(row.code, row.name, row.importance) for row in points),
    )


def contents(session: Session, keys: Iterable[ContentKey], bank_id: int) -> dict[ContentKey, ItemContent]:
    """Return the content of each (ref, version) of one bank, from this process's cache where it is there.

    Raises NotFound("bank.item_unknown") for a version that does not exist.

    Source: R-43.
    """
    cache, wanted = _cached(session).contents, set(keys)
    missing = sorted(key for key in wanted if (bank_id, *key) not in cache)
    for start in range(0, len(missing), _CHUNK):
        rows = session.execute(
            select(Item.ref, ItemVersion.number, ItemVersion.content)
            .join(ItemVersion, ItemVersion.item_id == Item.id)
            .where(
                Item.bank_id == bank_id,
                tuple_(Item.ref, ItemVersion.number).in_(missing[start : start + _CHUNK]),
            )
        )
        for ref, number, text in rows:
            cache[bank_id, ref, number] = parse_content(json.loads(text))
    item_contents = {key: cache[bank_id, *key] for key in wanted if (bank_id, *key) in cache}
    if len(item_contents) != len(wanted):
        ref, version = min(wanted - set(item_contents))
        raise NotFound("bank.item_unknown", ref=ref, version=version)
    return item_contents


def published(session: Session, bank_id: int) -> list[tuple[str, int, str]]:
    """Return (ref, version, sha256) of every published item of a bank, in the order of the refs.

    Of what an import brings, nothing is published before its run is whole, whatever its items name as theirs: what
    they replace is, where there was something.
    """
    named = and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.version)
    query = select(Item.ref, Item.version, ItemVersion.sha256).join(ItemVersion, named)
    query = query.where(Item.bank_id == bank_id)
    not_whole = session.scalars(
        select(ImportRun.id).where(
            ImportRun.bank_id == bank_id, ImportRun.state.in_([RunState.STORING, RunState.BROKEN])
        )
    ).all()
    if not not_whole:
        return sorted((ref, version, sha) for ref, version, sha in session.execute(query))
    arriving, former = ItemVersion.import_run_id.in_(not_whole), aliased(ItemVersion)
    replaced = and_(former.item_id == Item.id, former.number == ItemVersion.replaces)
    rows = [
        *session.execute(query.where(or_(ItemVersion.import_run_id.is_(None), ~arriving))),
        *session.execute(
            select(Item.ref, former.number, former.sha256)
            .join(ItemVersion, named)
            .join(former, replaced)
            .where(Item.bank_id == bank_id, arriving)
        ),
    ]
    return sorted((ref, version, sha) for ref, version, sha in rows)


def bank_revision(session: Session, bank_id: int) -> str:
    """Return the hash of what can be drawn from a bank: its published versions and its 细目表.

    Source: R-43.
    """
    return _revision(session, bank_id, published(session, bank_id))


def _revision(session: Session, bank_id: int, items: list[tuple[str, int, str]]) -> str:
    facts = {"items": [[ref, sha] for ref, _version, sha in items], **_taxonomy_facts(session, bank_id)}
    return digest(canonical_json(facts))


def _taxonomy_facts(session: Session, bank_id: int) -> dict[str, list[list[Any]]]:
    ranges = session.execute(
        select(BankRange.code, BankRange.weight).where(BankRange.bank_id == bank_id).order_by(BankRange.code)
    )
    points = session.execute(
        select(KnowledgePoint.code, KnowledgePoint.importance)
        .where(KnowledgePoint.bank_id == bank_id)
        .order_by(KnowledgePoint.code)
    )
    return {
        "ranges": sorted(list(row) for row in ranges),
        "points": sorted(list(row) for row in points),
    }


def drawables(session: Session, bank_id: int) -> Drawables:
    """Return what a draw needs: the published items, the weight of each range, each point's importance.

    Source: R-8.
    """
    return drawn_from(session, bank_id)[1]


def drawn_from(session: Session, bank_id: int) -> tuple[str, Drawables]:
    """Return the revision of a bank and what a draw needs of it.

    Cached in this process for as long as the bank's revision is the same.

    Source: R-8, R-43.
    """
    items = published(session, bank_id)
    revision = _revision(session, bank_id, items)
    held = _cached(session).drawables.get(bank_id)
    if held is not None and held[0] == revision:
        return held
    bank = session.get_one(ItemBank, bank_id)
    taxonomy = taxonomy_of(session, bank)
    item_contents = contents(session, [(ref, version) for ref, version, _sha in items], bank_id)
    weights, importances = taxonomy.weights, taxonomy.importances
    result = (
        [
            drawable_of(
                item_contents[ref, version],
                ref=ref,
                version=version,
                sha=sha,
                range_code=parent_of(item_contents[ref, version].point, weights),
                importance=importances.get(item_contents[ref, version].point, ""),
            )
            for ref, version, sha in items
        ],
        weights,
        importances,
    )
    _cached(session).drawables[bank_id] = (revision, result)
    return revision, result


def refs_of(session: Session, bank_ref: str) -> list[str]:
    """Return the refs of a bank's items; none of a bank that is not there."""
    query = select(Item.ref).join(ItemBank, ItemBank.id == Item.bank_id).where(ItemBank.ref == bank_ref)
    return list(session.scalars(query))


class _Known(msgspec.Struct):
    """What of a content says which item it is."""

    type: str
    point: str
    stem: str = ""
    title: str = ""


def known_items(session: Session, bank_id: int) -> list[BankItem]:
    """Return every item of a bank as an import meets it, with what its authors' version says of it."""
    rows = session.execute(
        select(Item.ref, Item.current, Item.state, ItemVersion.sha256, ItemVersion.content)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .where(Item.bank_id == bank_id)
        .order_by(Item.ref)
        .execution_options(yield_per=_CHUNK)
    )
    items = []
    for ref, current, state, sha, text in rows:
        decoded = msgspec.json.decode(text, type=_Known)
        retired = state == ItemState.RETIRED
        items.append(
            BankItem(ref, current, sha, decoded.type, decoded.point, decoded.stem or decoded.title, retired)
        )
    return items


def desk_revision(session: Session, bank_id: int) -> str:
    """Return the hash of what an import is held against: the version each item is at, and the 细目表."""
    rows = session.execute(
        select(Item.ref, Item.current, Item.state).where(Item.bank_id == bank_id).order_by(Item.ref)
    )
    facts = [[ref, current, state == ItemState.RETIRED] for ref, current, state in rows]
    return digest(canonical_json([facts, _taxonomy_facts(session, bank_id)]))
