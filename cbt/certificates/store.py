"""Queries of the certificates: who waits for one, and the register."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.candidates.models import Candidate, Registration
from cbt.certificates.models import ONLY, Certificate, CertificateParts
from cbt.results.models import Result
from cbt.rules.certificates import normalise_number
from cbt.rules.retake import PaperOutcome
from cbt.storage.paging import ListPage, PageSpan
from cbt.storage.prepared import KnownSelect

REGISTER_PAGE = 50


def parts_of(session: Session, *, lock: bool = False) -> CertificateParts | None:
    """Return the parts that the numbers share, None before they are set; `lock` while a number is taken."""
    return session.get(CertificateParts, ONLY, with_for_update=lock or None)


def last_number(session: Session, head: str) -> str | None:
    """Return the last number that begins like this; all numbers are of one length, so the largest text."""
    return session.scalar(select(func.max(Certificate.number)).where(Certificate.number.startswith(head)))


def _stands(candidate: InstrumentedAttribute[int], level: str) -> ColumnElement[bool]:
    return exists().where(
        Certificate.candidate_id == candidate,
        Certificate.blueprint_ref == level,
        Certificate.revoked_at.is_(None),
    )


def certified(session: Session, level: str, people: Collection[int]) -> set[int]:
    """Return who of these people has a certificate of a level that stands."""
    query = select(Certificate.candidate_id).where(
        Certificate.candidate_id.in_(people),
        Certificate.blueprint_ref == level,
        Certificate.revoked_at.is_(None),
    )
    return set(session.scalars(query))


def waiting(session: Session, level: str, *, page: int) -> ListPage[Candidate]:
    """Return a page of those with a released pass of a level and no certificate, those who passed most first."""
    passed = (
        select(Registration.candidate_id, func.count(Registration.paper.distinct()).label("papers"))
        .join(Result, Result.registration_id == Registration.id)
        .where(
            Registration.blueprint_ref == level,
            Result.outcome == PaperOutcome.PASSED.value,
            ~_stands(Registration.candidate_id, level),
        )
        .group_by(Registration.candidate_id)
        .subquery()
    )
    count = session.scalar(select(func.count()).select_from(passed)) or 0
    span = PageSpan(count, REGISTER_PAGE, page)
    query = (
        select(Candidate)
        .join(passed, passed.c.candidate_id == Candidate.id)
        .order_by(passed.c.papers.desc(), Candidate.id)
    )
    return span.of(session.scalars(span.cut(query)).all())


def levels_released(session: Session) -> Sequence[str]:
    """Return the refs of the levels of which a paper was passed and released."""
    query = (
        select(Registration.blueprint_ref)
        .join(Result, Result.registration_id == Registration.id)
        .where(Result.outcome == PaperOutcome.PASSED.value)
        .distinct()
    )
    return session.scalars(query.order_by(Registration.blueprint_ref)).all()


def register_page(session: Session, *, text: str, page: int) -> ListPage[Certificate]:
    """Return a page of the register, the newest first, of those whose number or name has this in it."""
    query = select(Certificate)
    if text:
        number = normalise_number(text)
        query = query.where(
            or_(
                Certificate.name.contains(text, autoescape=True),
                Certificate.number.contains(number, autoescape=True),
            )
            if number
            else Certificate.name.contains(text, autoescape=True)
        )
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    span = PageSpan(count, REGISTER_PAGE, page)
    query = span.cut(query.order_by(Certificate.id.desc()))
    return span.of(session.scalars(query).all(), text=text)


_BY_NUMBER = KnownSelect(
    select(
        Certificate.number,
        Certificate.name,
        Certificate.document,
        Certificate.occupation,
        Certificate.level,
        Certificate.issued_on,
        Certificate.body_name,
        Certificate.revoked_at,
        Certificate.statement,
    ).where(Certificate.number == bindparam("number"))
)
_NAME_OF = KnownSelect(select(Certificate.name).where(Certificate.number == bindparam("number")))


def by_number(number: str) -> Any:
    """Return what a look-up needs of the certificate of a number, None where there is none."""
    return next(iter(_BY_NUMBER.read(number=number)), None)


def name_of(number: str) -> str | None:
    """Return whose certificate has a number, None where there is none; nothing else of it is read."""
    return next((row.name for row in _NAME_OF.read(number=number)), None)


def public_keys(session: Session) -> list[bytes]:
    """Return the public keys that signed certificates of the register."""
    return [bytes.fromhex(one) for one in session.scalars(select(Certificate.public_key).distinct())]
