"""The issue of certificates, their pages and the files made of them, as jobs; on record with their end."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask_babel import gettext as _

from cbt.certificates import service, unit_results
from cbt.certificates.models import Certificate
from cbt.certificates.service import certificate_paper, issue, photo_on
from cbt.certificates.uploads import read_choice, upload_file
from cbt.enrolment.body import body
from cbt.enrolment.units import own_unit
from cbt.http.i18n import local_day
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.printing.pdf import PDF
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading


def _print(work: Work) -> JobResult:
    ref = work.asked["certificate"]
    with reading() as session:
        row = Certificate.by_ref(session, ref, unknown="certificate.unknown")
        photo, address = photo_on(session, row), body(session).look_up
    made = certificate_paper(row, photo, address)
    note = partial(
        service.note_print,
        ref=ref,
        photo=photo,
        reason=work.asked["reason"],
        now=work.now,
        actor=work.actor,
    )
    name = f"{_('certificates.paper.title')}-{row.number}-{row.name}.pdf"
    return JobResult(file=JobFile(name, PDF, made), record=note)


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
