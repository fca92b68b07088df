"""Use cases: mappings are saved, changed, and removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.certificates.uploads.columns import (
    EXAMPLE,
    STANDARD,
    MappedFile,
    kept_as,
    mapped,
    read_mapping,
    standard,
)
from cbt.certificates.uploads.models import UploadMapping
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict, NotFound
from cbt.web.refs import new_ref

MOST_MAPPINGS = 50


@dataclass(frozen=True, slots=True)
class MappingForm:
    """What a form says of a mapping: its name, its dates, and place, header, field and text of each line."""

    name: str
    dates: str
    lines: Sequence[tuple[str, str, str, str]]


def all_mappings(session: Session) -> list[MappedFile]:
    """Return the mapping that comes with the product, then the saved ones by name."""
    rows = session.scalars(select(UploadMapping).order_by(UploadMapping.name).limit(MOST_MAPPINGS))
    return [standard(str(_("certificates.upload.standard"))), *map(mapped, rows)]


def mapping_of(session: Session, ref: str) -> MappedFile:
    """Return a mapping; raise NotFound("certificate_file.unknown")."""
    if ref == STANDARD:
        return standard(str(_("certificates.upload.standard")))
    return mapped(_row(session, ref))


def keep_mapping(ref: str, form: MappingForm, *, now: datetime, actor: str) -> str:
    """Save a mapping, a new one without a ref, and return its ref.

    Raise what `read_mapping` raises, NotFound("certificate_file.unknown"), Conflict("certificate_file.taken"),
    ("certificate_file.too_many").

    Source: R-93.
    """
    name, dates, columns = read_mapping(form.name, form.dates, form.lines)
    values = {"name": name, "dates": dates, "columns": kept_as(columns)}
    try:
        with unit_of_work() as session:
            row = _row(session, ref, lock=True) if ref else None
            before = _told(mapped(row)) if row is not None else None
            if row is None:
                if len(session.scalars(select(UploadMapping.id).limit(MOST_MAPPINGS)).all()) >= MOST_MAPPINGS:
                    raise Conflict("certificate_file.too_many", maximum=MOST_MAPPINGS)
                row = UploadMapping(ref=new_ref("um", 10))
                session.add(row)
            for key, value in values.items():
                setattr(row, key, value)
            row.changed_at, row.changed_by = now, actor
            session.flush()
            after = _told(mapped(row))
            if before is None:
                record(
                    session,
                    at=now,
                    actor=actor,
                    act="certificate.mapping_make",
                    subject=row.logged_as,
                    after=after,
                )
            elif before != after:
                record(
                    session,
                    at=now,
                    actor=actor,
                    act="certificate.mapping_change",
                    subject=row.logged_as,
                    before=before,
                    after=after,
                )
            return row.ref
    except IntegrityError as error:
        raise Conflict("certificate_file.taken", field="name", name=name) from error


def remove_mapping(ref: str, *, now: datetime, actor: str) -> None:
    """Remove a mapping; raise NotFound("certificate_file.unknown")."""
    with unit_of_work() as session:
        row = _row(session, ref, lock=True)
        before = _told(mapped(row))
        session.delete(row)
        record(
            session,
            at=now,
            actor=actor,
            act="certificate.mapping_remove",
            subject=f"upload_mapping:{ref}",
            before=before,
        )


def _row(session: Session, ref: str, *, lock: bool = False) -> UploadMapping:
    query = select(UploadMapping).where(UploadMapping.ref == ref)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("certificate_file.unknown")
    return row


def _told(mapping: MappedFile) -> dict[str, str]:
    columns = ", ".join(f"{one.header}={one.text or one.field}" for one in mapping.columns)
    return {"name": mapping.name, "dates": mapping.day(EXAMPLE), "all_columns": columns}
