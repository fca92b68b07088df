"""Sheets, letters, lists and packages of results, and their publication (公示), as jobs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask_babel import gettext as _

from cbt.candidates.models import Candidate
from cbt.enrolment.body import body
from cbt.errors import Conflict
from cbt.http.i18n import local_day, local_text
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.printing.pdf import PDF
from cbt.results import rulings, service
from cbt.results.package.service import make_package, note_package
from cbt.results.package.signature import signing_key
from cbt.results.publicity import store as publicity
from cbt.results.publicity.publication import list_paper, listed, publish
from cbt.results.service import note_printed
from cbt.results.sheet import documents
from cbt.results.sheet.sitting import SittingSheet, people_of
from cbt.results.store import finished_sitting
from cbt.rules.roles import Role
from cbt.sittings.models import Batch
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
ZIP = "application/zip"


def _workbook(work: Work) -> JobResult:
    sitting_ref = work.asked["sitting"]
    sheet, ledger = service.for_export(sitting_ref)
    people = people_of(sheet, ledger, on=local_day(work.now))
    book = documents.build(sheet, people, subtitle=_subtitle(sheet))
    return JobResult(
        file=JobFile(f"results-{sitting_ref}.xlsx", XLSX, book),
        record=partial(service.record_export, sheet=sheet, now=work.now, actor=work.actor),
    )


def _subtitle(sitting_sheet: SittingSheet) -> str:
    state = _("results.book.released") if sitting_sheet.release else _("results.book.unreleased")
    return f"{sitting_sheet.sitting.name} · {local_text(sitting_sheet.sitting.planned_start_at)} · {state}"


def _sheet_print(work: Work) -> JobResult:
    """Print the score sheet of a sitting, or of a room of it."""
    room_ref = work.asked.get("room", "")
    sheet = service.sheet_for_paper(work.asked["sitting"], room=room_ref)
    subject, rooms = sheet.sitting.logged_as, [""]
    if room_ref:
        subject, rooms = f"sitting_room:{room_ref}", [room for _place, room in sheet.rooms]
    (room,) = rooms
    made = documents.printed(sheet, room=room)
    name = "-".join(filter(None, (_("results.book.title"), sheet.sitting.name, room)))
    return JobResult(
        file=JobFile(f"{name}.pdf", PDF, made),
        record=partial(note_printed, subject=subject, now=work.now, actor=work.actor),
    )


def _letter(work: Work) -> JobResult:
    with reading() as session:
        registration, sitting, reports = rulings.ruled_on(session, work.asked["registration"])
        ruling = rulings.ruling_of(session, registration)
        if ruling is None:
            raise Conflict("ruling.open")
        candidate = session.get_one(Candidate, registration.candidate_id)
        made = rulings.ruling_letter(session, registration, candidate, sitting, ruling, reports)
    subject = registration.logged_as
    return JobResult(
        file=JobFile(f"{_('ruling.letter.title')}-{candidate.name}.pdf", PDF, made),
        record=partial(note_printed, subject=subject, now=work.now, actor=work.actor, document="ruling"),
    )


def _public_list(work: Work) -> JobResult:
    with reading() as session:
        sitting = finished_sitting(session, work.asked["sitting"])
        publication = publicity.standing_publication(session, sitting.id)
        if publication is None:
            raise Conflict("publicity.due", days=body(session).publicity_days)
        batch = session.get_one(Batch, sitting.batch_id)
        part = work.asked["part"]
        lines = listed(session, publication, sitting, batch, page=part, per_page=publicity.PAPER_PAGE)
        made = list_paper(lines, body(session))
    subject = sitting.logged_as
    return JobResult(
        file=JobFile(f"{_('publicity.paper.title')}-{sitting.name}.pdf", PDF, made),
        record=partial(note_printed, subject=subject, now=work.now, actor=work.actor, document="publicity"),
    )


def _package(work: Work) -> JobResult:
    key = partial(signing_key, now=work.now, actor=work.actor)
    package = make_package(work.asked["sitting"], key=partial(work.in_front, key))
    return JobResult(
        file=JobFile(package.name, ZIP, package.body),
        record=partial(note_package, package=package, now=work.now, actor=work.actor),
    )


WORKBOOK = file_kind("results.workbook", (Role.OFFICER,), _workbook)
SHEET_PRINT = file_kind("results.print", READERS, _sheet_print)
LETTER = file_kind("results.letter", READERS, _letter)
PUBLIC_LIST = file_kind("results.public_list", READERS, _public_list)
PACKAGE = file_kind("results.package", (Role.OFFICER, Role.CHIEF_PROCTOR), _package, is_lasting=True)


def _publish(work: Work) -> JobResult:
    if "last_on" in work.so_far:
        return JobResult(work.so_far)
    last = publish(work.asked["sitting"], now=work.now, actor=work.actor, work=work)
    return JobResult({"last_on": last.isoformat()})


def _published(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("publicity.published", last=outcome["last_on"])), "ok")]


PUBLISH_RESULTS = JobKind(
    "results.publish", frozenset({Role.OFFICER}), _publish, is_shared=True, said=_published
)
