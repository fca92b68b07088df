"""Files of the result desk, and the order of a matrix's columns, as jobs; each export is put on record."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import flask
import msgspec
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.chain import head_of
from cbt.http.i18n import local_day
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.printing.pdf import PDF
from cbt.results.analysis.job import kept_file
from cbt.results.analysis.scope import AnalysisScope
from cbt.results.desk import documents, scope
from cbt.results.desk.centre import centres_in
from cbt.results.desk.dossier import dossier_of
from cbt.results.desk.matrix import Facilities, facilities_of
from cbt.results.desk.oneroster import oneroster_zip
from cbt.results.desk.qti import qti_zip
from cbt.results.desk.result_table import table_file
from cbt.results.desk.scope import ResultScope, released_results
from cbt.results.sheet.page import note_printed
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

READERS = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR})
KEY_READERS = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR})
"""Who sees keys: those who decide on appeals and rulings; an inspector sees what was earned."""
ZIP = "application/zip"


def _dossier(work: Work) -> JobResult:
    """Print the dossier of a person's paper, with keys for whoever may see them when it is made."""
    with reading() as session:
        dossier = dossier_of(session, work.asked["registration"])
    made = documents.dossier_print(dossier, with_key=work.principal.has(*KEY_READERS))
    name = f"{_('desk.dossier.title')}-{dossier.line.row.candidate.name}-{dossier.line.row.ticket_number}"
    subject = dossier.registration.logged_as
    return JobResult(
        file=JobFile(f"{name}.pdf", PDF, made),
        record=partial(note_printed, subject=subject, now=work.now, actor=work.actor, document="dossier"),
    )


def _scope(work: Work) -> ResultScope:
    with reading() as session:
        return scope.scope_of(session, work.asked["scope"], work.asked["ref"])


def _note_export(
    session: Session, *, of: ResultScope, form: str, people: int, now: datetime, actor: str
) -> None:
    """Put on record that somebody had released results as a file."""
    after = {"people": people, "file": form, "released": True}
    chain.record(session, at=now, actor=actor, act="results.export", subject=of.subject, after=after)


def _qti(work: Work) -> JobResult:
    of = _scope(work)
    with reading() as session:
        results = released_results(session, of.sitting_ids)
    body, count = qti_zip(results, tell=work.tell)
    note = partial(_note_export, of=of, form="qti", people=count, now=work.now, actor=work.actor)
    return JobResult(file=JobFile(_named(of, "qti3", work, "zip"), ZIP, body), record=note)


def _oneroster(work: Work) -> JobResult:
    of = _scope(work)
    with reading() as session:
        results = released_results(session, of.sitting_ids)
    body = oneroster_zip(of, results)
    note = partial(_note_export, of=of, form="oneroster", people=len(results), now=work.now, actor=work.actor)
    return JobResult(file=JobFile(_named(of, "oneroster", work, "zip"), ZIP, body), record=note)


def _table(work: Work) -> JobResult:
    asked = work.asked
    return table_file(
        asked["scope"],
        asked["ref"],
        asked["mapping"],
        form=asked["form"],
        blanks=asked["blanks"],
        now=work.now,
        actor=work.actor,
    )


def _centre(work: Work) -> JobResult:
    of = _scope(work)
    centres = centres_in(of)
    with reading() as session:
        head = head_of(session)
    made = documents.centre_print(of.name, centres, head=_("results.head", head=head) if head else "")
    name = _named(of, str(_("desk.centre.title")), work, "pdf")
    return JobResult(
        file=JobFile(name, PDF, made),
        record=partial(
            note_printed, subject=of.subject, now=work.now, actor=work.actor, document="centre_report"
        ),
    )


def _named(of: ResultScope, what: str, work: Work, end: str) -> str:
    return f"{what}-{of.name}-{local_day(work.now):%Y%m%d}.{end}"


def _facilities(work: Work) -> JobResult:
    ref = work.asked["ref"]
    found = facilities_of(ref)
    return JobResult(file=JobFile(f"matrix-{ref}.json", "application/json", msgspec.json.encode(found)))


def _matrix_page(_ref: str, asked: Mapping[str, Any], _outcome: Mapping[str, Any]) -> str:
    return flask.url_for("results.desk.sitting", sitting_ref=asked["ref"])


DOSSIER_PRINT = file_kind("results.dossier", READERS, _dossier)
QTI = file_kind("results.qti", (Role.OFFICER,), _qti, is_lasting=True)
ONEROSTER = file_kind("results.oneroster", (Role.OFFICER,), _oneroster)
TABLE = file_kind("results.table", (Role.OFFICER,), _table)
CENTRE = file_kind("results.centre", READERS, _centre)
MATRIX = JobKind(
    "results.matrix", READERS, _facilities, is_shared=True, is_act=False, result_page=_matrix_page
)
JOBS: Collection[JobKind] = (DOSSIER_PRINT, QTI, ONEROSTER, TABLE, CENTRE, MATRIX)
FILES: Mapping[str, JobKind] = {"qti": QTI, "oneroster": ONEROSTER, "centre": CENTRE}
"""What a sitting or a batch is sent as, by its place in an address."""


def kept_facilities(of: AnalysisScope, *, now: datetime) -> Facilities | None:
    """Return the figures that were worked out of what is there now; None for none."""
    file = kept_file(MATRIX.code, of, now=now)
    return None if file is None else facilities_in(file)


def facilities_in(file: JobFile) -> Facilities:
    return msgspec.json.decode(file.body, type=Facilities)
