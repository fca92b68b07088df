"""What somebody typed into a form whose login was over when it arrived: kept for them alone, for half an hour.

It is sealed under `personal.key` for one account, nothing is carried out of it, and only that account, signed in
again, is shown it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from cbt.db.pieces import pieces_of
from cbt.db.private.sealing import open_bytes, seal_bytes
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.web.refs import new_ref
from cbt.web.sent.models import KeptForm, KeptFormPart

KEPT = timedelta(minutes=30)
MOST_OF_ACCOUNT = 3
"""The latest of an account; a fourth takes the place of the oldest."""
PART_BYTES = 1024 * 1024
"""So much is written in one go: nobody's save waits for a large file."""
FORGOTTEN_TOGETHER = 2
"""So many parts go in one unit of work."""


class KeptFile(msgspec.Struct, frozen=True):
    """A file of a kept form."""

    field: str
    name: str
    mimetype: str
    body: bytes


class KeptContent(msgspec.Struct, frozen=True):
    """What a kept form holds."""

    fields: list[tuple[str, str]]
    files: list[KeptFile]


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept form and what it holds."""

    ref: str
    subject_ref: str
    path: str
    page: str
    kept_at: datetime
    content: KeptContent


def keep(subject_ref: str, *, path: str, page: str, content: KeptContent, now: datetime) -> str:
    """Keep a form of `subject_ref` and return its ref."""
    packed, ref = msgspec.msgpack.encode(content), new_ref("kf")
    parts = [packed[start : start + PART_BYTES] for start in range(0, len(packed), PART_BYTES)]
    sealed = [seal_bytes(part, _purpose(subject_ref, ref, number)) for number, part in enumerate(parts)]
    with reading() as session:
        former = [row.id for row in _of(session, subject_ref)[MOST_OF_ACCOUNT - 1 :]]
    _forget(former)
    with unit_of_work() as session:
        row = KeptForm(ref=ref, subject_ref=subject_ref, kept_at=now, path=path, page=page, parts=len(parts))
        session.add(row)
        session.flush()
        kept_id = row.id
    for number, part in enumerate(sealed):
        with unit_of_work() as session:
            session.add(KeptFormPart(kept_id=kept_id, number=number, sealed=part))
    return ref


def kept(ref: str, subject_ref: str, *, now: datetime) -> Kept | None:
    """Return a form that is kept for `subject_ref`; None when there is none any more, or it is another's."""
    with reading() as session:
        row = session.scalar(select(KeptForm).where(KeptForm.ref == ref, KeptForm.subject_ref == subject_ref))
        if row is None or now >= row.kept_at + KEPT:
            return None
        parts = session.scalars(
            select(KeptFormPart.sealed).where(KeptFormPart.kept_id == row.id).order_by(KeptFormPart.number)
        ).all()
    if len(parts) < row.parts:
        return None  # whoever kept it did not come to its end
    packed = b"".join(
        open_bytes(part, _purpose(subject_ref, ref, number)) for number, part in enumerate(parts)
    )
    content = msgspec.msgpack.decode(packed, type=KeptContent)
    return Kept(row.ref, subject_ref, row.path, row.page, row.kept_at, content)


def waiting(session: Session, subject_ref: str, *, now: datetime) -> Sequence[KeptForm]:
    """Return the forms that are kept for `subject_ref`, the latest first."""
    return [row for row in _of(session, subject_ref) if now < row.kept_at + KEPT]


def forget(ref: str, subject_ref: str) -> None:
    """Forget a kept form; another's stays."""
    with reading() as session:
        own = [row.id for row in _of(session, subject_ref) if row.ref == ref]
    _forget(own)


def purge_kept(*, now: datetime, most: int) -> int:
    """Forget the forms whose time is over, at most `most`; return how many."""
    with reading() as session:
        over = session.scalars(select(KeptForm.id).where(KeptForm.kept_at <= now - KEPT).limit(most)).all()
    _forget(over)
    return len(over)


def _of(session: Session, subject_ref: str) -> Sequence[KeptForm]:
    return session.scalars(
        select(KeptForm).where(KeptForm.subject_ref == subject_ref).order_by(KeptForm.id.desc())
    ).all()


def _forget(kept_ids: Sequence[int]) -> None:
    """Forget forms, a part or two at a time: one may hold twenty large ones. What lacks a part is kept no more.

    Source: I13.
    """
    with reading() as session:
        parts = session.execute(
            select(KeptFormPart.kept_id, KeptFormPart.number)
            .where(KeptFormPart.kept_id.in_(kept_ids))
            .order_by(KeptFormPart.kept_id, KeptFormPart.number)
        ).all()
    key = tuple_(KeptFormPart.kept_id, KeptFormPart.number)
    for piece in pieces_of(parts, size=FORGOTTEN_TOGETHER):
        with unit_of_work() as session:
            session.execute(delete(KeptFormPart).where(key.in_([tuple(one) for one in piece])))
    if kept_ids:
        with unit_of_work() as session:
            session.execute(delete(KeptFormPart).where(KeptFormPart.kept_id.in_(kept_ids)))
            session.execute(delete(KeptForm).where(KeptForm.id.in_(kept_ids)))


def _purpose(subject_ref: str, ref: str, number: int) -> str:
    return f"kept form {subject_ref} {ref} {number}"
