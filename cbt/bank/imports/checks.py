"""The check of a brought file: kept as pieces that are sealed one by one, and shown as a dry run.

A page opens the summary and the lines it shows, never the whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.bank import store as bank_store
from cbt.bank.imports.dry_run import Review
from cbt.bank.imports.models import CHECKS, ImportCheck
from cbt.bank.imports.plan import Action, ImportedItem, ImportTerms, ItemSection, asked_of, written
from cbt.bank.review.fields import FieldChange, changes
from cbt.errors import NotFound, Unavailable
from cbt.items.draft import Inferred
from cbt.items.media import NamedMedium, media_in
from cbt.items.models import Item, ItemBank, ItemVersion, KeptMapping
from cbt.items.taxonomy import Point, Range, parent_of
from cbt.spreadsheets.columns import ColumnUse
from cbt.spreadsheets.file_checks import BLOCK, WORKING, CheckState, FindingKind, Stretch, by_kind, shown
from cbt.spreadsheets.findings import Finding, Severity

FINDINGS, ENTRIES, SUMMARY, MARKED = "finding", "entry", "summary", "marked"
LISTS = ("near", "change", "add", "skip")
"""The lists of a dry run, in the order in which they lie: 近似重复, 有改动, 新题, 相同."""


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """What a dry run says as a whole; `lists` say where the entries of each list lie.

    `kept` tells whose adjustments of an earlier file were used ("" for none), `marked` which files can come
    back with their findings marked.
    """

    form: str
    files: list[str]
    layout: str
    revision: str
    rows: int
    blocked: int
    kinds: list[FindingKind]
    lists: dict[str, Stretch]
    inferred: list[Inferred] = field(default_factory=list)
    columns: list[ColumnUse] = field(default_factory=list)
    sections: list[ItemSection] = field(default_factory=list)
    kept: str = ""
    adjusted: dict[str, str] = field(default_factory=dict)

    def total(self, *names: str) -> int:
        """Return how many entries some lists have."""
        return sum(self.lists[name].count for name in names)

    def of(self, severity: Severity) -> int:
        """Return how many findings there are of one severity."""
        return sum(kind.lines.count for kind in self.kinds if kind.severity == severity)


def list_of(entry: ImportedItem) -> str:
    """Return the list of a dry run in which an entry stands."""
    return "near" if entry.near is not None and entry.action is Action.ADD else entry.action.value


def arranged(made: Review) -> tuple[list[Finding], list[FindingKind], list[ImportedItem], dict[str, Stretch]]:
    """Return findings and entries in the order in which they are kept, and what lies where."""
    findings, kinds = by_kind(made.findings)
    entries: list[ImportedItem] = []
    lists = {}
    for name in LISTS:
        some = [entry for entry in made.entries if list_of(entry) == name]
        lists[name] = Stretch(len(entries), len(some))
        entries += some
    return findings, kinds, entries, lists


UNKNOWN = CHECKS.gone


def own_check(session: Session, ref: str, *, bank_id: int, actor: str) -> ImportCheck:
    """Return a person's own check; raise NotFound("bank.draft_unknown") for none, or for somebody else's."""
    own = select(ImportCheck).where(ImportCheck.ref == ref, ImportCheck.actor == actor)
    found = session.scalar(own.where(ImportCheck.bank_id == bank_id))
    if found is None:
        raise NotFound(UNKNOWN)
    return found


def own_checks(session: Session, *, bank_id: int, actor: str) -> Sequence[ImportCheck]:
    """Return what a person has brought for a bank and not yet stored."""
    query = select(ImportCheck).where(ImportCheck.bank_id == bank_id, ImportCheck.actor == actor)
    return session.scalars(query.where(ImportCheck.state != CheckState.DONE)).all()


def summary_of(session: Session, check: ImportCheck) -> CheckSummary:
    """Return what a check found as a whole; raise NotFound when it was sealed under a key that was lost."""
    try:
        return CHECKS.opened(CHECKS.part(session, check, SUMMARY), CheckSummary)
    except Unavailable as error:
        raise NotFound(UNKNOWN) from error


def kept_mapping(session: Session, bank_id: int, layout: str) -> KeptMapping | None:
    """Return how files of this layout were understood before, None when nobody said."""
    if not layout:
        return None
    own = select(KeptMapping).where(KeptMapping.bank_id == bank_id, KeptMapping.layout == layout)
    return session.scalar(own)


def begin_check(
    session: Session, *, ref: str, bank_id: int, actor: str, file_name: str, asked: ImportTerms, now: datetime
) -> None:
    """Have a brought file wait for its check."""
    session.add(
        ImportCheck(
            ref=ref,
            bank_id=bank_id,
            actor=actor,
            file_name=file_name[:200],
            state=CheckState.WAITING,
            asked=written(asked),
            at=now,
        )
    )


def link_run(session: Session, ref: str, run_id: int | None) -> None:
    """Have a check know the run that stores it; None when that was taken back."""
    session.execute(update(ImportCheck).where(ImportCheck.ref == ref).values(run_id=run_id))


def keep_mapping(
    session: Session, bank_id: int, layout: str, choices: dict[str, str], *, now: datetime, actor: str
) -> None:
    """Keep how an author had files of one layout understood; nothing said forgets it."""
    row = session.scalar(
        select(KeptMapping).where(KeptMapping.bank_id == bank_id, KeptMapping.layout == layout)
    )
    if row is None and choices:
        row = KeptMapping(bank_id=bank_id, layout=layout)
        session.add(row)
    if row is not None and not choices:
        session.delete(row)
    elif row is not None:
        row.choices = json.dumps(choices, ensure_ascii=False, sort_keys=True)
        row.actor, row.at = actor, now


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
    check = own_check(session, ref, bank_id=bank.id, actor=actor)
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
    check = own_check(session, ref, bank_id=bank.id, actor=actor)
    summary = summary_of(session, check)
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
    check = own_check(session, ref, bank_id=bank.id, actor=actor)
    body = CHECKS.opened(CHECKS.part(session, check, MARKED, number), bytes)
    return summary_of(session, check).files[number], body
