"""The marks of people that count in a score: read with the answers they were given for.

Source: R-51, R-54.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.rules.canonical import digest
from cbt.rules.form_score import PeopleMark
from cbt.rules.marking import people_mark
from cbt.scoring.marking.models import CountedMark, MarkedAnswer

ByText = Mapping[tuple[str, str], PeopleMark]
"""By (position as it is written, digest of the canonical answer)."""
NO_TEXTS: ByText = {}


def counted_marks(
    session: Session, attempt_ids: Collection[int], *, until: int | None = None
) -> dict[int, dict[tuple[str, str], PeopleMark]]:
    """Return the marks that count of each attempt that has any; of one answer the newest.

    `until` is a score: those that counted when it was made.
    """
    query = (
        select(
            MarkedAnswer.attempt_id,
            MarkedAnswer.position,
            MarkedAnswer.sha256,
            CountedMark.points,
            CountedMark.full,
            CountedMark.marks,
        )
        .join(MarkedAnswer, MarkedAnswer.id == CountedMark.answer_id)
        .where(MarkedAnswer.attempt_id.in_(attempt_ids))
        .order_by(CountedMark.score_id)
    )
    if until is not None:
        query = query.where(CountedMark.score_id <= until)
    marks: defaultdict[int, dict[tuple[str, str], PeopleMark]] = defaultdict(dict)
    for attempt_id, position, sha256, points, full, refs in session.execute(query):
        marks[attempt_id][str(position), sha256] = people_mark(points, full, json.loads(refs))
    return dict(marks)


def marks_of(answers: Mapping[str, str], by_text: ByText) -> dict[str, PeopleMark]:
    """Return the marks of these answers by position: one that was given for another text does not count."""
    return {
        position: mark
        for (position, sha256), mark in by_text.items()
        if answers.get(position) and digest(answers[position]) == sha256
    }
