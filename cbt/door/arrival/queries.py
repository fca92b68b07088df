"""信息有误: what a candidate says is wrong with their data, until they take it back or a proctor has compared.

What they typed is sealed like the numbers: it may be a name or a number. The log has a keyed digest of it.

Source: R-14, R-15.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Candidate, Registration
from cbt.db.private.sealing import readable, seal
from cbt.door.arrival.changes import audit, by_candidate
from cbt.errors import InvalidInput
from cbt.personal.numbers import QUERY, keyed_digest
from cbt.rules.door.admission import LONGEST_QUERY, QUERY_ABOUT


@dataclass(frozen=True, slots=True)
class Questioned:
    """What somebody says is wrong: codes of QUERY_ABOUT in their order, and a few words."""

    about: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class QuestionedRow:
    """What a proctor compares with the person: what they say, and what is registered; the number is masked."""

    said: Questioned
    document_type: str
    document_masked: str


def read_said(about: Sequence[str], words: str) -> Questioned:
    """Return what was picked and typed.

    Raise InvalidInput("door.query_about") without anything picked, ("door.query_words") for 其他 without a word.
    """
    picked = tuple(one for one in QUERY_ABOUT if one in about)
    if not picked:
        raise InvalidInput("door.query_about", field="about")
    text = "".join(one if one.isprintable() else " " for one in words)
    text = " ".join(text.split())[:LONGEST_QUERY]
    if "other" in picked and not text:
        raise InvalidInput("door.query_words", field="words")
    return Questioned(picked, text)


def said_of(registration: Registration) -> Questioned:
    """Return what somebody said is wrong; nothing of what is withdrawn, dots where the key does not open it."""
    about = tuple(registration.query_about.split(",")) if registration.query_about else ()
    sealed = registration.query_words_sealed
    words = "" if sealed is None else readable(sealed, QUERY)
    return Questioned(about, "····" if words is None else words)


def raise_query(session: Session, registration: Registration, said: Questioned, *, now: datetime) -> None:
    """Note that something is wrong; what is open already stays as it was said first."""
    if registration.query_at is not None:
        return
    registration.query_at = now
    registration.query_about = ",".join(said.about)
    registration.query_words_sealed = seal(said.words, QUERY) if said.words else None
    after = {"about": list(said.about)}
    if said.words:
        after["words"] = [keyed_digest(f"{registration.ref}:{said.words}", QUERY)]
    audit(session, registration, now, by_candidate(registration), "query", "", after=after)


def withdraw_query(session: Session, registration: Registration, *, now: datetime) -> None:
    """Take it back; nothing where no query is open, or a proctor was quicker."""
    if registration.query_at is None:
        return
    before = {"query_at": registration.query_at.isoformat(), "about": list(said_of(registration).about)}
    registration.query_at = registration.query_words_sealed = None
    registration.query_about = ""
    audit(session, registration, now, by_candidate(registration), "withdraw_query", "", before=before)


def to_compare(session: Session, refs: Sequence[str]) -> Mapping[str, QuestionedRow]:
    """Return by registration what a proctor compares with the people themselves. Source: R-10."""
    rows = session.execute(
        select(Registration, Candidate.document_type, Candidate.document_masked)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .where(Registration.ref.in_(refs))
    )
    return {row.ref: QuestionedRow(said_of(row), kind, masked) for row, kind, masked in rows}
