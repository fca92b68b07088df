"""Everything that is held on one person, row by row, as the foreign keys say; no key, no code, no hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Table, select
from sqlalchemy.orm import Session

from cbt.candidates.models import CandidatePhoto
from cbt.certificates.models import CertificatePhoto
from cbt.certificates.photos import PURPOSE as CERTIFICATE_PHOTO
from cbt.db.private.sealing import open_bytes
from cbt.enrolment.applications.form import TOLD
from cbt.enrolment.attached.store import PHOTO, SCAN
from cbt.errors import Unavailable
from cbt.personal.fields import DETAILS
from cbt.personal.numbers import CORRECTION, DOCUMENT, QUERY, SHOWN
from cbt.retention.person.finding import HeldPerson
from cbt.retention.reach import referring, table_of

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
