"""举手 and 题目有疑问: what a candidate tells from their paper, beside their answers, and what they are answered.

Neither touches an answer or a clock. Each is a row, a line of the room's log and an entry of the audit log, and
there are so few of each that nobody floods a board.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.audit import chain
from cbt.blueprints.store import paper_of
from cbt.candidates.models import Candidate, Registration
from cbt.errors import Conflict, InvalidInput, Locked
from cbt.proctoring.desk import log_incident
from cbt.proctoring.models import ItemRemark, RaisedHand
from cbt.rules.exam import Paper
from cbt.rules.states import OVER as OVER_ROOMS
from cbt.runner.attempt_changes import lock_attempt, send_message, withdraw_message
from cbt.runner.attempt_states import OVER
from cbt.runner.models import Attempt, Message
from cbt.runner.paper.layout import positions_of, read_layout
from cbt.runner.protocol import iso
from cbt.runner.save.attempt_row import AttemptInfo
from cbt.runner.store import is_out
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.storage.page_span import ListPage, PageSpan
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

REASONS = ("network", "item", "body", "other")
ABOUT_AN_ITEM = "item"
MOST_HANDS = 30
"""Of one candidate in one paper."""
PAUSE = timedelta(seconds=10)
"""Between two hands, or two remarks, of one candidate."""
MOST_REMARKS = 20
MOST_SAME = 3
"""Remarks of one candidate on one item."""
LONGEST_REMARK = 200


@dataclass(frozen=True, slots=True)
class HandCounts:
    """What a room's record says of hands and remarks."""

    by_reason: Mapping[str, int]
    unanswered: int
    """Neither answered nor taken back."""
    remarks: int


def hand_counts(session: Session, sitting_room_id: int) -> HandCounts:
    hands = session.execute(
        select(RaisedHand.reason, RaisedHand.answered_at, RaisedHand.lowered_at).where(
            RaisedHand.sitting_room_id == sitting_room_id
        )
    ).all()
    remarks = (
        select(func.count()).select_from(ItemRemark).where(ItemRemark.sitting_room_id == sitting_room_id)
    )
    return HandCounts(
        Counter(hand.reason for hand in hands),
        sum(hand.answered_at is None and hand.lowered_at is None for hand in hands),
        session.scalar(remarks) or 0,
    )


def hand_of(info: AttemptInfo) -> dict[str, Any]:
    """Return the latest hand of an attempt as its page shows it."""
    with reading() as session:
        return _shown(session, _latest(session, info.attempt_id))


def _shown(session: Session, hand: RaisedHand | None) -> dict[str, Any]:
    if hand is None:
        return {"hand": None}
    answer = None if hand.message_id is None else session.get_one(Message, hand.message_id).text
    return {
        "hand": {
            "reason": hand.reason,
            "place": hand.place,
            "at": iso(hand.at),
            "up": _is_up(hand),
            "lowered": hand.lowered_at is not None,
            "answer": answer,
            "answered_at": None if hand.answered_at is None else iso(hand.answered_at),
        }
    }


def _is_up(hand: RaisedHand) -> bool:
    return hand.lowered_at is None and hand.answered_at is None


def _latest(session: Session, attempt_id: int) -> RaisedHand | None:
    query = select(RaisedHand).where(RaisedHand.attempt_id == attempt_id)
    return session.scalar(query.order_by(RaisedHand.id.desc()).limit(1))


def raise_hand(
    info: AttemptInfo, *, lease_hash: str, reason: str, position: int | None, now: datetime
) -> dict[str, Any]:
    """Raise a hand, and return it; one that is up stays as it is, so that a repeat changes nothing.

    Raise InvalidInput("hand.reason"), Conflict("hand.too_many") and ("hand.too_soon"), and as `_own_attempt` does.
    """
    if reason not in REASONS:
        raise InvalidInput("hand.reason", field="reason")
    with unit_of_work() as session:
        attempt = _own_attempt(session, info, lease_hash)
        latest = _latest(session, attempt.id)
        if latest is not None and _is_up(latest):
            return _shown(session, latest)
        count = select(func.count()).select_from(RaisedHand).where(RaisedHand.attempt_id == attempt.id)
        if (session.scalar(count) or 0) >= MOST_HANDS:
            raise Conflict("hand.too_many")
        if _is_too_soon(None if latest is None else latest.at, now):
            raise Conflict("hand.too_soon")
        place = ""
        if reason == ABOUT_AN_ITEM and position is not None:
            place = place_in(info.paper, attempt.layout, position)
        hand = RaisedHand(
            ref=new_ref("hd"),
            sitting_room_id=attempt.sitting_room_id,
            attempt_id=attempt.id,
            at=now,
            reason=reason,
            place=place,
        )
        session.add(hand)
        session.flush()
        _note(session, attempt, info, "hand", now=now, hand=reason, place=place)
        _record(session, attempt, info, "hand.raise", now=now, after={"reason": reason, "place": place})
        return _shown(session, hand)


def lower_hand(info: AttemptInfo, *, lease_hash: str, now: datetime) -> dict[str, Any]:
    """Take a hand back that nobody has answered; return what stands then. Raise as `_own_attempt` does."""
    with unit_of_work() as session:
        attempt = _own_attempt(session, info, lease_hash)
        hand = _latest(session, attempt.id)
        if hand is not None and _is_up(hand):
            hand.lowered_at = now
            _note(session, attempt, info, "hand_lowered", now=now)
            _record(session, attempt, info, "hand.lower", now=now)
        return _shown(session, hand)


def answer_hand(session: Session, attempt: Attempt, *, now: datetime, text: str, actor: str) -> int | None:
    """Answer the hand of an attempt that is locked; return the answer's id, None where none is up any more."""
    hand = _latest(session, attempt.id)
    if hand is None or not _is_up(hand):
        return None
    message = send_message(session, attempt, now=now, text=text, actor=actor)
    hand.answered_at, hand.answered_by, hand.message_id = now, actor, message.id
    return message.id


def withdraw_answer(session: Session, attempt: Attempt, message_id: int, *, now: datetime) -> bool:
    """Take an answer back that was not read yet: the hand is up again; return whether it could be."""
    hand = _latest(session, attempt.id)
    if hand is None or hand.message_id != message_id:
        return False
    if not withdraw_message(session, attempt, message_id, now=now):
        return False
    hand.answered_at = hand.answered_by = hand.message_id = None
    return True


def remark(info: AttemptInfo, *, lease_hash: str, position: int | None, text: str, now: datetime) -> str:
    """Keep what a candidate says of an item; return the item's place as they count it.

    The room's log says at which item, not what: the words may give the item away, and the log is printed.

    Raise InvalidInput("remark.text"), ("remark.place"), Conflict("remark.too_many") and ("remark.too_soon"), and as
    `_own_attempt` does.
    """
    text = " ".join(text.split())
    if not text or len(text) > LONGEST_REMARK:
        raise InvalidInput("remark.text", field="text", most=LONGEST_REMARK)
    with unit_of_work() as session:
        attempt = _own_attempt(session, info, lease_hash)
        place = "" if position is None else place_in(info.paper, attempt.layout, position)
        if not place or position is None:
            raise InvalidInput("remark.place", field="position")
        query = select(ItemRemark).where(ItemRemark.attempt_id == attempt.id).order_by(ItemRemark.id)
        former = session.scalars(query).all()
        if any(one.position == position and one.text == text for one in former):
            return place
        same = sum(one.position == position for one in former)
        if len(former) >= MOST_REMARKS or same >= MOST_SAME:
            raise Conflict("remark.too_many")
        if _is_too_soon(former[-1].at if former else None, now):
            raise Conflict("remark.too_soon")
        item = positions_of(session.get_one(Form, attempt.form_id).content)[position - 1]
        row = ItemRemark(
            ref=new_ref("rk"),
            sitting_room_id=attempt.sitting_room_id,
            attempt_id=attempt.id,
            at=now,
            position=position,
            place=place,
            item_ref=item.item,
            item_version=item.version,
            text=text,
        )
        session.add(row)
        _note(session, attempt, info, "remark", now=now, place=place)
        _record(session, attempt, info, "remark.make", now=now, after={"remark": row.ref, "place": place})
        return place


def _is_too_soon(last_at: datetime | None, now: datetime) -> bool:
    return last_at is not None and now < last_at + PAUSE


def place_in(paper: Paper, layout: str, position: int) -> str:
    """Return an item's place as the candidate counts: section or unit, and the number there; "" for none."""
    shapes = read_layout(layout)
    if not 1 <= position <= len(shapes):
        return ""
    parts: Sequence[Any] = paper.units or paper.sections
    groups = [(one.unit or 1) - 1 if paper.units else one.section or 0 for one in shapes]
    group = groups[position - 1]
    return f"{parts[group].name} {groups[:position].count(group)}"[:80]


def _own_attempt(session: Session, info: AttemptInfo, lease_hash: str) -> Attempt:
    """Return the attempt, locked.

    Raise Conflict("lease.lost") for a browser that has not the lease, Conflict("attempt.closed") once the paper or
    the room is over, Locked("attempt.away") while the candidate is out of the room.
    """
    # What is written refers to room and registration: they are locked before the paper, as every act of staff does.
    before = (
        select(SittingRoom.state)
        .join(Attempt, Attempt.sitting_room_id == SittingRoom.id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Attempt.id == info.attempt_id)
        .with_for_update(read=True, key_share=True, of=[SittingRoom, Registration])
    )
    room_state = session.execute(before).scalar_one()
    attempt = lock_attempt(session, info.attempt_id)
    if attempt.lease_hash != lease_hash:
        raise Conflict("lease.lost")
    if attempt.state in OVER or room_state in OVER_ROOMS:
        raise Conflict("attempt.closed")
    if is_out(session, attempt.registration_id):
        raise Locked("attempt.away")
    return attempt


def _note(
    session: Session, attempt: Attempt, info: AttemptInfo, kind: str, *, now: datetime, **params: str
) -> None:
    """Write a line of the room's log, with the seat as it is now."""
    name, seat = session.execute(
        select(Candidate.name, Seat.number)
        .select_from(Registration)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Registration.id == attempt.registration_id)
    ).one()
    log_incident(
        session,
        sitting_room_id=attempt.sitting_room_id,
        kind=kind,
        at=now,
        by=f"candidate:{info.registration_ref}",
        params={"name": name, "seat": f"{seat:02d}", **params},
        registration_id=attempt.registration_id,
    )


def _record(
    session: Session,
    attempt: Attempt,
    info: AttemptInfo,
    act: str,
    *,
    now: datetime,
    after: Mapping[str, Any] | None = None,
) -> None:
    actor = f"candidate:{info.registration_ref}"
    chain.record(session, at=now, actor=actor, act=act, subject=f"attempt:{attempt.ref}", after=after)


REMARKS = 50


@dataclass(frozen=True, slots=True)
class RemarkOnItem:
    """A remark as the office reads it: of a seat, not by name."""

    at: datetime
    room: str
    seat: int
    place: str
    item_ref: str
    item_version: int
    text: str


def count_remarks(session: Session, sitting_id: int) -> int:
    query = select(func.count()).select_from(ItemRemark).join(SittingRoom)
    return session.scalar(query.where(SittingRoom.sitting_id == sitting_id)) or 0


def remarks_of(session: Session, sitting: Sitting, *, page: int) -> ListPage[RemarkOnItem]:
    """Return a page of what candidates of a sitting said of items: those on one item stand together."""
    span = PageSpan(count_remarks(session, sitting.id), REMARKS, page)
    return span.of([RemarkOnItem(*row) for row in session.execute(span.cut(_remarks(sitting)))])


ItemOfBank = tuple[int, str, int]
"""A bank's id, an item's ref and its version: two banks may name theirs alike."""


def remarks_on(session: Session, sitting: Sitting, item: ItemOfBank) -> list[RemarkOnItem]:
    """Return what candidates of a sitting said of one item, the first of it."""
    bank_id, ref, version = item
    query = (
        _remarks(sitting)
        .join(Form, Form.id == Attempt.form_id)
        .where(Form.bank_id == bank_id, ItemRemark.item_ref == ref, ItemRemark.item_version == version)
    )
    return [RemarkOnItem(*row) for row in session.execute(query.limit(REMARKS))]


def remarked_items(session: Session, sitting_id: int) -> dict[ItemOfBank, int]:
    """Return how many remarks there are on each item of a sitting."""
    item = Form.bank_id, ItemRemark.item_ref, ItemRemark.item_version
    query = (
        select(*item, func.count())
        .select_from(ItemRemark)
        .join(SittingRoom, SittingRoom.id == ItemRemark.sitting_room_id)
        .join(Attempt, Attempt.id == ItemRemark.attempt_id)
        .join(Form, Form.id == Attempt.form_id)
        .where(SittingRoom.sitting_id == sitting_id)
    )
    rows = session.execute(query.group_by(*item))
    return {(bank_id, ref, version): count for bank_id, ref, version, count in rows}


def _remarks(sitting: Sitting) -> Select[datetime, str, int, str, str, int, str]:
    return (
        select(
            ItemRemark.at,
            Room.name,
            Seat.number,
            ItemRemark.place,
            ItemRemark.item_ref,
            ItemRemark.item_version,
            ItemRemark.text,
        )
        .join(SittingRoom, SittingRoom.id == ItemRemark.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Attempt, Attempt.id == ItemRemark.attempt_id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(SittingRoom.sitting_id == sitting.id)
        .order_by(ItemRemark.item_ref, ItemRemark.item_version, ItemRemark.at, ItemRemark.id)
    )


MOST_HANDS_READ = 200


@dataclass(frozen=True, slots=True)
class HandOnItem:
    """举手 about an item, with what a proctor answered; of a seat, not by name."""

    at: datetime
    room: str
    seat: int
    place: str
    item: ItemOfBank
    answer: str
    """"" where nobody answered in words."""


def hands_on_items(session: Session, sitting: Sitting) -> list[HandOnItem]:
    """Return the hands of a sitting that were about an item, in their order; which one, its frozen form says."""
    rows = session.execute(
        select(RaisedHand, Room.name, Seat.number, Message.text, Attempt, Registration)
        .join(SittingRoom, SittingRoom.id == RaisedHand.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Attempt, Attempt.id == RaisedHand.attempt_id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .outerjoin(Message, Message.id == RaisedHand.message_id)
        .where(
            SittingRoom.sitting_id == sitting.id, RaisedHand.reason == ABOUT_AN_ITEM, RaisedHand.place != ""
        )
        .order_by(RaisedHand.id)
        .limit(MOST_HANDS_READ)
    ).all()
    hands = []
    for hand, room, seat, answer, attempt, registration in rows:
        paper = paper_of(session, registration.blueprint_version_id, registration.paper)
        form = session.get_one(Form, attempt.form_id)
        for number, item in enumerate(positions_of(form.content), 1):
            if place_in(paper, attempt.layout, number) == hand.place:
                held = form.bank_id, item.item, item.version
                hands.append(HandOnItem(hand.at, room, seat, hand.place, held, answer or ""))
                break
    return hands
