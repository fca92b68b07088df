"""The analysis of a scope as a job: worked out in a child, kept with the job by what it was made of.

The figures are the job's file, for a day: who asks while nothing has changed is shown them again, and whoever comes
later has them worked out anew within a second or two. What they were made of is part of what is asked (`mark`).

What the analysis of a batch finds of an item is kept with the item, too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any

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
from cbt.results.analysis import documents
from cbt.results.analysis.answers import answers_of, centres_of
from cbt.results.analysis.figures import AnalysisReport, CurveReport, FormChoice, ItemReport, PaperReport
from cbt.results.analysis.scope import AnalysisScope, Kind, page_of, scope_of, scope_title, sittings_of
from cbt.rules.canonical import canonical_json
from cbt.rules.item_record import ItemUse, record_of
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

TASK = "cbt.results.analysis.child:examine"
CURVES = "cbt.results.analysis.curves:estimate"
LIMITS = runner.Limits(memory=1536 * runner.MEGABYTE, cpu=60, wall=90)
"""Address space counts what numpy's library reserves and never touches; 10,000 papers of 100 items take 300 MB."""
READERS = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR})


def kept_report(scope: AnalysisScope, *, now: datetime) -> AnalysisReport | None:
    """Return the figures that were worked out of what is there now; None for none."""
    file = kept_file(KIND_BY_SCOPE[scope.kind].code, scope, now=now)
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
        sittings = sittings_of(session, "batch", work.asked["ref"]).sittings
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
        told = sittings_of(session, kind, ref)
        places = centres_of(session, told.sittings)
    papers: list[PaperReport] = []
    gathered = answers_of(
        places, by_rooms=told.place_kind == "room", sitting_room_id=told.sitting_room_id, tell=work.tell
    )
    for answers in gathered:
        try:
            reply = runner.run(TASK, msgspec.msgpack.encode(answers), limits=LIMITS)
        except runner.Exhausted as error:
            raise Conflict("analysis.too_much", paper=answers.title) from error
        papers.append(msgspec.json.decode(reply, type=PaperReport))
    return AnalysisReport(f"{kind}:{ref}", told.name, told.place_kind, papers, kind, len(places))


def _result_page(_ref: str, asked: Mapping[str, Any], _outcome: Mapping[str, Any]) -> str:
    return page_of(asked["scope"], asked["ref"])


ANALYSIS = JobKind(
    "results.analysis", READERS, _analyse, is_shared=True, is_act=False, result_page=_result_page
)
WIDE_ANALYSIS = replace(ANALYSIS, code="results.analysis_wide", is_lasting=True)
"""The same of a year of sittings: it leaves a place to what is quick."""


KIND_BY_SCOPE: Mapping[Kind, JobKind] = {
    "sitting": ANALYSIS, "room": ANALYSIS, "batch": ANALYSIS, "centre": WIDE_ANALYSIS, "year": WIDE_ANALYSIS,
}  # fmt: skip
"""The kind of job that works out a scope's figures."""


def _current(work: Work) -> AnalysisReport:
    """Return the figures as they are now, worked out where nobody has looked at them."""
    scope = scope_of(work.asked["scope"], work.asked["ref"])
    return kept_report(scope, now=work.now) or _worked_out(scope.kind, scope.ref, work)


def _choice(work: Work) -> FormChoice:
    return FormChoice(*work.asked.get("forms", ()))


def _record(session: Session, *, act: str, report: AnalysisReport, now: datetime, actor: str) -> None:
    """Put on record that somebody had the analysis as a file."""
    after = {"papers": len(report.papers), "people": sum(paper.n for paper in report.papers)}
    chain.record(session, at=now, actor=actor, act=act, subject=report.subject, after=after)


def _file_name(report: AnalysisReport) -> str:
    return scope_title(report.kind, report.name).replace(" · ", "-")


def _paper_report(work: Work) -> JobResult:
    report = _current(work)
    made = documents.printed(report, _choice(work))
    return JobResult(
        file=JobFile(f"{documents.title()}-{_file_name(report)}.pdf", PDF, made),
        record=partial(_record, act="print.analysis", report=report, now=work.now, actor=work.actor),
    )


def _workbook(work: Work) -> JobResult:
    report = _current(work)
    made = documents.workbook(report, _choice(work))
    return JobResult(
        file=JobFile(f"{documents.title()}-{_file_name(report)}.xlsx", XLSX, made),
        record=partial(_record, act="results.analysis_export", report=report, now=work.now, actor=work.actor),
    )


def _curves(work: Work) -> JobResult:
    """Have a child estimate the curves of each paper's items; raise Conflict("analysis.too_much")."""
    kind, ref = work.asked["scope"], work.asked["ref"]
    with reading() as session:
        told = sittings_of(session, kind, ref)
        places = centres_of(session, told.sittings)
    reports: list[CurveReport] = []
    for answers in answers_of(
        places, by_rooms=told.place_kind == "room", sitting_room_id=told.sitting_room_id, tell=work.tell
    ):
        try:
            reply = runner.run(CURVES, msgspec.msgpack.encode(answers), limits=LIMITS)
        except runner.Exhausted as error:
            raise Conflict("analysis.too_much", paper=answers.title) from error
        reports.append(msgspec.json.decode(reply, type=CurveReport))
    made = documents.curves_workbook(scope_title(kind, told.name), reports)
    name = scope_title(kind, told.name).replace(" · ", "-")

    def put_on_record(session: Session) -> None:
        after = {"papers": len(reports), "items": sum(len(one.items) for one in reports)}
        chain.record(
            session,
            at=work.now,
            actor=work.actor,
            act="results.curves_export",
            subject=f"{kind}:{ref}",
            after=after,
        )

    return JobResult(file=JobFile(f"IRT-{name}.xlsx", XLSX, made), record=put_on_record)


ANALYSIS_PRINT = file_kind("results.analysis_print", (Role.OFFICER,), _paper_report)
ANALYSIS_BOOK = file_kind("results.analysis_book", (Role.OFFICER,), _workbook)
ANALYSIS_CURVES = file_kind("results.analysis_curves", (Role.OFFICER,), _curves, is_lasting=True)
JOBS: Collection[JobKind] = (ANALYSIS, WIDE_ANALYSIS, ANALYSIS_PRINT, ANALYSIS_BOOK, ANALYSIS_CURVES)
