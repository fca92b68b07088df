"""The analysis of a sitting or a batch as a job: worked out in a child, kept with the job by what it was made of.

The figures are the job's file, for a day: who asks while nothing has changed is shown them again, and whoever comes
later has them worked out anew within a second or two. What they were made of is part of what is asked (`mark`).

What the analysis of a batch finds of an item is kept with the item, too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from typing import Any, Literal

import flask
import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.bank.item_figures import FoundFigures, forget_figures, keep_figures
from cbt.confined import runner
from cbt.errors import Conflict
from cbt.http.i18n import local_day
from cbt.jobs import queue
from cbt.jobs.models import Job, JobState
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.printing.pdf import PDF
from cbt.releases import product_version
from cbt.results.analysis import documents
from cbt.results.analysis.answers import answers_of, centres_of, mark_of, sittings_over
from cbt.results.analysis.figures import AnalysisReport, ItemReport, PaperReport
from cbt.results.store import finished_sitting
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.item_record import ItemUse, record_of
from cbt.rules.roles import Role
from cbt.sittings.models import Sitting
from cbt.sittings.store import batch_by_ref
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

TASK = "cbt.results.analysis.child:examine"
LIMITS = runner.Limits(memory=1536 * runner.MEGABYTE, cpu=60, wall=90)
"""Address space counts what numpy's library reserves and never touches; 10,000 papers of 100 items take 300 MB."""
READERS = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR})
Kind = Literal["sitting", "batch"]


@dataclass(frozen=True, slots=True)
class AnalysisScope:
    """What is analysed: a sitting, or all sittings of a batch that are over."""

    kind: Kind
    ref: str
    name: str
    mark: str
    """What changes whenever its figures may."""

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.ref}"

    @property
    def asked(self) -> dict[str, str]:
        return {"scope": self.kind, "ref": self.ref, "mark": self.mark}


def scope_of(kind: Kind, ref: str) -> AnalysisScope:
    """Return a sitting that is over, or a batch of which some are.

    Raise like `finished_sitting`, NotFound("batch.unknown"), Conflict("analysis.none_over").
    """
    with reading() as session:
        name, sittings = _sittings(session, kind, ref)
        facts = mark_of(session, [sitting.id for sitting in sittings])
    return AnalysisScope(kind, ref, name, digest(canonical_json([facts, _version()])))


def _sittings(session: Session, kind: Kind, ref: str) -> tuple[str, list[Sitting]]:
    if kind == "sitting":
        sitting = finished_sitting(session, ref)
        return sitting.name, [sitting]
    batch = batch_by_ref(session, ref)
    over = sittings_over(session, Sitting.batch_id == batch.id)
    if not over:
        raise Conflict("analysis.none_over", name=batch.name)
    return batch.name, over


@cache
def _version() -> str:
    return product_version()


def kept_report(scope: AnalysisScope, *, now: datetime) -> AnalysisReport | None:
    """Return the figures that were worked out of what is there now; None for none."""
    file = kept_file(ANALYSIS.code, scope, now=now)
    return None if file is None else report_in(file)


def kept_file(kind: str, scope: AnalysisScope, *, now: datetime) -> JobFile | None:
    """Return what a job of a kind worked out of what is there now and is still kept; None for none."""
    with reading() as session:
        done = (
            select(Job)
            .where(
                Job.kind == kind,
                Job.subject == scope.subject,
                Job.asked == canonical_json(scope.asked),
                Job.state == JobState.DONE,
            )
            .order_by(Job.id.desc())
            .limit(1)
        )
        job = session.scalar(done)
        if job is None or not queue.has_file(job, now=now):
            return None
        return queue.file_of(session, job, now=now)


def report_in(file: JobFile) -> AnalysisReport:
    """Return the figures that a job kept."""
    return msgspec.json.decode(file.body, type=AnalysisReport)


def _analyse(work: Work) -> JobResult:
    report = _worked_out(work.asked["scope"], work.asked["ref"], work)
    if work.asked["scope"] == "batch":
        _tell_the_bank(report, work)
    name = f"analysis-{work.asked['ref']}.json"
    return JobResult(file=JobFile(name, "application/json", msgspec.json.encode(report)))


FIGURES_AT_ONCE = 50
"""So many rows a bank is told of together."""


def _tell_the_bank(report: AnalysisReport, work: Work) -> None:
    """Keep with each item what a batch found of it, so that authors see it where they work.

    A trial or practice is no part of it, as it is none of the analysis.

    Source: R-96, R-97.
    """
    with reading() as session:
        _name, sittings = _sittings(session, "batch", work.asked["ref"])
        last_on = local_day(max(sitting.planned_start_at for sitting in sittings))
    kept: list[int] = []
    for some in pieces_of(_found_of_items(report, last_on), size=FIGURES_AT_ONCE):
        kept += work.in_front(partial(_keep_some, some, report))

    def forget_the_rest() -> None:
        with unit_of_work() as session:
            forget_figures(session, source=report.subject, but=kept)

    work.in_front(forget_the_rest)


def _keep_some(some: Sequence[FoundFigures], report: AnalysisReport) -> list[int]:
    with unit_of_work() as session:
        return keep_figures(session, some, source=report.subject, name=report.name)


def _found_of_items(report: AnalysisReport, last_on: date) -> list[FoundFigures]:
    """Return what a report says of each item of a bank: of a case by all its parts, of versions by their people."""
    parts: defaultdict[tuple[int, str], defaultdict[tuple[int, int], list[ItemReport]]]
    parts = defaultdict(lambda: defaultdict(list))
    takers: Counter[tuple[int, str]] = Counter()
    for number, paper in enumerate(report.papers):
        for item in paper.items:
            if item.column.bank and item.n and item.difficulty.value is not None:
                parts[item.column.bank, item.column.ref][number, item.column.version].append(item)
        takers.update({key: paper.n for key, uses in parts.items() if any(of == number for of, _ in uses)})
    found = []
    for (bank_id, ref), uses in sorted(parts.items()):
        record = record_of([_use_of(some, last_on) for some in uses.values()])
        if record is not None:
            use = ItemUse(record.people, record.difficulty, record.discrimination, last_on)
            found.append(FoundFigures(bank_id, ref, takers[bank_id, ref], use))
    return found


def _use_of(parts: Sequence[ItemReport], last_on: date) -> ItemUse:
    difficulties = [one.difficulty.value for one in parts if one.difficulty.value is not None]
    told = [one.discrimination.value for one in parts if one.discrimination.value is not None]
    return ItemUse(
        people=max(one.n for one in parts),
        difficulty=sum(difficulties) / len(difficulties),
        discrimination=sum(told) / len(told) if told else None,
        used_on=last_on,
    )


def _worked_out(kind: Kind, ref: str, work: Work) -> AnalysisReport:
    """Have a child work out the figures of each paper; raise Conflict("analysis.too_much") beyond its limits."""
    with reading() as session:
        name, sittings = _sittings(session, kind, ref)
        places = centres_of(session, sittings)
    papers: list[PaperReport] = []
    of_rooms = kind == "sitting"
    for number, answers in enumerate(answers_of(places, by_rooms=of_rooms), 1):
        work.tell(number, number + 1)
        try:
            reply = runner.run(TASK, msgspec.msgpack.encode(answers), limits=LIMITS)
        except runner.Exhausted as error:
            raise Conflict("analysis.too_much", paper=answers.title) from error
        papers.append(msgspec.json.decode(reply, type=PaperReport))
    return AnalysisReport(f"{kind}:{ref}", name, "room" if of_rooms else "centre", papers)


def _result_page(_ref: str, asked: Mapping[str, Any], _outcome: Mapping[str, Any]) -> str:
    return page_of(asked["scope"], asked["ref"])


def page_of(kind: Kind, ref: str, **where: Any) -> str:
    """Return the address of the page that shows the figures, or of a place on it."""
    return flask.url_for(f"analysis.{kind}", **{f"{kind}_ref": ref, **where})


ANALYSIS = JobKind(
    "results.analysis", READERS, _analyse, is_shared=True, is_act=False, result_page=_result_page
)


def _current(work: Work) -> AnalysisReport:
    """Return the figures as they are now, worked out where nobody has looked at them."""
    scope = scope_of(work.asked["scope"], work.asked["ref"])
    return kept_report(scope, now=work.now) or _worked_out(scope.kind, scope.ref, work)


def _record(session: Session, *, act: str, report: AnalysisReport, now: datetime, actor: str) -> None:
    """Put on record that somebody had the analysis as a file."""
    after = {"papers": len(report.papers), "people": sum(paper.n for paper in report.papers)}
    chain.record(session, at=now, actor=actor, act=act, subject=report.subject, after=after)


def _paper_report(work: Work) -> JobResult:
    report = _current(work)
    made = documents.printed(report)
    return JobResult(
        file=JobFile(f"{documents.title()}-{report.name}.pdf", PDF, made),
        record=partial(_record, act="print.analysis", report=report, now=work.now, actor=work.actor),
    )


def _workbook(work: Work) -> JobResult:
    report = _current(work)
    made = documents.workbook(report)
    return JobResult(
        file=JobFile(f"{documents.title()}-{report.name}.xlsx", XLSX, made),
        record=partial(_record, act="results.analysis_export", report=report, now=work.now, actor=work.actor),
    )


ANALYSIS_PRINT = file_kind("results.analysis_print", (Role.OFFICER,), _paper_report)
ANALYSIS_BOOK = file_kind("results.analysis_book", (Role.OFFICER,), _workbook)
JOBS: Collection[JobKind] = (ANALYSIS, ANALYSIS_PRINT, ANALYSIS_BOOK)
