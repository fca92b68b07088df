"""What a key correction makes of everybody who was asked the item: before and after, worked out and not stored.

Source: R-54, R-99.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, partial

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.assembly.draw import arrange, arrangements
from cbt.bank.store import bank_by_ref, contents
from cbt.blueprints.store import paper_of
from cbt.candidates.models import Registration
from cbt.errors import Conflict, NotFound
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.results import store
from cbt.results.models import Result
from cbt.results.sheet.outcome import Decision, decision_by
from cbt.results.sheet.sitting import RegistrationEnd, ends_of
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.items.content import ItemContent
from cbt.rules.key_corrections import CorrectionKind, Shift, VerdictTurn, is_kept, shift_of, turn_of
from cbt.rules.retake import PaperOutcome
from cbt.rules.states import State
from cbt.runner.models import Attempt
from cbt.scoring.key_corrections import KeysInForce, keys_in_force, revision_named
from cbt.scoring.marking.counted import ByText
from cbt.scoring.marking.rubric_round import RubricRound, progress_of_round, round_marks
from cbt.scoring.models import KeyCorrection, Score
from cbt.scoring.score_sheets import Scorers
from cbt.sittings.models import Sitting
from cbt.storage.unit_of_work import PIECE, reading

CHUNK = 200


class AskedItem(msgspec.Struct, frozen=True):
    """One version of an item, or of a part of a case (0-based), as the forms of a sitting ask it."""

    sitting: str
    bank: str
    ref: str
    version: int
    part: int | None = None

    @property
    def subject(self) -> str:
        return f"sitting:{self.sitting}"


class KeyProposal(msgspec.Struct, frozen=True):
    """What is proposed of an item; `answers` are those that become right, as their author would write them.

    By another rubric it is the number of the version in the bank whose rubric that is.
    """

    item: AskedItem
    kind: CorrectionKind
    answers: list[object] = []


class EffectLine(msgspec.Struct, frozen=True):
    """What a correction makes of one attempt; the points are those that are shown of it."""

    attempt: int
    registration: int
    score: int
    """The score that counts, by its id."""
    before: Decimal | None
    after: Decimal | None
    before_outcome: str
    after_outcome: str
    """"" where that is open."""
    released: bool
    kept: bool
    """Whether the former score goes on to count, for it was released and would fall (R-99)."""
    to_mark: bool
    """Whether people have to mark anew what they marked: nothing is changed by a machine then."""
    settled: bool
    """Whether what was released says what the evidence says: else two people correct it on its own."""

    @property
    def shift(self) -> Shift:
        return shift_of(self.before, self.after)

    @property
    def turn(self) -> VerdictTurn:
        return turn_of(_outcome(self.before_outcome), _outcome(self.after_outcome))

    @property
    def stays(self) -> bool:
        """Whether the score that counts stays: it is kept, or people mark."""
        return self.kept or self.to_mark


def _outcome(text: str) -> PaperOutcome | None:
    return PaperOutcome(text) if text else None


class CorrectionEffect(msgspec.Struct, frozen=True, dict=True):
    """The before and after of everybody concerned; `number` is the key revision that it makes."""

    proposal: KeyProposal
    number: int
    lines: list[EffectLine]
    mark: str
    """What is another whenever scores or results of the sitting are."""

    @cached_property
    def rests(self) -> tuple[str, ...]:
        """What is left to correct before each piece, and after the last, as digests."""
        return rests_of(self.lines)

    @cached_property
    def seen(self) -> str:
        """The digest of what is proposed and of what it makes of everybody."""
        return digest(canonical_json([msgspec.to_builtins(self.proposal), self.number, self.rests[0]]))

    def shifting(self, shift: Shift) -> list[EffectLine]:
        return [line for line in self.lines if line.shift is shift]

    @property
    def rising(self) -> int:
        return len(self.shifting(Shift.RISES))

    @property
    def falling(self) -> int:
        """How many fall: those whose score is kept are none of them."""
        return sum(not line.stays for line in self.shifting(Shift.FALLS))

    @property
    def kept(self) -> int:
        return sum(line.kept for line in self.lines)

    @property
    def to_mark(self) -> int:
        return sum(line.to_mark for line in self.lines)

    def turning(self, turn: VerdictTurn) -> int:
        return sum(line.turn is turn for line in self.lines)

    @property
    def gaining(self) -> int:
        return self.turning(VerdictTurn.GAINS)

    @property
    def losing(self) -> int:
        return self.turning(VerdictTurn.LOSES)


def rests_of(lines: Sequence[EffectLine]) -> tuple[str, ...]:
    """Return what is left of lines before each piece, and after the last, as digests."""
    rests, rest = [""], ""
    pieces = [lines[begin : begin + PIECE] for begin in range(0, len(lines), PIECE)]
    for piece in reversed(pieces):
        rest = digest(rest + canonical_json(msgspec.to_builtins(list(piece))))
        rests.append(rest)
    return tuple(reversed(rests))


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """An asked item with what it is in the database."""

    sitting: Sitting
    bank: ItemBank
    content: ItemContent
    """Of the item, also where a part of it is asked."""

    def round_by(self, session: Session, item: AskedItem, version: int) -> RubricRound:
        """Return what is marked anew by the rubric of a version; raise like `RubricRound.content`."""
        version_id = session.scalars(
            select(ItemVersion.id)
            .join(Item, Item.id == ItemVersion.item_id)
            .where(Item.bank_id == self.bank.id, Item.ref == item.ref, ItemVersion.number == item.version)
        ).one()
        own = RubricRound(self.sitting.id, self.bank.id, item.ref, version_id, item.part, version)
        own.content(session)
        return own


def place_of(session: Session, item: AskedItem) -> ItemPlace:
    """Return an item of a sitting that is over.

    Raise like `finished_sitting`, NotFound("bank.unknown"|"bank.item_unknown"), also for a part there is none of.
    """
    sitting = store.finished_sitting(session, item.sitting)
    bank = bank_by_ref(session, item.bank)
    content = contents(session, [(item.ref, item.version)], bank.id)[item.ref, item.version]
    parts = len(getattr(content, "parts", ()))
    if (item.part is None) != (not parts) or not 0 <= (item.part or 0) < max(parts, 1):
        raise NotFound("bank.item_unknown", ref=item.ref, version=item.version)
    return ItemPlace(sitting, bank, content)


def attempts_asked(session: Session, sitting_id: int, bank_id: int, item: AskedItem) -> list[int]:
    """Return the scored attempts of a sitting whose forms ask an item."""
    rows = session.execute(
        select(Attempt.id, Attempt.form_id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting_id, Attempt.state == State.SCORED)
        .order_by(Attempt.id)
    ).all()
    forms = sorted({form_id for _id, form_id in rows})
    asking: set[int] = set()
    for start in range(0, len(forms), CHUNK):
        asking |= _asking(session, forms[start : start + CHUNK], bank_id, item)
    return [attempt_id for attempt_id, form_id in rows if form_id in asking]


def _asking(session: Session, form_ids: Collection[int], bank_id: int, item: AskedItem) -> set[int]:
    """Return which forms ask an item: their arrangements say it, at the head of a line."""
    part = "null" if item.part is None else item.part
    head = f"\n[{canonical_json(item.ref)},{item.version},{part},"
    arranged = arrangements(session, form_ids)
    if missing := set(form_ids) - arranged.keys():
        arranged |= arrange(session, missing)
    return {form_id for form_id, form in arranged.items() if form.bank_id == bank_id and head in form.text}


def mark_of(session: Session, sitting_id: int) -> str:
    """Return what is another whenever a score, a result or a key of a sitting is."""
    facts = session.execute(
        store.joined_rows(
            select(func.count(Score.id), func.sum(Score.id), func.count(Result.id)).select_from(Registration)
        ).where(Registration.sitting_id == sitting_id)
    ).one()
    keys = session.scalar(
        select(func.max(KeyCorrection.number)).where(KeyCorrection.sitting_id == sitting_id)
    )
    return digest(canonical_json([*(int(one or 0) for one in facts), keys or 0]))


def require_scored(session: Session, sitting: Sitting) -> None:
    """Raise Conflict("key.not_scored") while a closed paper of a sitting has no score."""
    open_ones = session.scalar(
        select(func.count())
        .select_from(Attempt)
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting.id, Attempt.state == State.CLOSED)
    )
    if open_ones:
        raise Conflict("key.not_scored", count=open_ones)


def read_effect(proposal: KeyProposal) -> CorrectionEffect:
    """Return what a proposal would make of everybody who was asked the item.

    Raise NotFound("key.not_asked") for an item that nobody of the sitting was asked, Conflict("key.under_way")
    while another correction of the sitting is carried out, and like `place_of`, `require_scored`, `marked_round`.

    Source: R-54, R-99.
    """
    item = proposal.item
    with reading() as session:
        place = place_of(session, item)
        require_scored(session, place.sitting)
        require_ended(session, place.sitting.id)
        attempt_ids = attempts_asked(session, place.sitting.id, place.bank.id, item)
        if not attempt_ids:
            raise NotFound("key.not_asked", ref=item.ref, version=item.version)
        revision = revision_named(
            *(session, place.bank.id, item.ref, item.version, item.part),
            kind=proposal.kind,
            answers=proposal.answers,
        )
        keys = keys_in_force(session, place.sitting.id).with_next(place.bank.id, revision)
        own = marked_round(session, place, proposal)
        lines = lines_of(
            session, place.sitting.id, attempt_ids, keys, Scorers(), marks=marks_by(session, own)
        )
        return CorrectionEffect(proposal, keys.number, lines, mark_of(session, place.sitting.id))


def marked_round(session: Session, place: ItemPlace, proposal: KeyProposal) -> RubricRound | None:
    """Return the round whose marks a correction takes; None for one that takes none.

    Raise Conflict("key.no_marks"|"key.marks_wait") before it was asked for, and while some of it waits, and like
    `RubricRound.content`.
    """
    if proposal.kind is not CorrectionKind.RUBRIC:
        return None
    own = place.round_by(session, proposal.item, int(str(proposal.answers[0])))
    progress = progress_of_round(session, own.subject)
    if progress.all_waiting:
        raise Conflict("key.marks_wait", count=progress.all_waiting)
    if not progress.marked:
        raise Conflict("key.no_marks")
    return own


MarksFor = Callable[[Sequence[int]], Mapping[int, ByText]]
"""Returns the marks of people that would count, by attempt."""


def marks_by(session: Session, own: RubricRound | None) -> MarksFor | None:
    return None if own is None else partial(round_marks, session, own)


def require_ended(session: Session, sitting_id: int) -> None:
    """Raise Conflict("key.under_way") while a correction of a sitting is being carried out."""
    going = select(KeyCorrection.id).where(
        KeyCorrection.sitting_id == sitting_id, KeyCorrection.ended_at.is_(None)
    )
    if session.scalar(going.limit(1)) is not None:
        raise Conflict("key.under_way")


def lines_of(
    session: Session,
    sitting_id: int,
    attempt_ids: Sequence[int],
    keys: KeysInForce,
    scorers: Scorers,
    *,
    marks: MarksFor | None = None,
) -> list[EffectLine]:
    """Return what some keys, and marks, make of attempts that have a score, in the order of their ids."""
    lines: list[EffectLine] = []
    for start in range(0, len(attempt_ids), CHUNK):
        chunk = attempt_ids[start : start + CHUNK]
        scored = scorers.score(session, chunk, keys=keys, marks=None if marks is None else marks(chunk))
        rows = session.execute(
            select(Attempt.id, Registration.id, Registration.blueprint_version_id, Registration.paper)
            .join(Registration, Registration.id == Attempt.registration_id)
            .where(Attempt.id.in_(chunk))
            .order_by(Attempt.id)
        ).all()
        among = Registration.id.in_([row[1] for row in rows])
        ends = {end.registration_id: end for end in ends_of(session, sitting_id, among)}
        elsewhere = store.violations_elsewhere(session, sitting_id, among)
        for attempt_id, registration_id, version_id, code in rows:
            end, fresh = ends[registration_id], scored[attempt_id].sheet.score
            facts, standing = replace(end.judged.facts, score=fresh, marked=True), end.judged.standing
            paper = paper_of(session, version_id, code)
            after = decision_by(facts, standing, paper, elsewhere.get(registration_id, ()))
            lines.append(_line(attempt_id, end, fresh, after))
    return lines


def _line(attempt_id: int, end: RegistrationEnd, fresh: Decimal | None, after: Decision | None) -> EffectLine:
    facts, shown = end.judged.facts, end.judged.shown
    released, recorded = facts.released is not None, facts.score
    before_points, after_points = _points(shown), _points(after)
    # The score on record may differ from what was released: neither falls by a correction.
    kept = is_kept(shift_of(recorded, fresh), released=released) or is_kept(
        shift_of(before_points, after_points), released=released
    )
    return EffectLine(
        attempt=attempt_id,
        registration=end.registration_id,
        score=end.score_id or 0,
        before=before_points,
        after=after_points,
        before_outcome="" if shown is None else shown.outcome.value,
        after_outcome="" if after is None else after.outcome.value,
        released=released,
        kept=kept,
        to_mark=recorded is not None and fresh is None,
        settled=not end.judged.changed,
    )


def _points(decision: Decision | None) -> Decimal | None:
    return None if decision is None else decision.score
