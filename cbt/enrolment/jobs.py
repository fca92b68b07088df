"""Agreements, statements, the journal of fees, and what is sent of an application, as jobs.

A clerk of a unit gets what is of their own unit, whatever they ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath

import flask_babel
from sqlalchemy.orm import Session

from cbt.enrolment.agreements import agreement_by_ref, agreement_paper
from cbt.enrolment.applications.application import Applying
from cbt.enrolment.applications.attachments import print_form
from cbt.enrolment.applications.store import application_by_ref
from cbt.enrolment.body import issuing_body
from cbt.enrolment.fees import statement as accounts
from cbt.enrolment.fees.statement import FeeEntry
from cbt.enrolment.models import MemberUnit
from cbt.enrolment.units import own_unit, unit_by_ref
from cbt.enrolment.workbook.people_import import look_at
from cbt.errors import NotFound
from cbt.http.i18n import local_day
from cbt.imports.direct_import import note
from cbt.jobs.registry import JobFile, JobResult, Work, file_kind
from cbt.printing.pdf import PDF, pdf
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX, marked_copy
from cbt.storage.unit_of_work import reading

READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)
BOTH_SIDES = (*READERS, Role.UNIT_CLERK)


def _own(session: Session, work: Work) -> MemberUnit | None:
    """Return the unit of a clerk; None for the office, which sees all."""
    clerk = work.principal
    return own_unit(session, clerk.subject_id) if clerk.has(Role.UNIT_CLERK) else None


def _applying(session: Session, work: Work) -> Applying:
    unit = _own(session, work)
    return Applying(work.actor, work.now, local_day(work.now), unit.id if unit else None)


def _agreement(work: Work) -> JobResult:
    with reading() as session:
        row = agreement_by_ref(session, work.asked["agreement"])
        unit = _own(session, work)
        if unit is not None and row.unit.id != unit.id:
            raise NotFound("agreement.unknown")
        data = agreement_paper(row.agreement, row.unit)
    made = pdf("agreement", data, language=str(flask_babel.get_locale()))
    name = f"{data['title']}-{row.agreement.number}-{row.unit.name}.pdf"
    return JobResult(file=JobFile(name, PDF, made))


def _statement(work: Work) -> JobResult:
    with reading() as session:
        unit = _own(session, work) or unit_by_ref(session, work.asked["unit"])
        today = local_day(work.now)
        details = accounts.statement_details(session, unit, work.asked["of"], day=today)
    data = accounts.statement_paper(details)
    name = f"{data['title']}-{details.title}-{unit.name}"
    if work.asked["form"] == "xlsx":
        return JobResult(file=JobFile(f"{name}.xlsx", XLSX, accounts.statement_book(details)))
    with reading() as session:
        issuing_body(session)
    made = pdf("statement", data, language=str(flask_babel.get_locale()))
    return JobResult(file=JobFile(f"{name}.pdf", PDF, made))


def _journal(work: Work) -> JobResult:
    today = local_day(work.now)
    first, last = accounts.span_of(work.asked["first"], work.asked["last"], today=today)
    name = f"{flask_babel.gettext('enrolment.fees.journal')}-{first}-{last}"
    with reading() as session:
        total = accounts.entry_count(session, first, last)
        entries = _telling(accounts.entries_of(session, first, last), total, work)
        if work.asked["csv"]:
            return JobResult(file=JobFile(f"{name}.csv", "text/csv", accounts.journal_csv(entries)))
        return JobResult(file=JobFile(f"{name}.xlsx", XLSX, accounts.journal_book(entries)))


def _telling(entries: Iterable[FeeEntry], total: int, work: Work) -> Iterator[FeeEntry]:
    """Yield entries, and say how far it is after each piece that was read."""
    for number, entry in enumerate(entries):
        if number % accounts.READ_AT_ONCE == 0:
            work.tell(number, total)
        yield entry


def _forms(work: Work) -> JobResult:
    ref, document = work.asked["application"], work.asked["document"]
    with reading() as session:
        by = _applying(session, work)
        number = application_by_ref(session, ref, unit_id=by.unit_id).number
    printed, record = print_form(ref, document, work.asked["people"], by)
    language = str(flask_babel.get_locale())
    made = pdf(document, printed.data, language=language, photos=printed.photos)
    return JobResult(file=JobFile(f"{printed.data['title']}-{number}.pdf", PDF, made), record=record)


def _marked_list(work: Work) -> JobResult:
    with reading() as session:
        by = _applying(session, work)
        looked = look_at(session, work.asked["application"], work.asked["draft"], by)
    notes = [note(finding) for finding in looked.checked.findings]
    heads = {heading.sheet: heading.row for heading in looked.checked.read.headings}
    title = flask_babel.gettext("batches.roster.marked.column")
    book = marked_copy(looked.kept.sheets, notes, heads, title=title)
    name = flask_babel.gettext("batches.roster.marked.file", name=PurePath(looked.file_name).stem)
    return JobResult(file=JobFile(name, XLSX, book))


AGREEMENT = file_kind("unit.agreement", BOTH_SIDES, _agreement)
STATEMENT = file_kind("fees.statement", BOTH_SIDES, _statement)
JOURNAL = file_kind("fees.journal", READERS, _journal)
FORMS = file_kind("application.forms", BOTH_SIDES, _forms)
MARKED_LIST = file_kind("application.marked_list", BOTH_SIDES, _marked_list)
