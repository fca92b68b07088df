"""Rosters of a batch and of an application as jobs."""

from __future__ import annotations

from cbt.batches.applications import applied_rows
from cbt.batches.roster.pages import export_rows, marked_copy
from cbt.candidates.roster.export import OF_BATCH, to_xlsx
from cbt.jobs.registry import JobFile, JobResult, Work, file_kind
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading


def _roster(work: Work) -> JobResult:
    ref = work.asked["batch"]
    rows, record = export_rows(batch_ref=ref, reason=work.asked["reason"], actor=work.actor, now=work.now)
    return JobResult(file=JobFile(f"roster-{ref}.xlsx", XLSX, to_xlsx(rows, OF_BATCH)), record=record)


def _marked_roster(work: Work) -> JobResult:
    with reading() as session:
        name, book = marked_copy(session, work.asked["batch"], work.asked["draft"], actor=work.actor)
    return JobResult(file=JobFile(name, XLSX, book))


def _application_roster(work: Work) -> JobResult:
    ref = work.asked["application"]
    rows, record = applied_rows(ref, now=work.now, actor=work.actor)
    return JobResult(file=JobFile(f"roster-{ref}.xlsx", XLSX, to_xlsx(rows)), record=record)


ROSTER = file_kind("batch.roster", (Role.OFFICER,), _roster)
MARKED_ROSTER = file_kind("batch.marked_roster", (Role.OFFICER,), _marked_roster)
APPLICATION_ROSTER = file_kind("application.roster", (Role.OFFICER,), _application_roster)
