"""Papers of a room as jobs: its record, its signed sheet and the test page of its printer."""

from __future__ import annotations

from functools import partial

import flask_babel
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.http.i18n import local_text
from cbt.jobs.registry import JobFile, JobResult, Work, file_kind
from cbt.printing.pdf import PDF, pdf
from cbt.proctoring import readiness
from cbt.proctoring.record_papers import PAPERS, note_print, read_for_print
from cbt.rules.roles import Role
from cbt.sittings.store import printed_purpose
from cbt.storage.unit_of_work import reading

READERS = (Role.PROCTOR, Role.CHIEF_PROCTOR, Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


def _record(work: Work) -> JobResult:
    document = work.asked["document"]
    record = read_for_print(document, work.asked["room"], work.principal, now=work.now)
    kind, head = PAPERS[document], record.board.head
    data = {**kind.gather(record), "purpose": printed_purpose(head.purpose)}
    made = pdf(kind.form, data, language=str(flask_babel.get_locale()))
    draft = f"-{_('record.draft_name')}" if record.draft else ""
    title = _(f"candidates.print.{document}")
    return JobResult(
        file=JobFile(f"{title}-{head.sitting_name}-{head.room_name}{draft}.pdf", PDF, made),
        record=partial(note_print, name=document, record=record, now=work.now, actor=work.actor),
    )


def _test_page(work: Work) -> JobResult:
    view = readiness.room_to_print(work.asked["room"], work.principal)
    made = readiness.test_page(view, at=local_text(work.now, "%Y-%m-%d %H:%M"))
    return JobResult(
        file=JobFile(f"{_('readiness.test_page')}-{view.room.name}.pdf", PDF, made),
        record=partial(readiness.note_test_page, view=view, now=work.now, actor=work.actor),
    )


def _go_sheet(work: Work) -> JobResult:
    view, sheet = readiness.sheet_of_room(work.asked["room"], work.asked["sheet"], work.principal)
    with reading() as session:
        signer = actor_names(session, {sheet.by}).get(sheet.by, sheet.by)
    made = readiness.sheet_page(view, sheet, signer=signer)
    return JobResult(
        file=JobFile(f"{_('readiness.sheet')}-{view.sitting.name}-{view.room.name}.pdf", PDF, made)
    )


ROOM_RECORD = file_kind("room.record", READERS, _record)
TEST_PAGE = file_kind("room.test_page", READERS, _test_page)
GO_SHEET = file_kind("room.go_sheet", READERS, _go_sheet)
