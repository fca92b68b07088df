"""Jobs of the room: its documents, what is decided of an application, what is done to many fees at once.

A clerk of a unit gets what is of their own unit, whatever they ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

import flask_babel
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.enrolment.agreements import agreement_by_ref, agreement_paper
from cbt.enrolment.applications.application import ApplicantVerdict, Applying, decide, take_step
from cbt.enrolment.applications.attachments import print_form
from cbt.enrolment.applications.store import application_by_ref
from cbt.enrolment.body import issuing_body
from cbt.enrolment.fees import statement as accounts
from cbt.enrolment.fees.accounts import FeeBooking, match_credit
from cbt.enrolment.fees.charges import cancel_lines, charge_missing
from cbt.enrolment.fees.statement import FeeEntry
from cbt.enrolment.models import MemberUnit
from cbt.enrolment.units import own_unit, unit_by_ref
from cbt.enrolment.workbook.people_import import look_at
from cbt.errors import NotFound
from cbt.http.i18n import local_day
from cbt.imports.direct_import import note
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.printing.pdf import PDF, pdf
from cbt.rules.enrolment.fees import yuan
from cbt.rules.roles import Role
from cbt.rules.states import ApplicationEvent
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


OFFICERS = frozenset({Role.OFFICER})


def _by_office(work: Work) -> Applying:
    return Applying(work.actor, work.now, local_day(work.now), unit_id=None)


def _decide(work: Work) -> JobResult:
    asked = work.asked
    verdict = ApplicantVerdict(**asked["verdict"])
    count = decide(asked["application"], asked["people"], verdict, _by_office(work), work=work)
    return JobResult({"count": count})


def _decided(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("enrolment.decided", count=outcome["count"])), "ok")]


DECIDE = JobKind("application.decide", OFFICERS, _decide, is_shared=True, said=_decided)


def _take_step(work: Work) -> JobResult:
    asked = work.asked
    event = ApplicationEvent(asked["event"])
    take_step(asked["application"], event, words=asked["words"], by=_by_office(work), work=work)
    return JobResult({"event": event.value})


def _taken(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_(f"enrolment.done.{outcome['event']}")), "ok")]


TAKE_STEP = JobKind("application.step", OFFICERS, _take_step, is_shared=True, said=_taken)


def _booking(work: Work) -> FeeBooking:
    return FeeBooking(work.actor, work.now, local_day(work.now))


def _charge(work: Work) -> JobResult:
    return JobResult({"count": charge_missing(_booking(work), work=work)})


def _charged(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("enrolment.fees.charged_now", count=outcome["count"])), "ok")]


CHARGE = JobKind("fees.charge", OFFICERS, _charge, is_shared=True, said=_charged)


def _match(work: Work) -> JobResult:
    return JobResult({"fen": match_credit(work.asked["unit"], _booking(work), work=work)})


def _matched(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("enrolment.fees.matched_now", amount=yuan(outcome["fen"]))), "ok")]


MATCH = JobKind("fees.match", OFFICERS, _match, is_shared=True, said=_matched)


def _cancel(work: Work) -> JobResult:
    asked = work.asked
    cause, reason = asked["cause"], asked["reason"]
    count = cancel_lines(
        asked["unit"], asked["lines"], cause=cause, reason=reason, booking=_booking(work), work=work
    )
    return JobResult({"count": count})


def _cancelled(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("enrolment.fees.cancelled_now", count=outcome["count"])), "ok")]


CANCEL_FEES = JobKind("fees.cancel", OFFICERS, _cancel, is_shared=True, said=_cancelled)
