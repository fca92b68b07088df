"""What the pages of a check show, gathered in one reading: how far it is, what was found, what it would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.bank import store as bank_store
from cbt.bank.desk.fields import FieldChange, changes
from cbt.bank.imports.checks import store
from cbt.bank.imports.checks.models import CHECKS
from cbt.bank.imports.checks.records import ENTRIES, FINDINGS, LISTS, MARKED, CheckSummary
from cbt.bank.imports.outcome import Action, ImportedItem
from cbt.bank.imports.terms import ImportTerms, asked_of
from cbt.bank.media.references import NamedMedium, media_in
from cbt.bank.models import Item, ItemBank, ItemVersion
from cbt.bank.taxonomy import Point, Range, parent_of
from cbt.sheets.checks.keeping import WORKING
from cbt.sheets.checks.models import CheckState
from cbt.sheets.checks.pieces import BLOCK, Stretch, shown
from cbt.sheets.findings import Finding

EVERYTHING = ""
"""The kind of findings that stands for all of them."""


@dataclass(frozen=True, slots=True)
class CheckStanding:
    """How far a check is; `error` is the code of what it came to, `half` whether a run is half stored."""

    ref: str
    bank_ref: str
    bank_name: str
    file_name: str
    state: CheckState
    done: int
    total: int
    error: str
    params: str
    half: bool
    run_id: int | None
    at: datetime
    before: int
    """How many checks of others are waited for."""

    @property
    def working(self) -> bool:
        """Whether a process is at it, or is waited for."""
        return self.state in WORKING

    @property
    def share(self) -> int:
        """How much is done, in per cent."""
        return min(100 * self.done // self.total, 100) if self.total else 0


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

    @property
    def pages(self) -> int:
        """How many pages of findings there are."""
        return -(-self.shown.count // BLOCK)

    @property
    def entry_pages(self) -> int:
        """How many pages of entries there are."""
        return -(-self.summary.lists[self.entries].count // BLOCK) if self.entries else 0


def standing_of(session: Session, *, bank_ref: str, ref: str, actor: str) -> CheckStanding:
    """Return how far a person's check is; raise NotFound("bank.draft_unknown")."""
    bank = bank_store.bank_by_ref(session, bank_ref)
    check = store.own_check(session, ref, bank_id=bank.id, actor=actor)
    before = 0
    if check.state == CheckState.WAITING:
        before = sum(other.at < check.at for other in CHECKS.at_work(session) if other.id != check.id)
    return CheckStanding(
        ref=check.ref,
        bank_ref=bank.ref,
        bank_name=bank.name,
        file_name=check.file_name,
        state=CheckState(check.state),
        done=check.done,
        total=check.total,
        error=check.error,
        params=check.params,
        half=check.state == CheckState.FAILED and check.run_id is not None,
        run_id=check.run_id,
        at=check.at,
        before=before,
    )


def sheet_of(session: Session, *, bank_ref: str, ref: str, actor: str, looked: Looked) -> CheckSheet:
    """Return the dry run of a file that is ready; raise NotFound("bank.draft_unknown")."""
    bank = bank_store.bank_by_ref(session, bank_ref)
    check = store.own_check(session, ref, bank_id=bank.id, actor=actor)
    summary = store.summary_of(session, check)
    stretch = shown(summary.kinds, looked.kind)
    findings = CHECKS.lines_of(session, check, FINDINGS, stretch, looked.page, Finding)
    name = looked.entries if looked.entries in LISTS else _first(summary)
    lines = []
    if name:
        entries = CHECKS.lines_of(
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
        marked=[(number, summary.files[number]) for number in CHECKS.part_numbers(session, check, MARKED)],
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
    """Return the points of a bank below their ranges."""
    taxonomy = bank_store.taxonomy_of(session, bank)
    codes = [found.code for found in taxonomy.ranges]
    below: dict[str, list[Point]] = {}
    for point in taxonomy.points:
        below.setdefault(parent_of(point.code, codes), []).append(point)
    return [(found, below[found.code]) for found in taxonomy.ranges if found.code in below]


def marked_copy(session: Session, *, bank_ref: str, ref: str, actor: str, number: int) -> tuple[str, bytes]:
    """Return the name of a brought file and its copy with what was found in it; raise NotFound for none."""
    bank = bank_store.bank_by_ref(session, bank_ref)
    check = store.own_check(session, ref, bank_id=bank.id, actor=actor)
    body = CHECKS.opened(CHECKS.part(session, check, MARKED, number), bytes)
    return store.summary_of(session, check).files[number], body
