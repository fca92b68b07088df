"""What is known of people who are applied for: which papers of a level they may retake until when (R-4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import Candidate
from cbt.results.ledger.counting import counting
from cbt.results.ledger.store import ledger_of, released
from cbt.rules.door.admission import same_name
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.rules.retake import RetakeVerdict, may_retake


def retake_verdicts(
    session: Session, people: Mapping[str, str], blueprint: ExamBlueprint, exam_on: date
) -> dict[str, dict[str, RetakeVerdict]]:
    """Return what the released results of people say of each paper of a level, by the digests of their numbers.

    `people` are their names by these digests: whose name is another's is unknown, as is who has no result.

    Source: R-4.
    """
    rows = session.execute(
        select(Candidate.id, Candidate.document_index, Candidate.name).where(
            Candidate.document_index.in_(people)
        )
    )
    known = {one: index for one, index, name in rows if same_name(name, people[index])}
    ledger = ledger_of(session, known)
    found = {}
    for one, index in known.items():
        results = counting(released(ledger.get((one, blueprint.ref), [])), policy=blueprint.retake)
        if results:
            found[index] = {
                paper: may_retake(paper, results, exam_on=exam_on, policy=blueprint.retake)
                for paper in blueprint.papers
            }
    return found
