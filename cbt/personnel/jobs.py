"""Copies of brought lists of staff with what was found marked, as jobs."""

from __future__ import annotations

from pathlib import PurePath

from flask_babel import gettext as _

from cbt.jobs.registry import JobFile, JobResult, Work, file_kind
from cbt.personnel.staff_import import MAKERS, STAFF_LISTS
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading


def _marked_list(work: Work) -> JobResult:
    with reading() as session:
        check = STAFF_LISTS.own(session, work.principal.subject_ref, work.asked["draft"], actor=work.actor)
        book = STAFF_LISTS.copy_of(session, check)
    name = str(_("batches.roster.marked.file", name=PurePath(check.file_name).stem))
    return JobResult(file=JobFile(name, XLSX, book))


MARKED_LIST = file_kind("staff.marked_list", MAKERS, _marked_list)
