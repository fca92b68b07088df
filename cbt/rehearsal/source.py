"""What is rehearsed: a blueprint in force and its bank, read from an installation; the demo's where it has none.

Nothing is written there, and nothing of people is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from cbt.bank.media.references import SCHEME
from cbt.bank.models import BankRange, ImportRun, Item, ItemBank, ItemVersion, KnowledgePoint, Media
from cbt.config import Settings
from cbt.db.types import Base
from cbt.db.unit_of_work import reading
from cbt.errors import NotFound
from cbt.exams.files import blueprint_text, read_blueprint
from cbt.exams.store import blueprint_of, current_versions
from cbt.ops.belonging.finding import find
from cbt.ops.belonging.ruling import Database
from cbt.rehearsal.apps import app_for
from cbt.rules.exam.blueprint import ExamBlueprint

DEMO = "customer-service-l3"
_MEDIUM = re.compile(re.escape(SCHEME) + r"([0-9a-f]{32})")
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """A blueprint as text, the paper of it, and the rows of its bank; no rows: the text bank that ships."""

    blueprint: str
    text: str
    paper: str
    title: str
    own: bool
    """Whether it is the installation's own."""
    rows: Mapping[str, Rows] = field(default_factory=dict)


def read_source(settings: Settings, *, blueprint: str, paper: str) -> Source:
    """Return what to rehearse; runs in a child.

    Raise NotFound("blueprint.unknown"), ("blueprint.no_such_paper") for what is not there.
    """
    if find(settings).database is not Database.FILLED:
        return _demo(settings, blueprint or DEMO, paper)
    with app_for(settings), reading() as session:
        banks = set(session.scalars(select(ItemBank.ref)))
        stored = {one.ref: one for one in current_versions(session)}
        ready = {ref: one for ref, one in stored.items() if blueprint_of(session, one.id).bank in banks}
        if not ready:
            return _demo(settings, blueprint or DEMO, paper)
        ref = blueprint or (DEMO if DEMO in ready else min(ready))
        if ref not in ready:
            raise NotFound("blueprint.unknown", ref=ref)
        found = blueprint_of(session, ready[ref].id)
        rows = _rows(session, found.bank)
        code = _paper(found, paper)
        return Source(ref, ready[ref].source, code, found.paper_title(code), True, rows)


def _demo(settings: Settings, ref: str, paper: str) -> Source:
    path = settings.blueprint_dir / f"{ref}.toml"
    if not path.is_file():
        raise NotFound("blueprint.unknown", ref=ref)
    text = blueprint_text(path)
    found = read_blueprint(text, name=ref)
    code = _paper(found, paper)
    return Source(ref, text, code, found.paper_title(code), False)


def _paper(found: ExamBlueprint, wanted: str) -> str:
    code = wanted or next(iter(found.papers))
    if code not in found.papers:
        raise NotFound("blueprint.no_such_paper", ref=found.ref, paper=code)
    return code


def _rows(session: Session, bank_ref: str) -> dict[str, Rows]:
    bank = session.scalars(select(ItemBank.id).where(ItemBank.ref == bank_ref)).one()
    items = select(Item.id).where(Item.bank_id == bank)
    found = {
        "item_bank": _all(session, ItemBank, ItemBank.id == bank),
        "bank_range": _all(session, BankRange, BankRange.bank_id == bank),
        "knowledge_point": _all(session, KnowledgePoint, KnowledgePoint.bank_id == bank),
        "import_run": _all(session, ImportRun, ImportRun.bank_id == bank),
        "item": _all(session, Item, Item.bank_id == bank),
        "item_version": _all(session, ItemVersion, ItemVersion.item_id.in_(items)),
    }
    names = {name for row in found["item_version"] for name in _MEDIUM.findall(row["content"])}
    found["media"] = _all(session, Media, Media.name.in_(names)) if names else []
    return found


def _all(session: Session, kind: type[Base], where: Any) -> Rows:
    return [dict(row) for row in session.execute(select(kind.__table__).where(where)).mappings()]


def put_bank(session: Session, rows: Mapping[str, Rows]) -> None:
    """Store the rows of a bank in an installation that has none, as they were."""
    tables: Sequence[Table] = [Base.metadata.tables[name] for name in rows]
    for table in tables:
        if rows[table.name]:
            session.execute(insert(table), rows[table.name])
