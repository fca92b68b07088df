"""The retained data of one person: found, exported whole, and erased where the law does not keep it.

A person is the candidate and everybody who was applied for under the same document number.

Source: R-95.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import flask
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Table, exists, func, select, update
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration
from cbt.certificates.models import Certificate, CertificatePhoto
from cbt.certificates.register import PURPOSE as CERTIFICATE_PHOTO
from cbt.enrolment.applications.attachments import PHOTO, SCAN
from cbt.enrolment.applications.person import TOLD, told_of
from cbt.enrolment.body import body
from cbt.enrolment.models import Applicant, FeeCharge, UnitApplication
from cbt.errors import Conflict, NotFound, Unavailable
from cbt.http.form_values import required
from cbt.http.i18n import local_text
from cbt.jobs.registry import JobFile, JobResult
from cbt.paths import product_dir
from cbt.personal import CORRECTION, DETAILS, QUERY, SHOWN, Erasure, document_index
from cbt.results.retake_ledger import ledger_of
from cbt.retention.due_batches import due_batch, kept_years, standing_hold
from cbt.retention.erasure import erase, referring, table_of
from cbt.rules.certificates import grouped
from cbt.rules.door import plain_name
from cbt.rules.states import ApplicationState, SittingState
from cbt.sittings.models import Batch, Sitting
from cbt.storage.crypto import DOCUMENT, open_bytes
from cbt.storage.unit_of_work import reading, unit_of_work


@dataclass(frozen=True, slots=True)
class RetainedPerson:
    """Who somebody is in the records: a candidate, applied for, or both."""

    candidate: Candidate | None
    applicants: Sequence[Applicant]

    @property
    def _one(self) -> Candidate | Applicant:
        return self.candidate or self.applicants[-1]

    @property
    def ref(self) -> str:
        return self._one.ref

    @property
    def logged_as(self) -> str:
        return self._one.logged_as

    @property
    def name(self) -> str:
        return self._one.name

    @property
    def document(self) -> str:
        return self._one.document_masked

    @property
    def document_type(self) -> str:
        return self._one.document_type


def person_by_number(session: Session, number: str, name: str) -> RetainedPerson:
    """Return whose number and name these are; raise NotFound("retention.person") for nobody."""
    person = _of_index(session, document_index(number)) if number.strip() else None
    if person is None or plain_name(person.name) != plain_name(name):
        raise NotFound("retention.person")
    return person


def person_by_ref(session: Session, ref: str) -> RetainedPerson:
    """Return the person of a ref; raise NotFound("retention.person")."""
    index = session.scalar(select(Candidate.document_index).where(Candidate.ref == ref)) or session.scalar(
        select(Applicant.document_index).where(Applicant.ref == ref)
    )
    person = _of_index(session, index) if index else None
    if person is None:
        raise NotFound("retention.person")
    return person


def _of_index(session: Session, index: str) -> RetainedPerson | None:
    candidate = session.scalar(select(Candidate).where(Candidate.document_index == index))
    query = select(Applicant).where(Applicant.document_index == index).order_by(Applicant.id)
    applicants = session.scalars(query).all()
    return RetainedPerson(candidate, applicants) if candidate is not None or applicants else None


_ENDED = (ApplicationState.WITHDRAWN.value, ApplicationState.REFUSED.value)
_ON_REQUEST = {name: detail for name, detail in DETAILS.items() if detail.erased is Erasure.ON_REQUEST}
_OVER = (SittingState.RELEASED.value, SittingState.CANCELLED.value, SittingState.ABORTED.value)


@dataclass(frozen=True, slots=True)
class StayingData:
    """Something that stays: what, why, and until when, in words."""

    what: str
    why: str
    until: str


@dataclass(frozen=True, slots=True)
class PersonStanding:
    """What stays of a person, and what can be erased: applications that came to nothing, details of the person.

    `details` says how often each of those that go on request is held.
    """

    stays: Sequence[StayingData]
    applicants: Sequence[Applicant]
    details: Mapping[str, int]

    @property
    def erasable(self) -> bool:
        return bool(self.applicants or self.details)


def standing_of(session: Session, person: RetainedPerson, *, today: date) -> PersonStanding:
    """Return what stays of a person and what can be erased. Source: R-95."""
    ended, open_ones = _applications(session, person)
    busy = bool(open_ones) or _is_registered(session, person)
    stays = [*_batches(session, person, today), *_open(open_ones), *_register(session, person)]
    if busy:
        stays += [_staying(name, _("retention.until.over")) for name in _ON_REQUEST]
    ids = [one.id for one in person.applicants]
    if session.scalar(select(exists().where(FeeCharge.applicant_id.in_(ids)))):
        stays.append(_staying("fees", _("retention.until.accounts")))
    stays.append(_staying("log", _("retention.until.log")))
    return PersonStanding(stays, ended, {} if busy else _erasable(person, ended))


def _erasable(person: RetainedPerson, ended: Sequence[Applicant]) -> dict[str, int]:
    held: list[Applicant | Candidate] = [one for one in person.applicants if one not in ended]
    held += [person.candidate] if person.candidate is not None else []
    counts = {
        name: sum(bool(getattr(one, field.column)) for one in held) for name, field in _ON_REQUEST.items()
    }
    return {name: count for name, count in counts.items() if count}


def _applications(
    session: Session, person: RetainedPerson
) -> tuple[list[Applicant], list[tuple[Applicant, UnitApplication]]]:
    """Return the applicants of applications that came to nothing, and those of applications under way."""
    ended, open_ones = [], []
    for applicant in person.applicants:
        application = session.get_one(UnitApplication, applicant.application_id)
        if application.batch_id is not None:
            continue
        if application.state in _ENDED:
            ended.append(applicant)
        else:
            open_ones.append((applicant, application))
    return ended, open_ones


def _is_registered(session: Session, person: RetainedPerson) -> bool:
    """Return whether a result of this person is still to come."""
    if person.candidate is None:
        return False
    query = (
        select(func.count())
        .select_from(Registration)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Registration.candidate_id == person.candidate.id, Sitting.state.not_in(_OVER))
    )
    return bool(session.scalar(query))


def _batches(session: Session, person: RetainedPerson, today: date) -> list[StayingData]:
    candidate = person.candidate.id if person.candidate is not None else 0
    ids = [one.application_id for one in person.applicants]
    mine = exists().where(AdmissionTicket.batch_id == Batch.id, AdmissionTicket.candidate_id == candidate)
    applied = exists().where(UnitApplication.batch_id == Batch.id, UnitApplication.id.in_(ids))
    years = kept_years(session).electronic
    staying = []
    for batch in session.scalars(select(Batch).where(mine | applied).order_by(Batch.id)):
        due = due_batch(session, batch).electronic_on
        if standing_hold(session, batch.id) is not None:
            until = _("retention.until.hold")
        elif due <= today:
            until = _("retention.until.due", day=due)
        else:
            until = _("retention.until.day", day=due)
        staying.append(_staying("batch", until, batch=batch.name, years=years))
    return staying


def _open(applications: Sequence[tuple[Applicant, UnitApplication]]) -> list[StayingData]:
    return [
        _staying("application", _("retention.until.application"), ref=one.number)
        for _person, one in applications
    ]


def _register(session: Session, person: RetainedPerson) -> list[StayingData]:
    if person.candidate is None:
        return []
    query = select(Certificate.number).where(Certificate.candidate_id == person.candidate.id)
    return [
        _staying("certificate", _("retention.until.register"), number=grouped(number))
        for number in session.scalars(query.order_by(Certificate.id))
    ]


def _staying(what: str, until: str, **args: object) -> StayingData:
    return StayingData(
        str(_(f"retention.stays.{what}", **args)), str(_(f"retention.why.{what}", **args)), str(until)
    )


def statement_paper(
    person: RetainedPerson, standing: PersonStanding, *, body: str, day: date
) -> dict[str, Any]:
    """Return the statement for a person. Source: R-95."""
    return {
        "title": _("retention.statement"),
        "foot": f"{body} · {person.ref}",
        "sub": body,
        "good": not standing.erasable,
        "verdict": _("retention.statement.open" if standing.erasable else "retention.statement.erased"),
        "reasons": [],
        "facts": [
            [_("certificates.name"), person.name],
            [_("certificates.document"), person.document],
            [_("retention.number"), person.ref],
            [_("retention.statement.day"), day.isoformat()],
        ],
        "parts": [
            {
                "title": _("retention.stays"),
                "widths": [3, 4, 3],
                "heads": [_("retention.what"), _("retention.why"), _("retention.until")],
                "rows": [[one.what, one.why, one.until] for one in standing.stays],
            }
        ],
        "note": _("retention.statement.note"),
        "words": {
            "title": _("retention.statement"),
            "signatures": [_("retention.statement.clerk"), _("retention.paper.seal")],
            "page": _("candidates.print.page", number="{n}", count="{of}"),
        },
    }


# The export of everything that is held on one person, and the erasure of what the law does not keep.
#
# What is held is found row by row, as the foreign keys say; no key, no code and no hash is told.
#
# Source: R-95.

NOT_PERSONAL = frozenset({"form", "look_up_key", "packed_paper", "arrangement", "attempt_live", "fee_match"})
"""What says nothing of a person, or what nobody may be told: papers hold keys."""
_SECRET = ("_hash", "_index", "_digest", "_mac", "lease_", "login_code", "sha256", "_id")
_NAMES = frozenset({"id", "sheet", "layout", "seal", "statement", "public_key", "digest", "by", "actor"})
"""Columns that are the machine's own, that name staff, or that hold keys of papers."""
_SEALED: Mapping[str, str] = {
    "document_sealed": DOCUMENT,
    **{detail.column: detail.sealed for detail in DETAILS.values() if detail.sealed},
    "told_sealed": TOLD,
    "document_last_four_sealed": SHOWN,
    "query_words_sealed": QUERY,
}
_TEXT_TABLES: Mapping[str, str] = {"correction": CORRECTION}
_FILES: Mapping[str, tuple[str, str]] = {
    CandidatePhoto.__tablename__: ("image", ""),
    CertificatePhoto.__tablename__: ("sealed", CERTIFICATE_PHOTO),
    "applicant_photo": ("sealed", PHOTO),
    "evidence_scan": ("sealed", SCAN),
}
"""Tables of files: the column, and for what it is sealed."""
_ENDINGS = {"application/pdf": "pdf", "image/png": "png"}
Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GatheredData:
    """What is held: rows by table, and files by name."""

    rows: Mapping[str, Sequence[Told]]
    files: Mapping[str, bytes]


@dataclass(slots=True)
class _Seen:
    """The rows that were found, each once however many ways lead to it."""

    rows: dict[str, dict[tuple[Any, ...], Mapping[Any, Any]]] = field(default_factory=dict)


def gathered(session: Session, person: RetainedPerson) -> GatheredData:
    """Return everything that is held on a person. Source: R-95."""
    seen = _Seen()
    candidate, applicant = table_of("candidate"), table_of("applicant")
    if person.candidate is not None:
        _gather(session, candidate, candidate.c.id == person.candidate.id, seen)
    _gather(session, applicant, applicant.c.id.in_([one.id for one in person.applicants]), seen)
    files: dict[str, bytes] = {}
    for name in _FILES:
        for number, row in enumerate(seen.rows.get(name, {}).values(), 1):
            files |= _file(name, number, row)
    rows = {
        name: [dict(_told(table_of(name), row)) for row in known.values()]
        for name, known in sorted(seen.rows.items())
        if known
    }
    return GatheredData(rows, files)


def _gather(session: Session, table: Table, condition: ColumnElement[bool], seen: _Seen) -> None:
    if table.name in NOT_PERSONAL:
        return
    order = list(table.primary_key.columns)
    rows = seen.rows.setdefault(table.name, {})
    before = len(rows)
    for row in session.execute(select(table).where(condition).order_by(*order)).mappings():
        rows.setdefault(tuple(row[column] for column in order), row)
    if len(rows) > before:
        for child, key in referring(table.name, all_of_them=True):
            _gather(session, child, key.parent.in_(select(key.column).where(condition)), seen)


def _told(table: Table, row: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for column in table.columns:
        name, value = column.name, row[column]
        if name in _SEALED:
            yield name.removesuffix("_sealed"), _opened(value, _SEALED[name])
        elif table.name in _TEXT_TABLES and name == "sealed":
            yield "said", _opened(value, _TEXT_TABLES[table.name])
        elif name in _NAMES or name.endswith("_by") or isinstance(value, bytes):
            continue
        elif not any(part in name for part in _SECRET):
            yield name, _plain(value)


def _opened(sealed: bytes | None, purpose: str) -> str | None:
    if sealed is None:
        return None
    try:
        return open_bytes(sealed, purpose).decode()
    except Unavailable:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return (
        str(value) if isinstance(value, Decimal) or not isinstance(value, str | int | bool | None) else value
    )


def _file(table: str, number: int, row: Mapping[Any, Any]) -> dict[str, bytes]:
    column, purpose = _FILES[table]
    of_table = table_of(table)
    content = row[of_table.c[column]]
    try:
        body = open_bytes(content, purpose) if purpose else content
    except Unavailable:
        return {}
    mimetype = str(row[of_table.c.mimetype]) if "mimetype" in of_table.c else ""
    return {f"{table}-{number}.{_ENDINGS.get(mimetype, 'jpg')}": body}


REASON = 300
ZIP = "application/zip"
_PAGE, _LOOK = "index", "page"
_SHEETS = ("tokens", "base", "parts", "data")
_DAY = (1980, 1, 1, 0, 0, 0)
"""Of every file in the archive: it says nothing of when."""


@dataclass(frozen=True, slots=True)
class TakenExam:
    """An exam of somebody, as their own data show it."""

    name: str
    paper: str
    at: str
    outcome: str
    score: str


def export(ref: str, *, reason: str, today: date, now: datetime, actor: str) -> JobResult:
    """Return everything that is held on a person as an archive (a page, all rows as JSON, files).

    Raise NotFound("retention.person"), InvalidInput("retention.no_reason").

    Source: R-95.
    """
    reason = required(reason, "retention.no_reason", "why", limit=REASON)
    with reading() as session:
        person = person_by_ref(session, ref)
        gathered_data, name, subject = gathered(session, person), person.name, person.logged_as
        page = _page(session, person, gathered_data.rows, sorted(gathered_data.files), today=today, now=now)
    count = sum(map(len, gathered_data.rows.values()))
    static = product_dir("static") / "ui"
    members = {
        f"{_PAGE}.html": page.encode(),
        f"{_LOOK}.css": b"\n".join((static / f"{one}.css").read_bytes() for one in _SHEETS),
        "data.json": json.dumps(gathered_data.rows, ensure_ascii=False, indent=1).encode(),
        **gathered_data.files,
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member, _DAY), content)
    note = partial(
        record,
        at=now,
        actor=actor,
        act="personal.export",
        subject=subject,
        reason=reason,
        after={"entries": count, "files": len(gathered_data.files)},
    )
    return JobResult(
        file=JobFile(f"{_('retention.person.title')}-{name}.zip", ZIP, target.getvalue()), record=note
    )


def erase_person(ref: str, *, reason: str, today: date, now: datetime, actor: str) -> bool:
    """Erase what the law does not keep of a person; say whether anything of them is left.

    Raise NotFound("retention.person"), InvalidInput("retention.no_reason"), Conflict("retention.nothing") where
    nothing can be erased.

    Source: R-95.
    """
    reason = required(reason, "retention.no_reason", "reason", limit=REASON)
    with unit_of_work() as session:
        person = person_by_ref(session, ref)
        standing = standing_of(session, person, today=today)
        if not standing.erasable:
            raise Conflict("retention.nothing")
        gone = _erase(session, person, standing)
        record(
            session,
            at=now,
            actor=actor,
            act="personal.erase",
            subject=person.logged_as,
            reason=reason,
            after={**{f"{name}s": count for name, count in standing.details.items()}, "erased": gone},
        )
        return person.candidate is not None or len(person.applicants) > len(standing.applicants)


def _erase(session: Session, person: RetainedPerson, standing: PersonStanding) -> int:
    counts: Counter[str] = Counter()
    table = table_of("applicant")
    erase(session, table, table.c.id.in_([one.id for one in standing.applicants]), counts)
    for name in standing.details:
        bare = {DETAILS[name].column: DETAILS[name].nothing}
        left = [one.id for one in person.applicants if one not in standing.applicants]
        session.execute(update(Applicant).where(Applicant.id.in_(left)).values(bare))
        if person.candidate is not None:
            session.execute(update(Candidate).where(Candidate.id == person.candidate.id).values(bare))
    return sum(counts.values())


def _page(
    session: Session,
    person: RetainedPerson,
    rows: Mapping[str, Any],
    files: list[str],
    *,
    today: date,
    now: datetime,
) -> str:
    page = flask.current_app.jinja_env.get_template("retention/personal_data/export.html")
    return page.render(
        language=str(get_locale()),
        person=person,
        facts=_facts((rows.get("candidate") or rows.get("applicant") or ({},))[0]),
        told=[_typed(told_of(one) or {}) for one in person.applicants],
        exams=_exams(session, person),
        certificates=_certificates(session, person),
        standing=standing_of(session, person, today=today),
        counts={name: len(found) for name, found in rows.items()},
        files=files,
        body=body(session).name,
        at=local_text(now),
    )


def _facts(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is known of somebody beside the name, each with its label, in full."""
    document = (str(_("retention.data.document")), str(row.get("document") or ""))
    details = [(detail.title, detail.worded(row.get(name) or "")) for name, detail in DETAILS.items()]
    return [document, *details]


def _typed(answers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what was typed of somebody, each with its label; codes in words where they have any."""
    facts = []
    for name, value in answers.items():
        label = DETAILS[name].label if name in DETAILS else f"enrolment.person.{name}"
        label = _("retention.data.stated_on" if name == "stated_on" else label)
        message_id = f"enrolment.{name}.{value}"
        words = str(_(message_id))
        facts.append((str(label), value if words == message_id else words))
    return facts


def _exams(session: Session, person: RetainedPerson) -> list[TakenExam]:
    if person.candidate is None:
        return []
    exams = []
    for taken in ledger_of(session, [person.candidate.id]).values():
        for entry in taken:
            registration: Registration = entry.registration
            paper = blueprint_of(session, registration.blueprint_version_id).papers[registration.paper].label
            result = entry.result
            outcome = result.outcome if result is not None else ""
            score = f"{result.score:f}" if result is not None and result.score is not None else ""
            exams.append(TakenExam(entry.sitting.name, paper, local_text(entry.exam_at), outcome, score))
    return exams


def _certificates(session: Session, person: RetainedPerson) -> list[Certificate]:
    if person.candidate is None:
        return []
    query = select(Certificate).where(Certificate.candidate_id == person.candidate.id)
    return list(session.scalars(query.order_by(Certificate.id)))
