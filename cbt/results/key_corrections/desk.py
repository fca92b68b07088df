"""The desk of bad items (试题复核): the items of a sitting by what speaks against them, one item, one correction.

Source: R-54, R-97, R-99.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from cbt.accounts.store import actor_names
from cbt.assembly.models import Form
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import Conflict
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.items.preview import verdicts
from cbt.proctoring.hands import (
    HandOnItem,
    ItemOfBank,
    RemarkOnItem,
    hands_on_items,
    remarked_items,
    remarks_on,
)
from cbt.results.analysis.figures import AnalysisReport, ItemReport, PaperReport
from cbt.results.key_corrections.correction import correction_by_ref
from cbt.results.key_corrections.effect import AskedItem, EffectLine, ItemPlace, place_of
from cbt.results.models import Result
from cbt.results.publicity.store import standing_publication
from cbt.results.retake_ledger import Booking, bookings_among
from cbt.rules.items.content import ItemContent
from cbt.rules.key_corrections import CorrectionKind, Shift, VerdictTurn
from cbt.runner.models import Attempt
from cbt.scoring.marking.rubric_round import RoundProgress, progress_of_round
from cbt.scoring.models import CorrectedAttempt, KeyCorrection
from cbt.sittings.models import Batch, Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import official_only
from cbt.storage.page_span import ListPage, PageSpan

PAGE = 50
GRAVE = ("negative", "distractor_over_key", "key_missed", "too_hard", "too_easy")
"""What speaks against an item itself; a distractor that nobody takes does not. Source: R-97, R-99."""


@dataclass(slots=True)
class AskedLine:
    """An item of a sitting with what speaks against it."""

    item: AskedItem
    figures: ItemReport | None = None
    remarks: int = 0
    hands: int = 0
    corrections: list[str] = field(default_factory=list)
    """The kinds of corrections there are of it."""

    @property
    def flags(self) -> list[str]:
        return [] if self.figures is None else [flag for flag in self.figures.flags if flag in GRAVE]

    @property
    def weight(self) -> tuple[int, ...]:
        """What it stands by in the list: corrected ones, remarks and flags go first."""
        return (
            -len(self.corrections),
            -(self.remarks + self.hands),
            *(GRAVE.index(flag) for flag in self.flags[:1] or [GRAVE[-1]]),
            -len(self.flags),
        )


@dataclass(frozen=True, slots=True)
class KeyDesk:
    """The items of a sitting, those that something speaks against first."""

    sitting: Sitting
    lines: ListPage[AskedLine]
    looked_at: int
    """Of how many something speaks against them."""
    corrections: Sequence[KeyCorrection]
    names: Mapping[str, str]


Key = tuple[int, str, int, int | None]
"""The id of a bank, an item's ref, its version, its part."""


def item_desk(session: Session, sitting: Sitting, report: AnalysisReport | None, *, page: int) -> KeyDesk:
    """Return a page of the items of a sitting; figures are there with a report."""
    figures = {key: one for key, (_paper, one) in _figures_of(session, sitting.id, report).items()}
    remarks = remarked_items(session, sitting.id)
    hands = hands_by_item(hands_on_items(session, sitting))
    corrections = corrections_of(session, sitting.id)
    keys: set[Key] = {*figures, *(_key_of(one) for one in corrections)}
    there = {key[:3] for key in keys}
    keys |= {(*one, None) for one in {*remarks, *hands} - there}
    banks = session.execute(
        select(ItemBank.id, ItemBank.ref).where(ItemBank.id.in_({key[0] for key in keys}))
    )
    refs = {row.id: row.ref for row in banks}
    lines = [
        AskedLine(
            AskedItem(sitting.ref, refs[bank_id], ref, version, part),
            figures.get((bank_id, ref, version, part)),
            remarks.get((bank_id, ref, version), 0),
            len(hands.get((bank_id, ref, version), ())),
            [one.kind for one in corrections if _key_of(one) == (bank_id, ref, version, part)],
        )
        for bank_id, ref, version, part in keys
    ]
    lines.sort(key=lambda line: (line.weight, line.item.ref, line.item.bank, line.item.part or 0))
    span = PageSpan(len(lines), PAGE, page)
    looked_at = sum(bool(one.flags or one.remarks or one.hands) for one in lines)
    shown = lines[span.offset : span.offset + PAGE]
    people = {who for one in corrections for who in (one.by, one.second)}
    return KeyDesk(sitting, span.of(shown), looked_at, corrections, actor_names(session, people))


def _key_of(correction: KeyCorrection) -> Key:
    return correction.bank_id, correction.item_ref, correction.item_version, correction.part


def _figures_of(
    session: Session, sitting_id: int, report: AnalysisReport | None
) -> dict[Key, tuple[PaperReport, ItemReport]]:
    """Return the figures of items, each with its paper: banks of two papers may name theirs alike."""
    drawn = (
        select(Form.blueprint_version_id, Form.paper, Form.bank_id)
        .join(Attempt, Attempt.form_id == Form.id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting_id)
        .distinct()
    )
    banks: dict[str, list[int]] = {}
    for version_id, code, bank_id in session.execute(drawn):
        blueprint = blueprint_of(session, version_id)
        title = f"{blueprint.level_name} {blueprint.papers[code].label}"
        banks.setdefault(title, []).append(bank_id)
    return {
        (bank_id, one.column.ref, one.column.version, one.column.part): (paper, one)
        for paper in (report.papers if report else ())
        for bank_id in banks.get(paper.title, ())
        for one in paper.items
    }


def hands_by_item(hands: Iterable[HandOnItem]) -> dict[ItemOfBank, list[HandOnItem]]:
    by_item: dict[ItemOfBank, list[HandOnItem]] = {}
    for hand in hands:
        by_item.setdefault(hand.item, []).append(hand)
    return by_item


def corrections_of(session: Session, sitting_id: int) -> Sequence[KeyCorrection]:
    """Return the corrections of a sitting, the latest first."""
    return session.scalars(
        select(KeyCorrection)
        .where(KeyCorrection.sitting_id == sitting_id)
        .order_by(KeyCorrection.number.desc())
    ).all()


# One item.


@dataclass(frozen=True, slots=True)
class ItemPage:
    """An item as it was asked, with its figures, what was said of it, and what was corrected."""

    item: AskedItem
    place: ItemPlace
    asked: ItemContent
    """The item, or its part that is asked."""
    current: int
    """Its version in the bank by now."""
    paper: PaperReport | None
    figures: ItemReport | None
    remarks: Sequence[RemarkOnItem]
    hands: Sequence[HandOnItem]
    corrections: Sequence[KeyCorrection]
    names: Mapping[str, str]
    rounds: Sequence[RoundLine]
    """By which rubrics its answers can be, or were, marked anew; none of an item that people do not mark."""


@dataclass(frozen=True, slots=True)
class RoundLine:
    """What was marked anew by the rubric of one version."""

    version: int
    progress: RoundProgress


def _rounds(session: Session, place: ItemPlace, item: AskedItem, current: int) -> list[RoundLine]:
    """Return the rounds by the version that was asked and by the one in the bank, where that can be marked by."""
    if not place.content.part(item.part).by_people:
        return []
    lines = []
    for version in dict.fromkeys((current, item.version)):
        try:
            own = place.round_by(session, item, version)
        except Conflict:  # it is no longer marked by people
            continue
        lines.append(RoundLine(version, progress_of_round(session, own.subject)))
    return lines


def item_page(session: Session, item: AskedItem, report: AnalysisReport | None) -> ItemPage:
    """Return an item of a sitting; raise like `place_of`."""
    place = place_of(session, item)
    key = (place.bank.id, item.ref, item.version, item.part)
    paper, figures = _figures_of(session, place.sitting.id, report).get(key, (None, None))
    current = session.scalar(select(Item.version).where(Item.bank_id == place.bank.id, Item.ref == item.ref))
    own = [one for one in corrections_of(session, place.sitting.id) if _key_of(one) == key]
    hands = hands_by_item(hands_on_items(session, place.sitting)).get(key[:3], [])
    return ItemPage(
        item,
        place,
        place.content.part(item.part),
        current or item.version,
        paper,
        figures,
        remarks_on(session, place.sitting, key[:3]),
        hands,
        own,
        actor_names(session, {who for one in own for who in (one.by, one.second)}),
        _rounds(session, place, item, current or item.version),
    )


def answers_said(
    session: Session, place: ItemPlace, item: AskedItem, kind: CorrectionKind, answers: Sequence[Any]
) -> list[str]:
    """Return answers in words, as an author reads a key; a rubric line by line."""
    content = place.content.part(item.part)
    if kind is CorrectionKind.RUBRIC:
        return place.round_by(session, item, int(answers[0])).content(session).key_lines(verdicts())
    keyed = [replace(content, answer_key=content.read_key(answer)) for answer in answers]
    return [" ".join(one.key_lines(verdicts())) for one in keyed]


# Who is concerned.


@dataclass(frozen=True, slots=True)
class ConcernedLine:
    """Somebody concerned, with what a correction makes of them."""

    name: str
    ticket_number: str
    room: str
    seat: int
    paper: str
    line: EffectLine


FILTERS = ("turning", "rises", "falls", "kept", "stays")


def lines_by(lines: Iterable[EffectLine], which: str) -> list[EffectLine]:
    """Return the lines a list is narrowed down to; all for none of FILTERS, who crosses the mark first."""
    chosen = [line for line in lines if which not in FILTERS or _is_of(line, which)]
    order = {VerdictTurn.GAINS: 0, VerdictTurn.LOSES: 1, VerdictTurn.NONE: 2}
    shifts = {Shift.RISES: 0, Shift.FALLS: 1, Shift.STAYS: 2}
    return sorted(chosen, key=lambda line: (order[line.turn], shifts[line.shift], line.attempt))


def _is_of(line: EffectLine, which: str) -> bool:
    if which == "turning":
        return line.turn is not VerdictTurn.NONE
    if which == "kept":
        return line.stays
    return line.shift.value == which and not (which == "falls" and line.stays)


def concerned(session: Session, lines: Sequence[EffectLine], *, page: int) -> ListPage[ConcernedLine]:
    """Return a page of who is concerned, with names."""
    span = PageSpan(len(lines), PAGE, page)
    shown = lines[span.offset : span.offset + PAGE]
    rows = session.execute(
        select(Registration, Candidate.name, AdmissionTicket.number, Room.name, Seat.number)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Registration.id.in_([line.registration for line in shown]))
    )
    by_id = {row[0].id: row for row in rows}
    named = []
    for line in shown:
        registration, name, ticket, room, seat = by_id[line.registration]
        title = blueprint_of(session, registration.blueprint_version_id).paper_title(registration.paper)
        named.append(ConcernedLine(name, ticket, room, seat, title, line))
    return span.of(named)


# One correction.


@dataclass(frozen=True, slots=True)
class ToDo:
    """What follows from a correction and is not done by it; `names` says whom it is about."""

    code: str
    count: int
    names: Sequence[str] = ()
    batch: str = ""
    """The batch that it is about, by its ref."""


@dataclass(frozen=True, slots=True)
class CorrectionPage:
    """One correction with its before and after, and what is left to do."""

    correction: KeyCorrection
    sitting: Sitting
    item: AskedItem
    answers: Sequence[str]
    lines: Sequence[EffectLine]
    left: int
    names: Mapping[str, str]
    to_do: Sequence[ToDo]
    elsewhere: Sequence[Sitting]
    """Sittings that were asked the same version and have no such correction."""
    current: int

    def of_shift(self, which: str) -> int:
        return len(lines_by(self.lines, which))

    def turning(self, turn: str) -> int:
        return sum(line.turn.value == turn for line in self.lines)


def correction_page(session: Session, ref: str) -> CorrectionPage:
    """Return a correction; raise NotFound("key.unknown")."""
    made = correction_by_ref(session, ref)
    sitting = session.get_one(Sitting, made.sitting_id)
    bank = session.get_one(ItemBank, made.bank_id)
    item = AskedItem(sitting.ref, bank.ref, made.item_ref, made.item_version, made.part)
    place = place_of(session, item)
    lines = corrected_lines(session, made)
    current = session.scalar(select(Item.version).where(Item.bank_id == bank.id, Item.ref == made.item_ref))
    elsewhere = _elsewhere(session, made)
    return CorrectionPage(
        made,
        sitting,
        item,
        answers_said(session, place, item, CorrectionKind(made.kind), json.loads(made.answers)),
        lines,
        made.people - len(lines),
        actor_names(session, {made.by, made.second}),
        _to_do(session, made, sitting, lines),
        elsewhere,
        current or made.item_version,
    )


def corrected_lines(session: Session, made: KeyCorrection) -> list[EffectLine]:
    """Return what a correction made of everybody, as it is on record."""
    rows = session.execute(
        select(CorrectedAttempt, Attempt.registration_id, Result.id)
        .join(Attempt, Attempt.id == CorrectedAttempt.attempt_id)
        .outerjoin(Result, Result.registration_id == Attempt.registration_id)
        .where(CorrectedAttempt.key_correction_id == made.id)
        .order_by(CorrectedAttempt.attempt_id)
    )
    return [
        EffectLine(
            attempt=row.attempt_id,
            registration=registration_id,
            score=row.before_score_id,
            before=row.before,
            after=row.after,
            before_outcome=row.before_outcome,
            after_outcome=row.after_outcome,
            released=result_id is not None,
            kept=row.after_score_id is None and row.after is not None,
            to_mark=row.after_score_id is None and row.after is None,
            settled=True,
        )
        for row, registration_id, result_id in rows
    ]


def _to_do(
    session: Session, made: KeyCorrection, sitting: Sitting, lines: Sequence[EffectLine]
) -> list[ToDo]:
    """Return what follows for certificates, make-ups, what is shown, statements and files that went out."""
    changed = [line for line in lines if not line.stays and line.shift is not Shift.STAYS]
    gaining = [line.registration for line in changed if line.turn is VerdictTurn.GAINS]
    listed: list[ToDo] = []
    if sitting.released_at is not None and gaining:
        listed.append(ToDo("certificates", len(gaining), _names(session, gaining)))
        bookings = _make_ups(session, gaining)
        if bookings:
            names = [f"{one.candidate.name}（{one.sitting.name}）" for one in bookings]
            batch = session.get_one(Batch, bookings[0].sitting.batch_id)
            listed.append(ToDo("make_ups", len(bookings), names, batch.ref))
    if sitting.released_at is None and changed and standing_publication(session, sitting.id) is not None:
        listed.append(ToDo("publicity", len(changed)))
    if sitting.released_at is not None and changed:
        listed.append(ToDo("statements", len(changed)))
    if any(line.to_mark for line in lines):
        listed.append(ToDo("marks", sum(line.to_mark for line in lines)))
    if made.ended_at is not None and made.people > len(lines):
        listed.append(ToDo("left", made.people - len(lines)))
    return listed


def _names(session: Session, registration_ids: Sequence[int]) -> list[str]:
    query = (
        select(Candidate.name)
        .join(Registration, Registration.candidate_id == Candidate.id)
        .where(Registration.id.in_(registration_ids[:PAGE]))
        .order_by(Registration.id)
    )
    return list(session.scalars(query))


def _make_ups(session: Session, registration_ids: Sequence[int]) -> list[Booking]:
    """Return the make-ups to come of papers that are passed now. Source: R-4."""
    own, other, result = aliased(Registration), aliased(Registration), aliased(Result)
    query = (
        select(other.id)
        .join(
            own,
            (own.candidate_id == other.candidate_id)
            & (own.blueprint_ref == other.blueprint_ref)
            & (own.paper == other.paper)
            & (own.id != other.id),
        )
        .join(Sitting, Sitting.id == other.sitting_id)
        .outerjoin(result, result.registration_id == other.id)
        .where(own.id.in_(registration_ids), other.kind == "retake", result.id.is_(None), official_only())
    )
    return bookings_among(session, list(session.scalars(query)))


def _elsewhere(session: Session, made: KeyCorrection) -> list[Sitting]:
    """Return the latest sittings whose forms hold the same version and that nobody corrected it in."""
    sha = session.scalar(
        select(ItemVersion.sha256)
        .join(Item, Item.id == ItemVersion.item_id)
        .where(
            Item.bank_id == made.bank_id, Item.ref == made.item_ref, ItemVersion.number == made.item_version
        )
    )
    if sha is None:
        return []
    held = (
        select(Registration.sitting_id)
        .join(Attempt, Attempt.registration_id == Registration.id)
        .join(Form, Form.id == Attempt.form_id)
        .where(
            Form.bank_id == made.bank_id,
            Form.content.contains(sha),
            Registration.sitting_id != made.sitting_id,
        )
    )
    same = (
        KeyCorrection.bank_id == made.bank_id,
        KeyCorrection.item_ref == made.item_ref,
        KeyCorrection.item_version == made.item_version,
    )
    corrected = select(KeyCorrection.sitting_id).where(*same)
    query = (
        select(Sitting)
        .where(Sitting.id.in_(held), Sitting.id.not_in(corrected), official_only())
        .order_by(Sitting.planned_start_at.desc())
        .limit(12)
    )
    return list(session.scalars(query))
