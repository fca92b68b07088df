"""The score sheet as a workbook, as a job: made on a snapshot, and on record with its end."""

from __future__ import annotations

from functools import partial

from flask_babel import gettext as _

from cbt.http.i18n import local_day, local_text
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work
from cbt.results import service
from cbt.results.sheet import documents
from cbt.results.sheet.sitting import SittingSheet, people_of
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX


def _make(work: Work) -> JobResult:
    sitting_ref = work.asked["sitting"]
    sheet, ledger = service.for_export(sitting_ref)
    people = people_of(sheet, ledger, on=local_day(work.now))
    body = documents.build(sheet, people, subtitle=_subtitle(sheet))
    return JobResult(
        file=JobFile(f"results-{sitting_ref}.xlsx", XLSX, body),
        record=partial(service.record_export, sheet=sheet, now=work.now, actor=work.actor),
    )


def _subtitle(sitting_sheet: SittingSheet) -> str:
    state = _("results.book.released") if sitting_sheet.release else _("results.book.unreleased")
    return f"{sitting_sheet.sitting.name} · {local_text(sitting_sheet.sitting.planned_start_at)} · {state}"


WORKBOOK = JobKind("results.workbook", frozenset({Role.OFFICER}), _make)
