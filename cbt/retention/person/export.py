"""The export of everything that is held on one person, and the erasure of what the law does not keep.

What is held is found row by row, as the foreign keys say; no key, no code and no hash is told.

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
from typing import Any

import flask
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Table, select, update
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Candidate, CandidatePhoto, Registration
from cbt.certificates.models import Certificate, CertificatePhoto
from cbt.certificates.service import PURPOSE as CERTIFICATE_PHOTO
from cbt.enrolment.applications.attachments import PHOTO, SCAN
from cbt.enrolment.applications.person import TOLD, told_of
from cbt.enrolment.body import body
from cbt.enrolment.models import Applicant
from cbt.errors import Conflict, Unavailable
from cbt.http.form_values import required
from cbt.http.i18n import local_text
from cbt.paths import product_dir
from cbt.personal.fields import DETAILS
from cbt.personal.identity import CORRECTION, DOCUMENT, QUERY, SHOWN
from cbt.results.retake_ledger import ledger_of
from cbt.retention.erasure import erase, referring, table_of
from cbt.retention.person.retained_data import HeldPerson, PersonStanding, person_by_ref, standing_of
from cbt.storage.crypto import open_bytes
from cbt.storage.unit_of_work import reading, unit_of_work

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


def gathered(session: Session, person: HeldPerson) -> GatheredData:
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


def _gather(session: Session, table: Table, condition: ColumnElement[bool], found: _Seen) -> None:
    if table.name in NOT_PERSONAL:
        return
    order = list(table.primary_key.columns)
    known = found.rows.setdefault(table.name, {})
    before = len(known)
    for row in session.execute(select(table).where(condition).order_by(*order)).mappings():
        known.setdefault(tuple(row[column] for column in order), row)
    if len(known) > before:
        for child, key in referring(table.name, all_of_them=True):
            _gather(session, child, key.parent.in_(select(key.column).where(condition)), found)


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


def export(ref: str, *, reason: str, today: date, now: datetime, actor: str) -> tuple[bytes, str]:
    """Return everything that is held on a person as an archive (a page, all rows as JSON, files), and the name.

    Raise NotFound("retention.person"), InvalidInput("retention.no_reason").

    Source: R-95.
    """
    reason = required(reason, "retention.no_reason", "why", limit=REASON)
    with reading() as session:
        person = person_by_ref(session, ref)
        found, name, subject = gathered(session, person), person.name, person.logged_as
        page = _page(session, person, found.rows, sorted(found.files), today=today, now=now)
    count = sum(map(len, found.rows.values()))
    with unit_of_work() as session:
        record(
            session,
            at=now,
            actor=actor,
            act="personal.export",
            subject=subject,
            reason=reason,
            after={"entries": count, "files": len(found.files)},
        )
    static = product_dir("static") / "ui"
    members = {
        f"{_PAGE}.html": page.encode(),
        f"{_LOOK}.css": b"\n".join((static / f"{one}.css").read_bytes() for one in _SHEETS),
        "data.json": json.dumps(found.rows, ensure_ascii=False, indent=1).encode(),
        **found.files,
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member, _DAY), content)
    return target.getvalue(), name


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


def _erase(session: Session, person: HeldPerson, standing: PersonStanding) -> int:
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
    person: HeldPerson,
    rows: Mapping[str, Any],
    files: list[str],
    *,
    today: date,
    now: datetime,
) -> str:
    page = flask.current_app.jinja_env.get_template("retention/person/export.html")
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


def _typed(told: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what was typed of somebody, each with its label; codes in words where they have any."""
    found = []
    for name, value in told.items():
        label = DETAILS[name].label if name in DETAILS else f"enrolment.person.{name}"
        label = _("retention.data.stated_on" if name == "stated_on" else label)
        known = f"enrolment.{name}.{value}"
        words = str(_(known))
        found.append((str(label), value if words == known else words))
    return found


def _exams(session: Session, person: HeldPerson) -> list[TakenExam]:
    if person.candidate is None:
        return []
    found = []
    for taken in ledger_of(session, [person.candidate.id]).values():
        for one in taken:
            registration: Registration = one.registration
            paper = blueprint_of(session, registration.blueprint_version_id).papers[registration.paper].label
            result = one.result
            outcome = result.outcome if result is not None else ""
            score = f"{result.score:f}" if result is not None and result.score is not None else ""
            found.append(TakenExam(one.sitting.name, paper, local_text(one.exam_at), outcome, score))
    return found


def _certificates(session: Session, person: HeldPerson) -> list[Certificate]:
    if person.candidate is None:
        return []
    query = select(Certificate).where(Certificate.candidate_id == person.candidate.id)
    return list(session.scalars(query.order_by(Certificate.id)))
