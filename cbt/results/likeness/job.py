"""The comparison of a sitting's people as a job: worked out in a child, kept with the job by what it was made of.

As with the analysis (`cbt/results/analysis/job.py`) the figures are the job's file for a day, and what changes
whenever the answers that count may (`mark`) is part of what is asked.

Source: R-98.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import flask
import msgspec
from sqlalchemy import select

from cbt.confined import runner
from cbt.errors import Conflict
from cbt.jobs import queue
from cbt.jobs.models import Job, JobState
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.printing.pdf import PDF
from cbt.results.analysis.answers import answers_of, centres_of
from cbt.results.analysis.scope import AnalysisScope, scope_of
from cbt.results.likeness import documents, evidence
from cbt.results.likeness.figures import LikenessOrder, LikenessReport, PaperLikeness
from cbt.results.likeness.seats import beside, plans_of, seats_of
from cbt.results.store import finished_sitting
from cbt.rules.canonical import canonical_json
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

TASK = "cbt.results.likeness.child:examine"
LIMITS = runner.Limits(memory=1536 * runner.MEGABYTE, cpu=120, wall=180)
"""10,000 people are fifty million pairs: some seconds and 300 MB; address space counts what is never touched."""
READERS = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR})


def sitting_scope(ref: str) -> AnalysisScope:
    """Return a sitting that is over; raise like `finished_sitting`."""
    return scope_of("sitting", ref)


def kept_report(scope: AnalysisScope, *, now: datetime) -> LikenessReport | None:
    """Return what was worked out of what is there now; None for nothing."""
    with reading() as session:
        done = (
            select(Job)
            .where(
                Job.kind == LIKENESS.code,
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
        return report_in(queue.file_of(session, job, now=now))


def report_in(file: JobFile) -> LikenessReport:
    """Return the figures that a job kept."""
    return msgspec.json.decode(file.body, type=LikenessReport)


def _compare(work: Work) -> JobResult:
    report = _worked_out(work.asked["ref"], work)
    name = f"likeness-{report.ref}.json"
    return JobResult(file=JobFile(name, "application/json", msgspec.json.encode(report)))


def _worked_out(ref: str, work: Work) -> LikenessReport:
    """Have a child compare the people of each paper; raise Conflict("likeness.too_much") beyond its limits."""
    with reading() as session:
        sitting = finished_sitting(session, ref)
        places = centres_of(session, [sitting])
        seats, plans = seats_of(session, sitting.id), plans_of(session, sitting.id)
    papers: list[PaperLikeness] = []
    for number, answers in enumerate(answers_of(places, by_rooms=True, for_likeness=True), 1):
        work.tell(number, number + 1)
        order = LikenessOrder(answers, beside(answers.attempts, seats, plans))
        try:
            reply = runner.run(TASK, msgspec.msgpack.encode(order), limits=LIMITS)
        except runner.Exhausted as error:
            raise Conflict("likeness.too_much", paper=answers.title) from error
        papers.append(msgspec.json.decode(reply, type=PaperLikeness))
    return LikenessReport(ref, sitting.name, papers)


def page_of(ref: str, **where: Any) -> str:
    """Return the address of the page of pairs, or of a place on it."""
    return flask.url_for("likeness.sitting", sitting_ref=ref, **where)


def _result_page(_ref: str, asked: Mapping[str, Any], _outcome: Mapping[str, Any]) -> str:
    return page_of(asked["ref"])


LIKENESS = JobKind(
    "results.likeness",
    READERS,
    _compare,
    is_shared=True,
    is_lasting=True,
    is_act=False,
    result_page=_result_page,
)


def _paper(work: Work) -> JobResult:
    """Print the evidence of a pair; it is put on record."""
    ref, one, other = (work.asked[name] for name in ("ref", "one", "other"))
    report = kept_report(sitting_scope(ref), now=work.now) or _worked_out(ref, work)
    with reading() as session:
        found = evidence.pair_evidence(session, report, one, other)
    return JobResult(
        file=JobFile(f"{documents.title()}-{found.label}.pdf", PDF, documents.printed(found)),
        record=partial(evidence.note_printed, found=found, now=work.now, actor=work.actor),
    )


LIKENESS_PRINT = file_kind("results.likeness_print", (Role.OFFICER, Role.CHIEF_PROCTOR), _paper)
JOBS: Collection[JobKind] = (LIKENESS, LIKENESS_PRINT)
