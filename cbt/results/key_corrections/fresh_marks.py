"""重评 for a correction: answers of an item that people marked go to the desk once more, before two decide.

Source: R-51, R-54, R-99.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from itertools import islice

from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.errors import Conflict
from cbt.results.key_corrections.effect import (
    AskedItem,
    EffectLine,
    ItemPlace,
    attempts_asked,
    lines_of,
    place_of,
    require_ended,
    require_scored,
)
from cbt.rules.form_score import PeopleMark
from cbt.rules.key_corrections import VerdictTurn
from cbt.rules.marking import COMPANY
from cbt.scoring.key_corrections import keys_in_force
from cbt.scoring.marking.fresh_marks import end_purpose
from cbt.scoring.marking.rubric_round import (
    RubricRound,
    answers_of_round,
    ask_round_piece,
    texts_of_round,
    waiting_of,
)
from cbt.scoring.score_sheets import Scorers
from cbt.sittings.store import hold_sitting
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in


class RoundScope(StrEnum):
    """Whose answers are marked anew: of everybody, or of those it could bring over the pass mark or under it."""

    ALL = "all"
    CROSSING = "crossing"


def ask_round(
    item: AskedItem,
    version: int,
    scope: RoundScope,
    *,
    now: datetime,
    actor: str,
    work: LongWork = DIRECTLY,
) -> dict[str, object]:
    """Have answers marked anew by the rubric of a version; return how many were asked for, in all.

    Nothing of a result changes by it. One that stopped goes on with what does not wait yet. Raise
    Conflict("key.no_answers"|"key.fresh_waits"|"marking.no_fresh"), and like `place_of`, `require_scored`,
    `require_ended` and `RubricRound.content`.

    Source: R-51, R-64.
    """
    with reading() as session:
        place = place_of(session, item)
        own = place.round_by(session, item, version)
        require_scored(session, place.sitting)
        require_ended(session, place.sitting.id)
        asked = _chosen(session, place, item, own, scope)
    count = int(work.so_far.get("count", 0))
    done = 0
    for piece in pieces_of(asked.items()):

        def put(piece: Sequence[tuple[int, bool]] = piece, before: int = count) -> int:
            with unit_of_work() as session:
                sitting = hold_sitting(session, place.sitting.id)
                fresh = ask_round_piece(session, sitting, own.subject, dict(piece), now=now, actor=actor)
                if fresh and not before:
                    told = {"item": item.ref, "version": item.version, "part": item.part, "rubric": version}
                    after = {**told, "scope": scope.value, "people": sum(not goes for goes in asked.values())}
                    record(
                        session, at=now, actor=actor, act="key.marks", subject=sitting.logged_as, after=after
                    )
                put_down_in(session, *work.keeping(count=before + fresh))
                return before + fresh

        count = work.in_front(put)
        done += len(piece)
        work.tell(done, len(asked))
    if not count:
        raise Conflict("key.no_answers")
    return {"count": count}


def _chosen(
    session: Session, place: ItemPlace, item: AskedItem, own: RubricRound, scope: RoundScope
) -> dict[int, bool]:
    """Return the answers that are asked for: id -> whether it only goes along, so that none knows."""
    answers = answers_of_round(session, own)
    attempts = set(attempts_asked(session, place.sitting.id, place.bank.id, item))
    if scope is RoundScope.CROSSING:
        attempts &= _crossing(session, place, own, sorted({attempt for _id, attempt in answers} & attempts))
    meant = [answer_id for answer_id, attempt in answers if attempt in attempts]
    if not meant:
        raise Conflict("key.no_answers")
    others = (answer_id for answer_id, attempt in answers if attempt not in attempts)
    company = islice(others, max(COMPANY, len(meant)))
    return dict.fromkeys(meant, False) | dict.fromkeys(company, True)


def _crossing(session: Session, place: ItemPlace, own: RubricRound, attempt_ids: Sequence[int]) -> set[int]:
    """Return whose verdict could turn: with nothing for their answer, or with all its points."""
    keys, scorers = keys_in_force(session, place.sitting.id), Scorers()

    def lines_with(share: int) -> list[EffectLine]:
        given = PeopleMark(Fraction(share), ())

        def marks(chunk: Sequence[int]) -> dict[int, dict[tuple[str, str], PeopleMark]]:
            texts = texts_of_round(session, own, chunk)
            return {attempt_id: dict.fromkeys(places, given) for attempt_id, places in texts.items()}

        return lines_of(session, place.sitting.id, attempt_ids, keys, scorers, marks=marks)

    turns = ((0, VerdictTurn.LOSES), (1, VerdictTurn.GAINS))
    return {
        line.attempt
        for share, turn in turns
        for line in lines_with(share)
        if line.turn is turn and not line.kept  # nobody's released score falls
    }


def call_off_round(
    item: AskedItem, version: int, *, now: datetime, actor: str, work: LongWork = DIRECTLY
) -> dict[str, object]:
    """Wait no more for what is not marked of a round; what is marked stays. Return how many waited.

    One that stopped goes on with what still waits. Raise Conflict("key.nothing_waits"), and like `place_of`.
    """
    with reading() as session:
        place = place_of(session, item)
        own = place.round_by(session, item, version)
        waiting = waiting_of(session, own.subject)
    done = int(work.so_far.get("count", 0))
    total = done + len(waiting)
    if not total:
        raise Conflict("key.nothing_waits")
    for piece in pieces_of(waiting):

        def put(piece: Sequence[int] = piece, before: int = done) -> int:
            with unit_of_work() as session:
                sitting = hold_sitting(session, place.sitting.id)
                end_purpose(session, sitting, own.subject, now=now, actor=actor, among=piece)
                if not before:
                    told = {"item": item.ref, "version": item.version, "rubric": version, "people": total}
                    record(
                        session,
                        at=now,
                        actor=actor,
                        act="key.marks_off",
                        subject=sitting.logged_as,
                        after=told,
                    )
                put_down_in(session, *work.keeping(count=before + len(piece)))
                return before + len(piece)

        done = work.in_front(put)
        work.tell(done, total)
    return {"count": done}
