"""What the pages of a brought file show: how far its check is, and its dry run.

A page opens the summary and the lines it shows, never the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.bank import store as bank_store
from cbt.bank.imports.bank_import import BANKS
from cbt.bank.imports.plan import ENTRIES, LISTS, Action, CheckSummary, ImportedItem, ImportTerms, asked_of
from cbt.bank.review.fields import FieldChange, changes
from cbt.imports.machine import FINDINGS, MARKED, ImportStanding
from cbt.items.media import NamedMedium, media_in
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.items.taxonomy import Point, Range, parent_of
from cbt.spreadsheets.file_checks import Stretch, shown
from cbt.spreadsheets.findings import Finding

EVERYTHING = ""
"""The kind of findings that stands for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStanding(ImportStanding):
    """How far the import of a bank is, and the run that stores it."""

    bank_ref: str
    bank_name: str
    run_id: int | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What an author looks at: one kind of findings, one list of entries, a page of each."""

    kind: str = EVERYTHING
    page: int = 1
    entries: str = ""
    entries_page: int = 1


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One item of the dry run, what it changes of the bank's, and its pictures and sounds."""

    entry: ImportedItem
    changes: list[FieldChange]
    media: list[NamedMedium]


@dataclass(frozen=True, slots=True)
class CheckSheet:
    """Everything the page of a dry run shows."""

    standing: CheckStanding
    summary: CheckSummary
    asked: ImportTerms
    kept_by: str
    findings: list[Finding]
    shown: Stretch
    kind: str
    entries: str
    lines: list[EntryLine]
    looked: Looked
    points: list[tuple[Range, list[Point]]]
    marked: list[tuple[int, str]]


def standing_of(session: Session, *, bank_ref: str, ref: str, actor: str) -> CheckStanding:
    """Return how far a person's check is; raise NotFound("bank.draft_unknown")."""
    bank = bank_store.bank_by_ref(session, bank_ref)
    check = BANKS.own(session, bank_ref, ref, actor=actor)
    fields = BANKS.standing(session, check)
    return CheckStanding(**fields, bank_ref=bank.ref, bank_name=bank.name, run_id=check.run_id)


def sheet_of(session: Session, *, bank_ref: str, ref: str, actor: str, looked: Looked) -> CheckSheet:
    """Return the dry run of a file that is ready; raise NotFound("bank.draft_unknown")."""
    bank = bank_store.bank_by_ref(session, bank_ref)
    check = BANKS.own(session, bank_ref, ref, actor=actor)
    summary = BANKS.summary_of(session, check)
    stretch = shown(summary.kinds, looked.kind)
    findings = BANKS.checks.lines_of(session, check, FINDINGS, stretch, looked.page, Finding)
    name = looked.entries if looked.entries in LISTS else _first(summary)
    lines = []
    if name:
        entries = BANKS.checks.lines_of(
            session, check, ENTRIES, summary.lists[name], looked.entries_page, ImportedItem
        )
        lines = _lines(session, bank.id, entries)
    return CheckSheet(
        standing=standing_of(session, bank_ref=bank_ref, ref=ref, actor=actor),
        summary=summary,
        asked=asked_of(check.asked),
        kept_by=actor_names(session, {summary.kept}).get(summary.kept, summary.kept),
        findings=findings,
        shown=stretch,
        kind=looked.kind,
        entries=name,
        lines=lines,
        looked=looked,
        points=_points(session, bank) if summary.sections else [],
        marked=[
            (number, summary.files[number]) for number in BANKS.checks.part_numbers(session, check, MARKED)
        ],
    )


def _first(summary: CheckSummary) -> str:
    return next((name for name in LISTS if summary.lists[name].count), "")


def _lines(session: Session, bank_id: int, entries: Sequence[ImportedItem]) -> list[EntryLine]:
    wanted = [entry for entry in entries if entry.base]
    rows = session.execute(
        select(Item.ref, ItemVersion.number, ItemVersion.content)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id))
        .where(
            Item.bank_id == bank_id,
            Item.ref.in_([entry.ref for entry in wanted]),
            ItemVersion.number.in_({entry.base for entry in wanted}),
        )
    )
    before = {(ref, number): content for ref, number, content in rows}
    return [
        EntryLine(entry, _changes(before.get((entry.ref, entry.base), ""), entry), media_in(entry.data))
        for entry in entries
    ]


def _changes(before: str, entry: ImportedItem) -> list[FieldChange]:
    return changes(before, entry.text) if before and entry.action is Action.CHANGE else []


def _points(session: Session, bank: ItemBank) -> list[tuple[Range, list[Point]]]:
    taxonomy = bank_store.taxonomy_of(session, bank)
    codes = [found.code for found in taxonomy.ranges]
    below: dict[str, list[Point]] = {}
    for point in taxonomy.points:
        below.setdefault(parent_of(point.code, codes), []).append(point)
    return [(found, below[found.code]) for found in taxonomy.ranges if found.code in below]


def marked_copy(session: Session, *, bank_ref: str, ref: str, actor: str, number: int) -> tuple[str, bytes]:
    """Return the name of a brought file and its copy with what was found in it; raise NotFound for none."""
    check = BANKS.own(session, bank_ref, ref, actor=actor)
    return BANKS.summary_of(session, check).files[number], BANKS.copy_of(session, check, number)
