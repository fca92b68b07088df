"""Marking itself: an answer is taken, held for a while, given its points; a mark is changed by another one.

Several take from one queue at once and never get the same answer: whoever takes one holds it. Who marked an answer,
or counts as the same person as somebody who did, never gets it again.

Source: R-51, R-62, R-64.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.accounts.two_people import insist_on_two, refusals
from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput, NotAllowed, NotFound
from cbt.http.auth.login import Principal
from cbt.http.form_values import one_line, required
from cbt.rules.canonical import canonical_json
from cbt.rules.marking import (
    LEASE,
    WAITING,
    AnswerState,
    MarkingTurn,
    is_held,
    is_seed_due,
    points_of,
    state_of,
)
from cbt.rules.roles import PersonStep, Role
from cbt.scoring.marking.fresh_marks import end_requests, steps_before_fresh
from cbt.scoring.marking.models import (
    CountedMark,
    DeskMarker,
    FreshRequest,
    Mark,
    MarkedAnswer,
    MarkingDesk,
    MarkingQueue,
    SeedMark,
    SeedPaper,
    SetAside,
)
from cbt.scoring.marking.rubric_round import item_before
from cbt.scoring.marking.store import OPEN, answer_or_seed, items_of, marks_in_force, queue_by_ref
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

MARKERS = (Role.MARKER,)
LONGEST_REMARK = 500
MOST_ACCOUNTS = 20
"""So many accounts that are one person's are told apart for one answer that is taken."""
MOST_SEEDS = 50
"""So many seed papers of a queue that somebody has not had are looked at for the next."""


def marker_at(session: Session, desk_id: int, principal: Principal, *, lock: bool = False) -> DeskMarker:
    """Return somebody's place at an open desk; raise NotAllowed("marking.not_named"), Conflict("marking.not_open").

    Source: R-62.
    """
    query = select(DeskMarker).where(
        DeskMarker.desk_id == desk_id,
        DeskMarker.staff_id == principal.subject_id,
        DeskMarker.left_at.is_(None),
    )
    state = select(MarkingDesk.state).where(MarkingDesk.id == desk_id)
    if lock:  # a desk does not end between what is read here and what is written
        state, query = state.with_for_update(read=True), query.with_for_update()
    is_open = session.scalar(state) == OPEN
    marker = session.scalar(query)
    if marker is None:
        raise NotAllowed("marking.not_named")
    if not is_open:
        raise Conflict("marking.not_open")
    return marker


# Taking one.


def take(queue_ref: str, principal: Principal, *, now: datetime) -> str | None:
    """Take the next answer of a queue and return its ref; None where none is left for this marker.

    Who holds one already gets that one. Raise NotAllowed("marking.one_person") where all that is left was marked by
    accounts that count as theirs, and like `marker_at`.

    Source: R-51, R-62.
    """
    actor = principal.logged_as
    with unit_of_work() as session:
        queue = queue_by_ref(session, queue_ref)
        # Held first: two browsers of one person take turns, and hold one answer.
        marker = marker_at(session, queue.desk_id, principal, lock=True)
        held = session.scalar(
            select(MarkedAnswer.ref).where(
                MarkedAnswer.held_by == actor,
                MarkedAnswer.queue_id == queue.id,
                MarkedAnswer.held_until > now,
                MarkedAnswer.state.in_(WAITING),
            )
        )
        if held is not None:
            return held
        desk = session.get_one(MarkingDesk, queue.desk_id)
        if is_seed_due(marker.given, marker.seeds, desk_seed=desk.seed, account=actor):
            seed = _next_seed(session, queue, actor, now=now)
            if seed is not None:
                return seed
        answer = _next_answer(session, queue, actor, now=now)
        if answer is None:
            return None
        answer.held_by, answer.held_until = actor, now + LEASE
        return answer.ref


def _next_seed(session: Session, queue: MarkingQueue, actor: str, *, now: datetime) -> str | None:
    """Return the next seed paper for somebody: none that they, by whichever account, set or marked."""
    query = (
        select(SeedPaper)
        .where(
            SeedPaper.queue_id == queue.id,
            ~exists().where(SeedMark.seed_id == SeedPaper.id, SeedMark.staff == actor),
            ~_is_aside(SeedPaper.ref, actor),
        )
        .order_by(SeedPaper.id)
        .limit(MOST_SEEDS)
    )
    seeds = session.scalars(query).all()
    steps = _seed_steps(session, seeds)
    barred = refusals(session, set().union(*steps.values()), actor, roles=MARKERS, now=now) if steps else {}
    return next((seed.ref for seed in seeds if steps[seed.id].isdisjoint(barred)), None)


def _seed_steps(session: Session, seeds: Sequence[SeedPaper]) -> dict[int, set[PersonStep]]:
    """Return who set or marked seed papers: id -> steps."""
    steps = {seed.id: {PersonStep(seed.set_by, seed.set_at)} for seed in seeds}
    rows = session.execute(
        select(SeedMark.seed_id, SeedMark.staff, SeedMark.given_at).where(SeedMark.seed_id.in_(steps))
    )
    for seed_id, staff, at in rows:
        steps[seed_id].add(PersonStep(staff, at))
    return steps


def _is_aside(ref: InstrumentedAttribute[str], actor: str) -> ColumnElement[bool]:
    return exists().where(SetAside.shown_ref == ref, SetAside.staff == actor, SetAside.ended_at.is_(None))


def _next_answer(session: Session, queue: MarkingQueue, actor: str, *, now: datetime) -> MarkedAnswer | None:
    """Return what is handed out next, locked; what another account of the same person marked is passed over.

    Raise NotAllowed("marking.one_person") where nothing else is left.
    """
    barred, until = {actor}, ""
    for _try in range(MOST_ACCOUNTS):
        answer = _first_free(session, queue, barred, now=now)
        if answer is None:
            break
        steps = _steps(session, answer)
        same = refusals(session, steps, actor, roles=MARKERS, now=now) if steps else {}
        if not same:
            return answer
        barred |= {step.account for step in same}
        until = min(filter(None, (until, *(str(error.params.get("until", "")) for error in same.values()))))
    if until:
        raise NotAllowed("marking.one_person", until=until)
    return None


def _first_free(
    session: Session, queue: MarkingQueue, barred: Collection[str], *, now: datetime
) -> MarkedAnswer | None:
    free: ColumnElement[bool] = or_(MarkedAnswer.held_until.is_(None), MarkedAnswer.held_until <= now)
    by_them = exists().where(Mark.answer_id == MarkedAnswer.id, Mark.staff.in_(barred))
    for_them = exists().where(
        FreshRequest.answer_id == MarkedAnswer.id,
        FreshRequest.asked_by.in_(barred),
        FreshRequest.ended_at.is_(None),
    )
    seed = SeedPaper.answer_id == MarkedAnswer.id
    as_seed = exists().where(seed, SeedMark.seed_id == SeedPaper.id, SeedMark.staff.in_(barred))
    set_by_them = exists().where(seed, SeedPaper.set_by.in_(barred))
    aside = exists().where(
        SetAside.shown_ref == MarkedAnswer.ref, SetAside.staff.in_(barred), SetAside.ended_at.is_(None)
    )
    for state in WAITING:
        query = (
            select(MarkedAnswer)
            .where(
                MarkedAnswer.queue_id == queue.id,
                MarkedAnswer.state == state.value,
                free,
                ~by_them,
                ~aside,
                *((~for_them, ~as_seed, ~set_by_them) if state is AnswerState.FRESH else ()),
            )
            .order_by(MarkedAnswer.place, MarkedAnswer.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        answer = session.scalar(query)
        if answer is not None:
            return answer
    return None


def _steps(session: Session, answer: MarkedAnswer) -> set[PersonStep]:
    """Return who marked an answer; where it is marked afresh, also who asked for that or had it as a seed."""
    rows = session.execute(select(Mark.staff, Mark.given_at).where(Mark.answer_id == answer.id))
    steps = {PersonStep(staff, at) for staff, at in rows}
    return steps | steps_before_fresh(session, answer) if answer.state == AnswerState.FRESH else steps


# Giving points.


@dataclass(frozen=True, slots=True)
class MarkForm:
    """What a marker typed: points for each criterion, and a word about the answer."""

    points: Sequence[str]
    remark: str = ""
    reason: str = ""


def give(ref: str, form: MarkForm, principal: Principal, *, now: datetime) -> str:
    """Give an answer, or a seed paper, its points; return the ref of its queue.

    Raise InvalidInput("marking.points"|"marking.remark"), Conflict("marking.not_held") where it went back to the
    others or is marked already, NotAllowed("marking.same_person"), and like `marker_at` and `insist_on_two`.

    Source: R-51, R-62.
    """
    actor = principal.logged_as
    with unit_of_work() as session:
        answer, seed = answer_or_seed(session, ref)
        queue = session.get_one(MarkingQueue, answer.queue_id)
        marker = marker_at(session, queue.desk_id, principal, lock=True)
        item = items_of(session, [queue])[queue.id] if seed else item_before(session, queue, answer)
        points = points_of(item.criteria, form.points)
        remark = _remark(form.remark)
        if seed is not None:
            _give_seed(session, seed, points, actor, now=now)
            marker.seeds += 1
            return queue.ref
        answer = _held(session, answer.id, actor, now=now)
        insist_on_two(
            session,
            _steps(session, answer),
            actor,
            roles=MARKERS,
            same=NotAllowed("marking.same_person"),
            now=now,
        )
        turn = MarkingTurn(answer.state)
        number = 1
        if turn is MarkingTurn.FRESH:
            number += session.scalar(_fresh_marks(answer)) or 0
        after = _put(session, queue, answer, _NewMark(turn, number, points, remark), actor, now=now)
        if turn is MarkingTurn.FRESH:
            end_requests(session, answer, str(after["mark"]), now=now)
        subject = f"marking:{answer.ref}"
        record(session, at=now, actor=actor, act="marking.give", subject=subject, after=after)
        answer.held_by, answer.held_until = "", None
        marker.given += 1
        return queue.ref


def _fresh_marks(answer: MarkedAnswer) -> Select[int]:
    return select(func.max(Mark.number)).where(
        Mark.answer_id == answer.id, Mark.turn == MarkingTurn.FRESH.value
    )


# Setting a doubtful one aside, and taking it back.


def set_aside(ref: str, word: str, principal: Principal, *, now: datetime) -> str:
    """Put an answer aside with a word about what is doubtful; return the ref of its queue.

    It goes back to the others; who put it aside gets it by `take_back` alone. Raise InvalidInput("marking.word"),
    Conflict("marking.not_held"), and like `marker_at`.

    Source: R-51, R-64.
    """
    actor = principal.logged_as
    with unit_of_work() as session:
        answer, seed = answer_or_seed(session, ref)
        queue = session.get_one(MarkingQueue, answer.queue_id)
        marker_at(session, queue.desk_id, principal, lock=True)
        text = required(word, "marking.word", "word", limit=LONGEST_REMARK)
        if seed is None:
            answer = _held(session, answer.id, actor, now=now)
            answer.held_by, answer.held_until = "", None
        elif session.scalar(select(_is_aside(SeedPaper.ref, actor)).where(SeedPaper.id == seed.id)):
            raise Conflict("marking.not_held")
        session.add(SetAside(queue_id=queue.id, shown_ref=ref, staff=actor, word=text, at=now))
        record(
            session,
            at=now,
            actor=actor,
            act="marking.set_aside",
            subject=f"marking:{ref}",
            after={"word": text},
        )
        return queue.ref


def take_back(ref: str, principal: Principal, *, now: datetime) -> str:
    """Take an answer that one put aside again, to mark it now; return its ref.

    Raise Conflict("marking.not_held") where another marks it or nothing of it is to be marked any more, and like
    `marker_at`.
    """
    actor = principal.logged_as
    with unit_of_work() as session:
        answer, seed = answer_or_seed(session, ref)
        queue = session.get_one(MarkingQueue, answer.queue_id)
        marker_at(session, queue.desk_id, principal, lock=True)
        own = select(SetAside).where(
            SetAside.shown_ref == ref, SetAside.staff == actor, SetAside.ended_at.is_(None)
        )
        aside = session.scalar(own)
        if aside is None:
            raise Conflict("marking.not_held")
        if seed is None:
            answer = session.get_one(MarkedAnswer, answer.id, with_for_update=True, populate_existing=True)
            if answer.state not in WAITING or is_held(answer.held_until, now=now):
                raise Conflict("marking.not_held")
            answer.held_by, answer.held_until = actor, now + LEASE
        aside.ended_at = now
        record(session, at=now, actor=actor, act="marking.take_back", subject=f"marking:{ref}")
        return ref


def _held(session: Session, answer_id: int, actor: str, *, now: datetime) -> MarkedAnswer:
    """Return an answer that somebody holds, locked; raise Conflict("marking.not_held")."""
    answer = session.get_one(MarkedAnswer, answer_id, with_for_update=True, populate_existing=True)
    if answer.held_by != actor or not is_held(answer.held_until, now=now) or answer.state not in WAITING:
        raise Conflict("marking.not_held")
    return answer


def _remark(text: str) -> str:
    remark = one_line(text, "remark")
    if len(remark) > LONGEST_REMARK:
        raise InvalidInput("marking.remark", field="remark", maximum=LONGEST_REMARK)
    return remark


def _give_seed(
    session: Session, seed: SeedPaper, points: Sequence[Decimal], actor: str, *, now: datetime
) -> None:
    steps = _seed_steps(session, [seed])[seed.id]
    insist_on_two(session, steps, actor, roles=MARKERS, same=Conflict("marking.not_held"), now=now)
    total = sum(points, Decimal(0))
    criteria = _text(points)
    session.add(SeedMark(seed_id=seed.id, staff=actor, criteria=criteria, points=total, given_at=now))
    after = {"points": total, "criteria": [f"{one:f}" for one in points]}
    record(session, at=now, actor=actor, act="marking.seed_mark", subject=f"marking:{seed.ref}", after=after)


def _text(points: Sequence[Decimal]) -> str:
    return canonical_json([f"{one:f}" for one in points])


@dataclass(frozen=True, slots=True)
class _NewMark:
    """What is put on record of an answer: of which turn, the how manieth, and why it takes another's place."""

    turn: MarkingTurn
    number: int
    points: Sequence[Decimal]
    remark: str
    reason: str = ""


def _put(
    session: Session,
    queue: MarkingQueue,
    answer: MarkedAnswer,
    new: _NewMark,
    actor: str,
    *,
    now: datetime,
) -> dict[str, object]:
    """Add a mark, say what its answer waits for now, and return what the log says of it."""
    total = sum(new.points, Decimal(0))
    mark = Mark(
        ref=new_ref("mk"),
        answer_id=answer.id,
        turn=new.turn.value,
        number=new.number,
        staff=actor,
        criteria=_text(new.points),
        points=total,
        remark=new.remark,
        reason=new.reason,
        given_at=now,
    )
    former = marks_in_force(session, [answer.id]).get(answer.id, {})
    session.add(mark)
    marks = {turn: one.points for turn, one in former.items()} | {new.turn: total}
    answer.state = state_of(marks, queue.threshold).value
    return {
        "mark": mark.ref,
        "turn": new.turn.value,
        "points": total,
        "criteria": [f"{one:f}" for one in new.points],
    }


# Changing one's own mark: another row, with why.


def own_mark(
    session: Session, mark_ref: str, principal: Principal, *, lock: bool = False
) -> tuple[Mark, MarkedAnswer]:
    """Return one's own mark that is in force and may be changed, with its answer.

    Raise NotFound("marking.unknown"), NotAllowed("marking.not_yours"), Conflict("marking.final") once it counts in
    a score or was changed since.
    """
    mark = Mark.by_ref(session, mark_ref, unknown="marking.unknown")
    if mark.staff != principal.logged_as:
        raise NotAllowed("marking.not_yours")
    answer = session.get_one(
        MarkedAnswer, mark.answer_id, with_for_update=lock or None, populate_existing=lock
    )
    newest = marks_in_force(session, [answer.id])[answer.id][MarkingTurn(mark.turn)]
    counted = session.scalar(select(CountedMark.id).where(CountedMark.answer_id == answer.id))
    if counted is not None or newest.id != mark.id or answer.state == AnswerState.DROPPED:
        raise Conflict("marking.final")
    return mark, answer


def change(mark_ref: str, form: MarkForm, principal: Principal, *, now: datetime) -> str:
    """Put another mark in the place of one's own, for a reason; return the ref of its queue.

    Raise InvalidInput("marking.points"|"marking.remark"|"marking.reason"), and like `own_mark` and `marker_at`.

    Source: R-51, R-64.
    """
    with unit_of_work() as session:
        desk_id = session.scalar(
            select(MarkingQueue.desk_id)
            .join(MarkedAnswer, MarkedAnswer.queue_id == MarkingQueue.id)
            .join(Mark, Mark.answer_id == MarkedAnswer.id)
            .where(Mark.ref == mark_ref)
        )
        if desk_id is None:
            raise NotFound("marking.unknown")
        marker_at(session, desk_id, principal, lock=True)
        mark, answer = own_mark(session, mark_ref, principal, lock=True)
        queue = session.get_one(MarkingQueue, answer.queue_id)
        points = points_of(items_of(session, [queue])[queue.id].criteria, form.points)
        remark = _remark(form.remark)
        reason = required(form.reason, "marking.reason", "reason", limit=LONGEST_REMARK)
        if answer.held_by and is_held(answer.held_until, now=now):
            raise Conflict("marking.held_now")
        actor = principal.logged_as
        new = _NewMark(MarkingTurn(mark.turn), mark.number + 1, points, remark, reason)
        after = _put(session, queue, answer, new, actor, now=now)
        record(
            session,
            at=now,
            actor=actor,
            act="marking.change",
            subject=f"marking:{answer.ref}",
            reason=reason,
            before={"points": mark.points},
            after=after,
        )
        return queue.ref


def set_seed(ref: str, form: MarkForm, *, now: datetime, actor: str) -> str:
    """Have an answer go to markers among others, with the points agreed on it; return the ref of its queue.

    Raise InvalidInput("marking.points"|"marking.reason"), Conflict("marking.seed_there"|"marking.not_open").
    """
    with unit_of_work() as session:
        answer = MarkedAnswer.by_ref(session, ref, unknown="marking.unknown")
        queue = session.get_one(MarkingQueue, answer.queue_id)
        if session.get_one(MarkingDesk, queue.desk_id, with_for_update=True).state != OPEN:
            raise Conflict("marking.not_open")
        points = points_of(items_of(session, [queue])[queue.id].criteria, form.points)
        reason = required(form.reason, "marking.reason", "reason", limit=LONGEST_REMARK)
        if session.scalar(select(SeedPaper.id).where(SeedPaper.answer_id == answer.id)) is not None:
            raise Conflict("marking.seed_there")
        total = sum(points, Decimal(0))
        seed = SeedPaper(
            ref=new_ref("an"),
            queue_id=queue.id,
            answer_id=answer.id,
            criteria=_text(points),
            points=total,
            reason=reason,
            set_at=now,
            set_by=actor,
        )
        session.add(seed)
        record(
            session,
            at=now,
            actor=actor,
            act="marking.seed",
            subject=f"marking:{seed.ref}",
            reason=reason,
            after={"answer": answer.ref, "points": total},
        )
        return queue.ref
