"""The desk of one sitting: opened with every answer that people have to mark, its markers and thresholds, its end.

Whatever reads papers does so on a snapshot, a piece at a time; only what came of it is written in a unit of work.

Source: R-51, R-54, R-62, R-64, R-110.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff, StaffRole
from cbt.assembly.models import Form
from cbt.audit.chain import record
from cbt.bank.store import contents
from cbt.errors import Conflict, InvalidInput
from cbt.items.models import Item, ItemVersion
from cbt.rules.canonical import canonical_json, digest, digest_of
from cbt.rules.form_score import PeopleMark
from cbt.rules.marking import (
    WAITING,
    AnswerState,
    MarkingTurn,
    criteria_of,
    final_points,
    full_points,
    people_mark,
    place_in_mix,
    state_of,
    threshold_of,
    turns_that_count,
    usual_threshold,
)
from cbt.rules.roles import Role
from cbt.rules.states import SittingState
from cbt.runner.models import Attempt
from cbt.scoring.marking.models import CountedMark, DeskMarker, Mark, MarkedAnswer, MarkingDesk, MarkingQueue
from cbt.scoring.marking.store import (
    ENDED,
    OPEN,
    desk_of_sitting,
    marks_in_force,
    papers_that_wait,
    queue_by_ref,
    sitting_of_queue,
)
from cbt.scoring.models import Score
from cbt.scoring.score_sheets import Scored, Scorers
from cbt.scoring.store import latest_scores
from cbt.sittings.models import Sitting
from cbt.sittings.store import require_official, sitting_by_ref
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, reading, unit_of_work

OVER = (SittingState.ENDED, SittingState.SCORED)
"""The states of a sitting in which its answers are marked: nothing of it is released yet."""
PIECE = 20
"""So many papers are looked through, or scored, at once."""
MOST_OFFERED = 200
"""So many people are offered to be named."""
Text = tuple[int, str]
"""A position, and the digest of the canonical answer there."""


def sitting_to_mark(session: Session, ref: str) -> Sitting:
    """Return a sitting whose answers may be marked.

    Raise NotFound("sitting.unknown"), Conflict("marking.not_over"|"sitting.not_official").
    """
    sitting = sitting_by_ref(session, ref)
    require_official(sitting)
    if sitting.state not in OVER:
        raise Conflict("marking.not_over", name=sitting.name)
    return sitting


def open_desk(sitting_ref: str, *, now: datetime, actor: str, work: LongWork = DIRECTLY) -> int:
    """Open the desk of a sitting, or an ended one again, with what waits there now; return how many answers it has.

    Raise Conflict("marking.nothing") where no answer waits, and like `sitting_to_mark`.
    """
    with reading() as session:
        sitting = sitting_to_mark(session, sitting_ref)
        papers = session.scalars(papers_that_wait(sitting.id)).all()
    if not papers:
        raise Conflict("marking.nothing", name=sitting.name)
    desk = work.in_front(lambda: _opened(sitting, now=now, actor=actor))
    return gather(desk, papers, work=work)


def _opened(sitting: Sitting, *, now: datetime, actor: str) -> MarkingDesk:
    with unit_of_work() as session:
        session.get_one(Sitting, sitting.id, with_for_update=True)
        desk = desk_of_sitting(session, sitting.id, lock=True)
        if desk is None:
            desk = MarkingDesk(
                ref=new_ref("md"),
                sitting_id=sitting.id,
                state=OPEN,
                seed=secrets.token_hex(16),
                opened_at=now,
                opened_by=actor,
                ended_by="",
            )
            session.add(desk)
        elif desk.state == OPEN:
            session.expunge(desk)
            return desk
        else:
            desk.state = OPEN
        session.flush()
        record(session, at=now, actor=actor, act="marking.open", subject=sitting.logged_as)
        session.refresh(desk)
        session.expunge(desk)
        return desk


@dataclass(frozen=True, slots=True)
class _Place:
    """An answer that waits: which queue it belongs to, and for which text."""

    item_version_id: int
    part: int | None
    points: Decimal
    full: Decimal
    text: Text

    @property
    def queue(self) -> tuple[int, int | None, str]:
        return self.item_version_id, self.part, f"{self.points:f}"


def gather(desk: MarkingDesk, attempt_ids: Sequence[int], *, work: LongWork = DIRECTLY) -> int:
    """Bring the answers of papers that wait into the queues of a desk; return how many there are to mark.

    A piece that was brought in before changes nothing. An answer whose text is no longer what counts, because a
    late one was approved, is dropped; the text that counts is another answer.
    """
    scorers, total, done = Scorers(), 0, 0
    for piece in pieces_of(attempt_ids, size=PIECE):
        places = _places(piece, scorers)
        work.in_front(lambda places=places: _bring_in(desk, places))  # type: ignore[misc]
        total += sum(map(len, places.values()))
        done += len(piece)
        work.tell(done, len(attempt_ids))
    return total


def _places(attempt_ids: Sequence[int], scorers: Scorers) -> dict[int, list[_Place]]:
    with reading() as session:
        to_mark = scorers.to_mark(session, attempt_ids)
        banks = dict(
            session.execute(
                select(Attempt.id, Form.bank_id)
                .join(Form, Form.id == Attempt.form_id)
                .where(Attempt.id.in_(attempt_ids))
            ).all()
        )
        wanted: defaultdict[int, set[tuple[str, int]]] = defaultdict(set)
        for attempt_id, places in to_mark.items():
            wanted[banks[attempt_id]].update((one.item_ref, one.version) for one, _text in places)
        read = {bank: contents(session, keys, bank) for bank, keys in wanted.items()}
        rows = session.execute(
            select(Item.bank_id, Item.ref, ItemVersion.number, ItemVersion.id)
            .join(ItemVersion, ItemVersion.item_id == Item.id)
            .where(
                Item.bank_id.in_(wanted),
                Item.ref.in_({ref for keys in wanted.values() for ref, _version in keys}),
            )
        )
        ids = {(bank, ref, number): version_id for bank, ref, number, version_id in rows}
    found: dict[int, list[_Place]] = {}
    for attempt_id, places in to_mark.items():
        bank, own = banks[attempt_id], found.setdefault(attempt_id, [])
        for place, answer in places:
            part = read[bank][place.item_ref, place.version].part(place.part)
            full = full_points(criteria_of(part.rubric_lines(), place.points))
            version = ids[bank, place.item_ref, place.version]
            text = place.position, digest(answer)
            own.append(_Place(version, place.part, place.points, full, text))
    return found


def _bring_in(desk: MarkingDesk, places: Mapping[int, Sequence[_Place]]) -> None:
    with unit_of_work() as session:
        queues = {
            (queue.item_version_id, queue.part, f"{queue.points:f}"): queue
            for queue in session.scalars(select(MarkingQueue).where(MarkingQueue.desk_id == desk.id))
        }
        there: defaultdict[int, dict[Text, MarkedAnswer]] = defaultdict(dict)
        own = select(MarkedAnswer).where(MarkedAnswer.attempt_id.in_(places)).order_by(MarkedAnswer.id)
        for answer in session.scalars(own):
            there[answer.attempt_id][answer.position, answer.sha256] = answer
        for attempt_id, wanted in sorted(places.items()):
            known = there[attempt_id]
            for place in wanted:
                if place.text not in known:
                    queue = _queue_for(session, desk, queues, place)
                    session.add(_new_answer(desk, queue.id, attempt_id, place.text))
            current = {place.text for place in wanted}
            for text, answer in known.items():
                if text in current and answer.state == AnswerState.DROPPED:
                    answer.state = _state_by_marks(session, answer)
                elif text not in current and answer.state in WAITING:
                    answer.state = AnswerState.DROPPED.value


def _queue_for(
    session: Session,
    desk: MarkingDesk,
    queues: dict[tuple[int, int | None, str], MarkingQueue],
    place: _Place,
) -> MarkingQueue:
    if place.queue not in queues:
        queues[place.queue] = MarkingQueue(
            ref=new_ref("mq"),
            desk_id=desk.id,
            item_version_id=place.item_version_id,
            part=place.part,
            points=place.points,
            full=place.full,
            threshold=usual_threshold(place.full),
        )
        session.add(queues[place.queue])
        session.flush()
    return queues[place.queue]


def _new_answer(desk: MarkingDesk, queue_id: int, attempt_id: int, text: Text) -> MarkedAnswer:
    ref = new_ref("an")
    return MarkedAnswer(
        ref=ref,
        queue_id=queue_id,
        attempt_id=attempt_id,
        position=text[0],
        sha256=text[1],
        place=place_in_mix(desk.seed, ref),
        state=AnswerState.FIRST.value,
        held_by="",
    )


def _state_by_marks(session: Session, answer: MarkedAnswer) -> str:
    threshold = session.get_one(MarkingQueue, answer.queue_id).threshold
    marks = marks_in_force(session, [answer.id]).get(answer.id, {})
    return state_of({turn: mark.points for turn, mark in marks.items()}, threshold).value


# Who marks, and by how much two may differ.


def _open_desk(session: Session, sitting_ref: str) -> tuple[Sitting, MarkingDesk]:
    """Return the open desk of a sitting, locked; raise Conflict("marking.not_open")."""
    sitting = sitting_by_ref(session, sitting_ref)
    desk = desk_of_sitting(session, sitting.id, lock=True)
    if desk is None or desk.state != OPEN:
        raise Conflict("marking.not_open")
    return sitting, desk


def may_mark(session: Session) -> Sequence[Staff]:
    """Return who holds the role of a marker and may sign in, by name."""
    query = (
        select(Staff)
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .where(StaffRole.role == Role.MARKER.value, Staff.disabled_at.is_(None))
        .order_by(Staff.name, Staff.id)
        .limit(MOST_OFFERED)
    )
    return session.scalars(query).all()


def name_marker(sitting_ref: str, staff_ref: str, *, now: datetime, actor: str) -> None:
    """Have somebody who holds the role mark at a desk, or again.

    Raise InvalidInput("marking.nobody") for anybody else, Conflict("marking.not_open").

    Source: R-62.
    """
    with unit_of_work() as session:
        sitting, desk = _open_desk(session, sitting_ref)
        staff = session.scalar(select(Staff).where(Staff.ref == staff_ref, Staff.disabled_at.is_(None)))
        held = select(StaffRole.id).where(StaffRole.role == Role.MARKER.value)
        if staff is None or session.scalar(held.where(StaffRole.staff_id == staff.id)) is None:
            raise InvalidInput("marking.nobody", field="staff")
        marker = _marker(session, desk.id, staff.id)
        if marker is None:
            session.add(
                DeskMarker(desk_id=desk.id, staff_id=staff.id, given=0, seeds=0, named_at=now, named_by=actor)
            )
        elif marker.left_at is None:
            return
        else:
            marker.left_at, marker.named_at, marker.named_by = None, now, actor
        after = {"staff": staff.ref}
        record(session, at=now, actor=actor, act="marking.name", subject=sitting.logged_as, after=after)


def release_marker(sitting_ref: str, staff_ref: str, *, now: datetime, actor: str) -> None:
    """Have somebody mark at a desk no more; what they gave counts, what they hold goes back.

    Raise InvalidInput("marking.nobody"), Conflict("marking.not_open").
    """
    with unit_of_work() as session:
        sitting, desk = _open_desk(session, sitting_ref)
        staff = session.scalar(select(Staff).where(Staff.ref == staff_ref))
        marker = None if staff is None else _marker(session, desk.id, staff.id)
        if staff is None or marker is None or marker.left_at is not None:
            raise InvalidInput("marking.nobody", field="staff")
        marker.left_at = now
        queues = select(MarkingQueue.id).where(MarkingQueue.desk_id == desk.id)
        session.execute(
            update(MarkedAnswer)
            .where(MarkedAnswer.held_by == staff.logged_as, MarkedAnswer.queue_id.in_(queues))
            .values(held_by="", held_until=None)
        )
        after = {"staff": staff.ref}
        record(session, at=now, actor=actor, act="marking.release", subject=sitting.logged_as, after=after)


def _marker(session: Session, desk_id: int, staff_id: int) -> DeskMarker | None:
    return session.scalar(
        select(DeskMarker).where(DeskMarker.desk_id == desk_id, DeskMarker.staff_id == staff_id)
    )


def set_threshold(queue_ref: str, text: str, *, now: datetime, actor: str) -> None:
    """Say by how many points two marks of an item may differ, before anybody has marked it twice.

    Raise InvalidInput("marking.threshold"), Conflict("marking.not_open"|"marking.marked_twice").

    Source: R-51.
    """
    with unit_of_work() as session:
        queue = queue_by_ref(session, queue_ref)
        sitting, _desk = _open_desk(session, sitting_of_queue(session, queue).ref)
        threshold = threshold_of(text, queue.full)
        twice = select(MarkedAnswer.id).where(
            MarkedAnswer.queue_id == queue.id,
            MarkedAnswer.state.in_((AnswerState.THIRD.value, AnswerState.DONE.value)),
        )
        if session.scalar(twice.limit(1)) is not None:
            raise Conflict("marking.marked_twice", field="threshold")
        before, queue.threshold = queue.threshold, threshold
        record(
            session,
            at=now,
            actor=actor,
            act="marking.threshold",
            subject=sitting.logged_as,
            before={"threshold": before},
            after={"queue": queue.ref, "threshold": threshold},
        )


# The end: nothing waits any more, and the papers are scored with what people gave.


def end_desk(sitting_ref: str, *, now: datetime, actor: str, work: LongWork = DIRECTLY) -> int:
    """End the marking of a sitting and score its papers; return how many were scored.

    What was marked is final from then on. A desk that was ended already goes on scoring, where that was stopped.

    Raise Conflict("marking.not_open") without a desk, ("marking.unfinished") while answers wait, and like
    `sitting_to_mark`.

    Source: R-51, R-54.
    """
    with reading() as session:
        sitting = sitting_to_mark(session, sitting_ref)
        desk = desk_of_sitting(session, sitting.id)
        papers = session.scalars(papers_that_wait(sitting.id)).all()
    if desk is None:
        raise Conflict("marking.not_open")
    if desk.state == OPEN:
        gather(desk, papers, work=work)
        work.in_front(lambda: _ended(sitting.ref, now=now, actor=actor))
    scorers, scored, done = Scorers(), 0, 0
    for piece in pieces_of(papers, size=PIECE):
        marked = _marked(piece, scorers)
        scored += work.in_front(lambda marked=marked: _score(sitting, marked, now=now, actor=actor))  # type: ignore[misc]
        done += len(piece)
        work.tell(done, len(papers))
    return scored


def _ended(sitting_ref: str, *, now: datetime, actor: str) -> None:
    with unit_of_work() as session:
        sitting, desk = _open_desk(session, sitting_ref)
        queues = select(MarkingQueue.id).where(MarkingQueue.desk_id == desk.id)
        left = session.scalar(
            select(func.count())
            .select_from(MarkedAnswer)
            .where(MarkedAnswer.queue_id.in_(queues), MarkedAnswer.state.in_(WAITING))
        )
        if left:
            raise Conflict("marking.unfinished", count=left)
        desk.state, desk.ended_at, desk.ended_by = ENDED, now, actor
        record(session, at=now, actor=actor, act="marking.end", subject=sitting.logged_as)


@dataclass(frozen=True, slots=True)
class _FinalMark:
    """What counts of one answer: its points, of how many, and the marks it follows from."""

    answer_id: int
    points: Decimal
    full: Decimal
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _MarkedPaper:
    """A paper with its final marks, the sheet they make, and the score it was worked out after."""

    finals: Sequence[_FinalMark]
    scored: Scored
    former_id: int


def _marked(attempt_ids: Sequence[int], scorers: Scorers) -> dict[int, _MarkedPaper]:
    with reading() as session:
        rows = session.execute(
            select(MarkedAnswer, MarkingQueue)
            .join(MarkingQueue, MarkingQueue.id == MarkedAnswer.queue_id)
            .outerjoin(CountedMark, CountedMark.answer_id == MarkedAnswer.id)
            .where(
                MarkedAnswer.attempt_id.in_(attempt_ids),
                MarkedAnswer.state == AnswerState.DONE.value,
                CountedMark.id.is_(None),
            )
        ).all()
        marks = marks_in_force(session, [answer.id for answer, _queue in rows])
        finals: defaultdict[int, list[_FinalMark]] = defaultdict(list)
        by_text: defaultdict[int, dict[tuple[str, str], PeopleMark]] = defaultdict(dict)
        for answer, queue in rows:
            final = _final(answer, queue, marks[answer.id])
            finals[answer.attempt_id].append(final)
            at = str(answer.position), answer.sha256
            by_text[answer.attempt_id][at] = people_mark(final.points, final.full, final.refs)
        scored = scorers.score(session, sorted(finals), marks=by_text)
        former = latest_scores(session, sorted(finals))
    return {
        attempt_id: _MarkedPaper(finals[attempt_id], scored[attempt_id], former[attempt_id].id)
        for attempt_id in sorted(finals)
    }


def _final(answer: MarkedAnswer, queue: MarkingQueue, marks: Mapping[MarkingTurn, Mark]) -> _FinalMark:
    points = final_points({turn: mark.points for turn, mark in marks.items()}, queue.threshold)
    if points is None:
        raise RuntimeError(f"answer {answer.ref} is done without a final mark")
    refs = tuple(
        marks[turn].ref for turn in turns_that_count({turn: one.points for turn, one in marks.items()})
    )
    return _FinalMark(answer.id, points, queue.full, refs)


def _score(sitting: Sitting, papers: Mapping[int, _MarkedPaper], *, now: datetime, actor: str) -> int:
    """Write the scores that marks make, each while the one it follows still counts; the former stay on record."""
    with unit_of_work() as session:
        # What is written names the sitting's papers, which come after it (cbt/application/lock_order.py).
        of_sitting = select(Sitting.id).where(Sitting.id == sitting.id)
        session.execute(of_sitting.with_for_update(read=True, key_share=True)).all()
        query = select(Attempt).where(Attempt.id.in_(papers)).order_by(Attempt.id).with_for_update()
        attempts = session.scalars(query).all()
        former = latest_scores(session, list(papers))
        written = 0
        for attempt in attempts:
            paper, last = papers[attempt.id], former[attempt.id]
            if last.id != paper.former_id:
                continue  # a ruling came between: the next end of the desk takes it up
            sheet = paper.scored.sheet
            score = Score(
                attempt_id=attempt.id,
                number=last.number + 1,
                key_revision=last.key_revision,
                journal_digest=attempt.journal_digest or "",
                raw=sheet.raw,
                score=sheet.score,
                passed=sheet.passed,
                sheet=sheet.text,
                sha256=digest_of(sheet.content),
                scored_at=now,
            )
            session.add(score)
            session.flush()
            session.add_all(
                CountedMark(
                    answer_id=one.answer_id,
                    score_id=score.id,
                    points=one.points,
                    full=one.full,
                    marks=canonical_json(one.refs),
                )
                for one in paper.finals
            )
            after = {"sheet": score.sha256, "marks": [ref for one in paper.finals for ref in one.refs]}
            record(session, at=now, actor=actor, act="attempt.score", subject=attempt.logged_as, after=after)
            written += 1
        return written
