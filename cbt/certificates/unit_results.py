"""A unit's own results: the people of its applications, in the papers it applied for, as page and workbook.

Of each application only the sittings of its own batch count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, func, literal, select
from sqlalchemy.orm import Session

from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Candidate, Registration
from cbt.certificates.models import Certificate
from cbt.enrolment.models import Applicant, MemberUnit, UnitApplication
from cbt.http.i18n import local_day
from cbt.results.my_results import Exam, exam_of, unreleased
from cbt.results.retake_ledger import TAKEN, TakenRegistration, joined_taken
from cbt.rules.retake import PaperOutcome
from cbt.sittings.models import Sitting
from cbt.spreadsheets.writer import add_sheet, new_workbook, text_format, write_text
from cbt.storage.page_span import PageSpan

OWN_PAGE = 50
MOST_IN_A_FILE = 5_000
MOST_APPLICATIONS = 100
ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class OwnLine:
    """One paper of somebody a unit applied for, with what may be told of it; `certificate` is its number or ""."""

    name: str
    document: str
    level: str
    paper: str
    exam: Exam
    certificate: str


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A page of a unit's list, of one application where `of` is its ref."""

    unit: MemberUnit
    lines: Sequence[OwnLine]
    applications: Sequence[str]
    of: str
    count: int
    page: int
    pages: int


def own_page(session: Session, unit: MemberUnit, *, of: str, page: int, now: datetime) -> OwnPage:
    """Return a page of the results of a unit's people; an application of another unit is one nobody knows."""
    applications = _applications(session, unit)
    of = of if of in applications else ""
    mine = _mine(unit, of)
    count = session.scalar(_joined(select(func.count())).where(*mine)) or 0
    span = PageSpan(count, OWN_PAGE, page)
    lines = _lines(session, mine, local_day(now), limit=OWN_PAGE, offset=span.offset)
    return OwnPage(unit, lines, applications, of, count, span.page, span.pages)


def own_lines(session: Session, unit: MemberUnit, *, of: str, now: datetime) -> list[OwnLine]:
    of = of if of in _applications(session, unit) else ""
    return _lines(session, _mine(unit, of), local_day(now), limit=MOST_IN_A_FILE, offset=0)


def _applications(session: Session, unit: MemberUnit) -> Sequence[str]:
    return session.scalars(
        select(UnitApplication.ref)
        .where(UnitApplication.unit_id == unit.id, UnitApplication.batch_id.is_not(None))
        .order_by(UnitApplication.id.desc())
        .limit(MOST_APPLICATIONS)
    ).all()


def _mine(unit: MemberUnit, of: str) -> list[ColumnElement[bool]]:
    conditions = [UnitApplication.unit_id == unit.id, Applicant.verdict == ACCEPTED]
    return [*conditions, UnitApplication.ref == of] if of else conditions


def _joined(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Join a unit's accepted people to what they sat: the papers applied for, in the batch of the application."""
    applied_for = (literal(",") + Applicant.papers + ",").contains(literal(",") + Registration.paper + ",")
    return joined_taken(
        query.select_from(UnitApplication)
        .join(Applicant, Applicant.application_id == UnitApplication.id)
        .join(BlueprintVersion, BlueprintVersion.id == UnitApplication.blueprint_version_id)
        .join(Candidate, Candidate.document_index == Applicant.document_index)
        .join(
            Registration,
            and_(
                Registration.candidate_id == Candidate.id,
                Registration.blueprint_ref == BlueprintVersion.ref,
                applied_for,
            ),
        )
        .join(
            Sitting,
            and_(Sitting.id == Registration.sitting_id, Sitting.batch_id == UnitApplication.batch_id),
        )
    )


def _lines(
    session: Session, mine: Sequence[ColumnElement[bool]], today: date, *, limit: int, offset: int
) -> list[OwnLine]:
    numbers = (
        select(func.max(Certificate.number))
        .where(
            Certificate.candidate_id == Candidate.id,
            Certificate.blueprint_ref == Registration.blueprint_ref,
            Certificate.revoked_at.is_(None),
        )
        .correlate(Candidate, Registration)
        .scalar_subquery()
    )
    query = _joined(select(Candidate.name, Candidate.document_masked, numbers, *TAKEN))
    query = query.where(*mine).order_by(
        UnitApplication.id.desc(), Applicant.id, Registration.paper.desc(), Registration.id
    )
    rows = [
        (name, document, number, TakenRegistration(*rest))
        for name, document, number, *rest in session.execute(query.limit(limit).offset(offset))
    ]
    waiting = unreleased(session, [taken for *_, taken in rows if taken.result is None], today)
    lines = []
    for name, document, number, taken in rows:
        blueprint = blueprint_of(session, taken.registration.blueprint_version_id)
        paper = blueprint.papers[taken.registration.paper]
        passed = taken.result is not None and taken.result.outcome == PaperOutcome.PASSED.value
        lines.append(
            OwnLine(
                name,
                document,
                blueprint.level_name,
                paper.label,
                exam_of(taken, paper, waiting),
                number if passed and number else "",
            )
        )
    return lines


HEADS = ("name", "document", "level", "paper", "day", "result", "score", "released", "certificate")
_WIDTHS = (12, 22, 10, 16, 12, 24, 8, 12, 26)


def own_book(lines: Sequence[OwnLine], subtitle: str) -> bytes:
    """Return the list as a workbook; every cell is a text."""
    target = BytesIO()
    book = new_workbook(target)
    sheet = add_sheet(book, str(_("accounts.place.own_results")))
    plain, head = text_format(book, {}), text_format(book, {"bold": True, "bg_color": "#EEF1F6"})
    write_text(sheet, 0, 0, subtitle, plain)
    for column, (name, width) in enumerate(zip(HEADS, _WIDTHS, strict=True)):
        sheet.set_column(column, column, width)
        write_text(sheet, 1, column, str(_(f"certificates.own.{name}")), head)
    for row, line in enumerate(lines, 2):
        for column, cell in enumerate(_cells(line)):
            write_text(sheet, row, column, cell, plain)
    sheet.freeze_panes(2, 0)
    book.close()
    return target.getvalue()


def _cells(line: OwnLine) -> list[str]:
    exam = line.exam
    return [
        line.name,
        line.document,
        line.level,
        line.paper,
        exam.exam_on.isoformat(),
        said(exam),
        "" if exam.score is None else str(exam.score),
        "" if exam.released_on is None else exam.released_on.isoformat(),
        line.certificate,
    ]


def said(exam: Exam) -> str:
    if exam.outcome is not None:
        return str(_(f"results.outcome.{exam.outcome}"))
    if exam.shown_until is not None:
        return str(_("results.mine.shown", day=exam.shown_until.isoformat()))
    return str(_(f"results.mine.{exam.state}"))
