"""Sheets, letters, lists and packages of results, their publication (公示), release and correction, as jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import flask
from flask_babel import gettext as _

from cbt.accounts.approvals.decisions import fail_approval
from cbt.accounts.approvals.requests import ApprovalKind, Second, hand_over, terms_by_roles
from cbt.accounts.models import Approval
from cbt.accounts.store import staff_principal
from cbt.candidates.models import Candidate, Registration
from cbt.enrolment.body import body, issuing_body
from cbt.errors import CbtError, Conflict
from cbt.http.auth.login import Principal
from cbt.http.i18n import local_day, local_text
from cbt.jobs.answers import have_done
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.printing.pdf import PDF
from cbt.results import rulings
from cbt.results.appeals.letter import appeal_letter
from cbt.results.appeals.request import appealable
from cbt.results.models import Appeal
from cbt.results.package.container import make_package, note_package
from cbt.results.package.signature import signing_key
from cbt.results.publicity import store as publicity
from cbt.results.publicity.publication import list_paper, listed, publish
from cbt.results.release import SECOND_FOR_RELEASE, correct, release
from cbt.results.sheet import documents
from cbt.results.sheet.page import for_export, note_printed, record_export, sheet_for_paper
from cbt.results.sheet.sitting import SittingSheet, people_of
from cbt.results.store import finished_sitting
from cbt.rules.roles import Role
from cbt.sittings.models import Batch
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading, unit_of_work

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
ZIP = "application/zip"
T = TypeVar("T")


def _workbook(work: Work) -> JobResult:
    sitting_ref = work.asked["sitting"]
    sheet, ledger = for_export(sitting_ref)
    people = people_of(sheet, ledger, on=local_day(work.now))
    book = documents.build(sheet, people, subtitle=_subtitle(sheet))
    return JobResult(
        file=JobFile(f"results-{sitting_ref}.xlsx", XLSX, book),
        record=partial(record_export, sheet=sheet, now=work.now, actor=work.actor),
    )


def _subtitle(sitting_sheet: SittingSheet) -> str:
    state = _("results.book.released") if sitting_sheet.release else _("results.book.unreleased")
    return f"{sitting_sheet.sitting.name} · {local_text(sitting_sheet.sitting.planned_start_at)} · {state}"


def _sheet_print(work: Work) -> JobResult:
    """Print the score sheet of a sitting, or of a room of it."""
    room_ref = work.asked.get("room", "")
    sheet = sheet_for_paper(work.asked["sitting"], room=room_ref)
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


def _appeal_letter(work: Work) -> JobResult:
    with reading() as session:
        appeal = Appeal.by_ref(session, work.asked["appeal"], unknown="appeal.unknown")
        registration = session.get_one(Registration, appeal.registration_id)
        of = appealable(session, registration, on=local_day(work.now))
        made = appeal_letter(session, of)
    subject = registration.logged_as
    return JobResult(
        file=JobFile(f"{_('appeal.letter.title')}-{of.candidate.name}.pdf", PDF, made),
        record=partial(note_printed, subject=subject, now=work.now, actor=work.actor, document="appeal"),
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
        made = list_paper(lines, issuing_body(session))
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
APPEAL_LETTER = file_kind("results.appeal_letter", READERS, _appeal_letter)
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


# Releases and corrections: asked for by one, approved by another, carried out in the background.
#
# Source.


def by_two(work: Work, act: Callable[..., T]) -> T:
    """Carry out an act that a second person approved; a request for one that is refused says why."""
    asked = work.asked["second"]
    second = Second(**asked | {"roles": frozenset(asked["roles"])})
    try:
        with reading() as session:
            first = staff_principal(session, work.asked["first"])
        if first is None or first.must_change_password or not first.has(Role.OFFICER):
            raise Conflict("approval.asker_gone")
        return act(work.asked["sitting"], actor=first.logged_as, second=second, now=work.now, work=work)
    except CbtError as error:
        work.in_front(partial(_refused, second, error, work.now))
        raise


def _refused(second: Second, error: CbtError, now: datetime) -> None:
    with unit_of_work() as session:
        if second.approval_id is not None:
            approval = session.get_one(Approval, second.approval_id)
            fail_approval(session, approval, second, error, now=now)


def _release(work: Work) -> JobResult:
    return JobResult({"count": by_two(work, release)})


def _correct(work: Work) -> JobResult:
    return JobResult({"count": by_two(work, partial(correct, reason=work.asked["reason"]))})


def _released(_outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("results.released")), "ok")]


def _corrected(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("results.corrected", count=outcome["count"])), "ok")]


RELEASE = JobKind(
    "results.release",
    SECOND_FOR_RELEASE,
    _release,
    is_shared=True,
    can_cancel=False,
    said=_released,
)
CORRECTION = JobKind(
    "results.correct",
    SECOND_FOR_RELEASE,
    _correct,
    is_shared=True,
    can_cancel=False,
    said=_corrected,
)
"""What a second person approved is not cancelled."""


def asked_by_two(sitting_ref: str, first: Principal, second: Second, reason: str | None) -> dict[str, Any]:
    """Return what the job of a release is asked, or with a reason that of a correction."""
    both = {"first": first.subject_ref, "second": asdict(second) | {"roles": sorted(second.roles)}}
    return {"sitting": sitting_ref, **both} | ({} if reason is None else {"reason": reason})


def _sitting_of(approval: Approval) -> str:
    return approval.subject.removeprefix("sitting:")


def _sheet_page(approval: Approval) -> str:
    return flask.url_for("results.sheet", sitting_ref=_sitting_of(approval))


def _have_approved(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    reason = json.loads(approval.params)["reason"] if approval.act == "correct" else None
    have_done(
        RELEASE if reason is None else CORRECTION,
        subject=approval.subject,
        page=_sheet_page(approval),
        asked=asked_by_two(_sitting_of(approval), first, second, reason),
        beside=partial(hand_over, second=second, now=now),
    )


def _said(approval: Approval, result: Mapping[str, Any]) -> str:
    return (_released if approval.act == "release" else _corrected)(result)[0][0]


RELEASES = ApprovalKind("release", terms_by_roles, _have_approved, _said, _sheet_page)
