"""更正: a certificate that says something else than the records do is replaced, in one act (R-93)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from cbt.candidates.models import Candidate
from cbt.certificates.models import Certificate
from cbt.certificates.series import series_form
from cbt.certificates.service import REASON, issue_one, revoke_one, standing
from cbt.certificates.waiting import WaitingPerson, judged
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict
from cbt.results.package.signing import signing_key
from cbt.web.texts import required


@dataclass(frozen=True, slots=True)
class WrongFact:
    """What a certificate says (`name`, `document`, `occupation`, `level`), and what it would say today."""

    fact: str
    printed: str
    known: str


def wrong_facts(session: Session, row: Certificate) -> tuple[WrongFact, ...]:
    """Return what a certificate says that the records of its holder and level no longer say. Source: R-93."""
    line = _line(session, row)
    return _differing(row, line) if line is not None else ()


def correct(ref: str, *, reason: str, today: date, now: datetime, actor: str) -> tuple[str, str]:
    """Revoke a certificate and issue one that says what the records do; return its ref and number.

    Whether its holder may have it is judged on the day of the former: what was passed in time then still is. Raise
    Conflict("certificate.no_change") where it says what the records do, ("certificate.not_ready") where a result
    was corrected since, InvalidInput("certificate.no_reason"), and as `issue` and `revoke` do.

    Source: R-93.
    """
    reason = required(reason, "certificate.no_reason", "reason", limit=REASON)
    key = signing_key(now=now, actor=actor)
    with unit_of_work() as session:
        parts = series_form(session, lock=True)
        if parts is None:
            raise Conflict("certificate.no_series")
        row = standing(session, ref)
        line = _line(session, row)
        if line is None or not _differing(row, line):
            raise Conflict("certificate.no_change")
        revoke_one(session, row, reason=reason, now=now, actor=actor)
        session.flush()
        line = _line(session, row)
        if line is None or line.obstacles:
            raise Conflict("certificate.not_ready")
        made = issue_one(session, parts, line, key, today=today, now=now, actor=actor)
        return made.ref, made.number


def _line(session: Session, row: Certificate) -> WaitingPerson | None:
    holder = session.get_one(Candidate, row.candidate_id)
    return next(iter(judged(session, row.blueprint_ref, [holder], today=row.issued_on)), None)


def _differing(row: Certificate, line: WaitingPerson) -> tuple[WrongFact, ...]:
    facts = (
        WrongFact("name", row.name, line.candidate.name),
        WrongFact("document", row.document, line.candidate.document_masked),
        WrongFact("occupation", row.occupation, line.blueprint.occupation_name),
        WrongFact("level", row.level, line.blueprint.level_name),
    )
    return tuple(fact for fact in facts if fact.printed != fact.known)
