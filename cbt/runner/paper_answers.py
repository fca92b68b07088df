"""The way of an answer from paper into the journal: by a person's hand, after the exam, all of a paper at once.

What comes of it is what a browser would have left: the same rows, the same closing, the same seal.

Source: R-81; R-61.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from cbt.errors import Conflict, InvalidInput
from cbt.rules.items.response import is_answered, parse_answer
from cbt.rules.states import ClosedBy, Event, State
from cbt.runner.attempt_changes import lock_attempt
from cbt.runner.attempt_states import move
from cbt.runner.close.closure import close_attempts
from cbt.runner.models import AttemptLive, HandwrittenAnswer, JournalEntry
from cbt.runner.paper.layout import read_layout


@dataclass(frozen=True, slots=True)
class Handwriting:
    """What was written by hand at a position: its picture (JPEG), and the scanned page it was cut from."""

    position: int
    image: bytes
    page_ref: str


@dataclass(frozen=True, slots=True)
class JournalAnswers:
    """The answers of one attempt in their canonical form, and which positions they answer; "" as JSON for none."""

    canonical: Mapping[int, str]
    answered_map: str
    """A character a position, `1` where the answer counts as 已答."""

    @classmethod
    def of(cls, layout: str, values: Mapping[int, object]) -> JournalAnswers:
        """Read the values by position as the save path does; `layout` is the attempt's.

        Raise InvalidInput("paper_mode.answer", position=…) for one that is no answer to its position.
        """
        canonical, marks = {}, []
        for number, place in enumerate(read_layout(layout), 1):
            try:
                text = parse_answer(place.shape, values.get(number))
            except InvalidInput as error:
                raise InvalidInput("paper_mode.answer", position=number) from error
            if text is not None:
                canonical[number] = text
            marks.append("1" if is_answered(place.shape, text) else "0")
        return cls(canonical, "".join(marks))


def enter_answers(
    session: Session,
    attempt_id: int,
    answers: JournalAnswers,
    *,
    started_at: datetime,
    collected_at: datetime,
    closed_by: ClosedBy | None,
    handwriting: Sequence[Handwriting] = (),
    now: datetime,
    actor: str,
) -> None:
    """Write the answers of an attempt that was sat on paper, and close it as its sheet was collected.

    They count as received when the sheet was (收卷); who entered them, when and from what is the caller's record.
    `closed_by` None is 到场未作答: nothing was written, and the paper was never begun.

    Raise Conflict("paper_mode.entered") for an attempt that is closed or was opened in a browser,
    ("paper_mode.unanswered") where somebody who wrote nothing has answers.

    Source: R-12, R-61, R-81; I3, I4.
    """
    attempt = lock_attempt(session, attempt_id)
    if attempt.state != State.READY:
        raise Conflict("paper_mode.entered")
    if closed_by is None:
        if answers.canonical:
            raise Conflict("paper_mode.unanswered")
    else:
        move(attempt, Event.START)
        attempt.started_at, attempt.lease_epoch = started_at, 1
        attempt.submitted_at = collected_at if closed_by is ClosedBy.CANDIDATE else None
        session.flush()
    if answers.canonical:
        rows = [
            {
                "attempt_id": attempt_id,
                "lease_epoch": 1,
                "seq": seq,
                "position": position,
                "kind": "answer",
                "value": value,
                "received_at": collected_at,
                "in_grace": False,
            }
            for seq, (position, value) in enumerate(sorted(answers.canonical.items()), 1)
        ]
        session.execute(insert(JournalEntry), rows)
    session.add(
        AttemptLive(
            attempt_id=attempt_id,
            seen_at=collected_at,
            saved_at=collected_at if answers.canonical else None,
            answered=answers.answered_map.count("1"),
            answered_map=answers.answered_map,
            blurs=0,
        )
    )
    session.add_all(
        HandwrittenAnswer(
            attempt_id=attempt_id, position=one.position, image=one.image, page_ref=one.page_ref
        )
        for one in handwriting
    )
    session.flush()
    close_attempts(
        session,
        [attempt],
        now=now,
        closed_at=collected_at,
        closed_by=ClosedBy.DEADLINE if closed_by is None else closed_by,
        actor=actor,
        reason="present_unanswered" if closed_by is None else "",
    )
