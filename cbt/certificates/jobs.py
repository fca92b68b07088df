"""The issue of certificates, their pages and the files made of them, as jobs; on record with their end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.certificates import register, unit_results
from cbt.certificates.register import CertificateSheet, issue
from cbt.certificates.uploads import read_choice, upload_file
from cbt.enrolment.body import body
from cbt.enrolment.units import own_unit
from cbt.http.i18n import local_day
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.printing.pdf import PDF
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in

NOTED_AT_ONCE = 25
"""Prints in one unit of work: each is counted, has a line of the log, and may keep its photo."""


def _print(work: Work) -> JobResult:
    """Print certificates as one file; each is noted as printed, a piece at a time, the last with the file's end."""
    reason, noted = work.asked["reason"], int(work.so_far.get("noted", 0))
    with reading() as session:
        sheets = register.sheets_of(session, work.asked["certificates"])
        address = body(session).look_up
    register.refuse_reprint(sheets[noted:], reason)
    made = register.certificates_paper(sheets, address)
    note, waiting = partial(_note, reason=reason, work=work), sheets[noted:]
    for piece in pieces_of(waiting[:-NOTED_AT_ONCE], size=NOTED_AT_ONCE):
        noted += len(piece)
        work.in_front(partial(_note_piece, note, piece, work=work, noted=noted))
        work.tell(noted, len(sheets))
    name = str(_("certificates.paper.title"))
    if len(sheets) == 1:
        name = f"{name}-{sheets[0].row.number}-{sheets[0].row.name}"
    else:
        name = f"{name}-{_('certificates.print.many.file', count=len(sheets))}"
    return JobResult(file=JobFile(f"{name}.pdf", PDF, made), record=partial(note, waiting[-NOTED_AT_ONCE:]))


def _note(sheets: Sequence[CertificateSheet], session: Session, *, reason: str, work: Work) -> None:
    for sheet in sheets:
        register.note_print(
            session, sheet.row.ref, photo=sheet.photo, reason=reason, now=work.now, actor=work.actor
        )


def _note_piece(
    note: Callable[[Sequence[CertificateSheet], Session], None],
    sheets: Sequence[CertificateSheet],
    *,
    work: Work,
    noted: int,
) -> None:
    with unit_of_work() as session:
        note(sheets, session)
        put_down_in(session, *work.keeping(noted=noted))


def _upload(work: Work) -> JobResult:
    return upload_file(
        read_choice(work.asked["choice"]),
        form=work.asked["form"],
        blanks=work.asked["blanks"],
        today=f"{local_day(work.now):%Y%m%d}",
        now=work.now,
        actor=work.actor,
    )


def _own_results(work: Work) -> JobResult:
    with reading() as session:
        unit = own_unit(session, work.principal.subject_id)
        lines = unit_results.own_lines(session, unit, of=work.asked["of"], now=work.now)
        name = unit.name
    day = local_day(work.now).isoformat()
    book = unit_results.own_book(lines, f"{name} · {day}")
    return JobResult(file=JobFile(f"{_('accounts.place.own_results')}-{day}.xlsx", XLSX, book))


PRINT = file_kind("certificate.print", (Role.OFFICER,), _print)
UPLOAD = file_kind("certificate.upload", (Role.OFFICER,), _upload)
OWN_RESULTS = file_kind("unit.results", (Role.UNIT_CLERK,), _own_results)


def _issue(work: Work) -> JobResult:
    level, people = work.asked["level"], work.asked["people"]
    numbers = issue(level, people, today=local_day(work.now), now=work.now, actor=work.actor, work=work)
    return JobResult({"count": len(numbers)})


def _issued(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(_("certificates.issued", count=outcome["count"])), "ok")]


ISSUE = JobKind("certificate.issue", frozenset({Role.OFFICER}), _issue, is_shared=True, said=_issued)
