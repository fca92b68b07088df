"""试题更正: which answers a correction makes right, and whose score may change by it.

Source: R-54, R-99.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from cbt.rules.form_score import KeyRevision
from cbt.rules.items.content import AnswerKey
from cbt.rules.retake import PaperOutcome


class CorrectionKind(StrEnum):
    """What is done about an item that was bad: 改答案, 多答案, 按新标准重评, 送分, 作废. Source: R-51, R-54."""

    KEY = "key"
    ACCEPT = "accept"
    RUBRIC = "rubric"
    GIVE_ALL = "give_all"
    VOID = "void"

    @property
    def names_answers(self) -> bool:
        return self in {CorrectionKind.KEY, CorrectionKind.ACCEPT}

    def suits(self, *, by_people: bool, is_typed: bool) -> bool:
        """Return whether it can be done about an item: one that people mark, one whose key somebody types."""
        if self is CorrectionKind.RUBRIC:
            return by_people
        return is_typed or not self.names_answers


def revision_by(
    kind: CorrectionKind, item_ref: str, version: int, part: int | None, keys: Sequence[AnswerKey]
) -> KeyRevision:
    """Return what a correction changes; `keys` are the answers it makes right, in authored places.

    A new key is the first of them; whatever follows is right as well.

    Source: R-54.
    """
    replaces = kind is CorrectionKind.KEY
    return KeyRevision(
        item_ref,
        part,
        answer_key=keys[0] if replaces else None,
        accept=tuple(keys[1:] if replaces else keys),
        give_all=kind is CorrectionKind.GIVE_ALL,
        void=kind is CorrectionKind.VOID,
        version=version,
    )


class Shift(StrEnum):
    """How a score moves: up, down, or not in what is shown."""

    RISES = "rises"
    FALLS = "falls"
    STAYS = "stays"


def shift_of(before: Decimal | None, after: Decimal | None) -> Shift:
    """Return how a score moves; what people have still to mark moves nowhere yet."""
    if before is None or after is None or before == after:
        return Shift.STAYS
    return Shift.RISES if after > before else Shift.FALLS


def is_kept(shift: Shift, *, released: bool) -> bool:
    """Return whether the former score goes on to count: nobody's released score falls by a correction.

    Source: R-99.
    """
    return released and shift is Shift.FALLS


class VerdictTurn(StrEnum):
    """Whether a verdict turns: who passes now, who would pass no more."""

    GAINS = "gains"
    LOSES = "loses"
    NONE = "none"


def turn_of(before: PaperOutcome | None, after: PaperOutcome | None) -> VerdictTurn:
    """Return which way a verdict turns; a paper that shows no points turns none. Source: R-54."""
    turned = {
        (PaperOutcome.FAILED, PaperOutcome.PASSED): VerdictTurn.GAINS,
        (PaperOutcome.PASSED, PaperOutcome.FAILED): VerdictTurn.LOSES,
    }
    return (
        VerdictTurn.NONE if before is None or after is None else turned.get((before, after), VerdictTurn.NONE)
    )


def may_raise(before: Decimal | None, after: Decimal | None) -> bool:
    """Return whether a released result may become another by a correction alone. Source: R-99."""
    return before is not None and after is not None and after >= before
