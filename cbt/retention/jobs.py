"""A person's own data, the statement of what stays of them and the record of a destruction, as jobs."""

from __future__ import annotations

from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.enrolment.body import issuing_body
from cbt.errors import Conflict
from cbt.http.i18n import local_day
from cbt.jobs.registry import JobFile, JobResult, Work, file_kind
from cbt.printing.pdf import PDF, pdf
from cbt.retention import personal_data
from cbt.retention.destruction import DONE, destruction_by_ref, destruction_paper, shown
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


def _export(work: Work) -> JobResult:
    return personal_data.export(
        work.asked["person"],
        reason=work.asked["reason"],
        today=local_day(work.now),
        now=work.now,
        actor=work.actor,
    )


def _statement(work: Work) -> JobResult:
    today = local_day(work.now)
    with reading() as session:
        person = personal_data.person_by_ref(session, work.asked["person"])
        standing = personal_data.standing_of(session, person, today=today)
        issued_by = issuing_body(session).name
    data = personal_data.statement_paper(person, standing, body=issued_by, day=today)
    made = pdf("verdict", data, language=str(get_locale()))
    return JobResult(file=JobFile(f"{_('retention.statement')}-{person.name}.pdf", PDF, made))


def _destruction(work: Work) -> JobResult:
    with reading() as session:
        row = destruction_by_ref(session, work.asked["destruction"])
        if row.state != DONE:
            raise Conflict("retention.not_done")
        issuing_body(session)
        destruction = shown(session, row)
    made = pdf("verdict", destruction_paper(destruction), language=str(get_locale()))
    return JobResult(file=JobFile(f"{_('retention.paper.title')}-{destruction.batch.name}.pdf", PDF, made))


PERSON_EXPORT = file_kind("person.export", (Role.OFFICER,), _export)
PERSON_STATEMENT = file_kind("person.statement", (Role.OFFICER,), _statement)
DESTRUCTION_RECORD = file_kind("retention.record", READERS, _destruction)
