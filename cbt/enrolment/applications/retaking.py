"""补考 at application: who may make up which paper until when, and who may not (R-4).

Results are known by later rooms: how they are read is registered here when the app is put together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

import flask
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.enrolment.applications.form import ReadPerson
from cbt.enrolment.applications.models import Applicant
from cbt.errors import Conflict
from cbt.personal.numbers import document_index
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.retake import RefusedPaper, RetakeVerdict, check_application

Verdicts = Mapping[str, RetakeVerdict]
"""What is known of each paper of a level, by its code; empty for somebody of whom nothing is."""
RetakeReader = Callable[[Session, Mapping[str, str], ExamBlueprint, date], Mapping[str, Verdicts]]
"""Finds what is known of people, whose names it is given by the digests of their numbers, for an exam on a day."""
_EXTENSION = "cbt_retakes"


@dataclass(frozen=True, slots=True)
class AskedTaking:
    """Somebody, by the digest of their number and the name, with the papers that are applied for."""

    index: str
    name: str
    papers: Sequence[str]
    retake: bool

    @classmethod
    def of(cls, person: Applicant) -> AskedTaking:
        """Return what is asked for somebody of an application."""
        return cls(person.document_index, person.name, person.papers.split(","), person.kind == "retake")

    @classmethod
    def read(cls, form: ReadPerson) -> AskedTaking:
        """Return what is asked by a form."""
        return cls(document_index(form.document_number), form.name, form.papers, form.kind == "retake")


def register_retakes(app: flask.Flask, reader: RetakeReader) -> None:
    """Have applications read results by `reader`."""
    app.extensions[_EXTENSION] = reader


def verdicts_for(
    session: Session, people: Sequence[AskedTaking], blueprint: ExamBlueprint, exam_on: date
) -> Mapping[str, Verdicts]:
    """Return what is known of people, by the digests of their numbers; who is not known is left out."""
    if not people:
        return {}
    reader = cast(RetakeReader, flask.current_app.extensions[_EXTENSION])
    return reader(session, {one.index: one.name for one in people}, blueprint, exam_on)


def refused_takings(
    session: Session, people: Sequence[AskedTaking], blueprint: ExamBlueprint, exam_on: date
) -> dict[str, RefusedPaper]:
    """Return who cannot apply so, by the digests of their numbers. Source: R-4."""
    known = verdicts_for(session, people, blueprint, exam_on)
    found = {}
    for one in people:
        refused = check_application(one.papers, known.get(one.index, {}), retake=one.retake)
        if refused is not None:
            found[one.index] = refused
    return found


def refuse_takings(
    session: Session, people: Sequence[AskedTaking], blueprint: ExamBlueprint, exam_on: date
) -> None:
    """Refuse people who cannot apply so.

    Raise Conflict("applicant.retake_passed"|"applicant.retake_absent"|"applicant.retake_window_over"|
    "applicant.retake_instead").

    Source: R-4.
    """
    for refused in refused_takings(session, people, blueprint, exam_on).values():
        raise Conflict(code_of(refused), field="papers", **told_refused(refused, blueprint))


def code_of(refused: RefusedPaper) -> str:
    """Return the code of the text that says why."""
    return {
        "passed": "applicant.retake_passed",
        "absent": "applicant.retake_absent",
        "window_over": "applicant.retake_window_over",
        "retake_instead": "applicant.retake_instead",
    }[refused.reason.value]


def told_refused(refused: RefusedPaper, blueprint: ExamBlueprint) -> dict[str, object]:
    """Return what that text says: the paper and the day it turns on."""
    paper = blueprint.papers[refused.paper].label
    return {"paper": paper, "day": refused.last_on.isoformat() if refused.last_on else ""}


def retake_lines(verdicts: Verdicts, blueprint: ExamBlueprint, papers: Sequence[str] = ()) -> list[str]:
    """Return in words what is known of somebody's papers, of some of them or of all, paper by paper."""
    known = {code: one for code, one in verdicts.items() if code in papers or not papers}
    return [_line(blueprint.papers[code].label, verdict) for code, verdict in known.items()]


def _line(paper: str, verdict: RetakeVerdict) -> str:
    if verdict.reason is None and verdict.last_on is None:
        return str(_("enrolment.retake.lapsed", paper=paper))
    kind = "allowed" if verdict.reason is None else verdict.reason.value
    return str(_(f"enrolment.retake.{kind}", paper=paper, day=verdict.last_on or ""))
