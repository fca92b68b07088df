"""Use cases: a person's own data go out, and what the law does not keep is erased (R-95)."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import flask
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import Candidate, Registration
from cbt.certificates.models import Certificate
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.enrolment.applications.form import told_of
from cbt.enrolment.applications.models import Applicant
from cbt.enrolment.body.service import body
from cbt.errors import Conflict
from cbt.exams.store import blueprint_of
from cbt.paths import product_dir
from cbt.personal.fields import DETAILS
from cbt.results.ledger.store import ledger_of
from cbt.retention.person.finding import HeldPerson, person_by_ref
from cbt.retention.person.gathering import gathered
from cbt.retention.person.staying import PersonStanding, standing_of
from cbt.retention.reach import erase, table_of
from cbt.web.i18n import local_text
from cbt.web.texts import required

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
