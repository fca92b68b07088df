"""What a registration costs, line by line, and what is given back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cbt.rules.enrolment.fees.prices import FeePolicy


class FeeKind(StrEnum):
    """评价考核费, 补考费, 场地能源材料费."""

    FIRST = "first"
    RETAKE = "retake"
    MATERIALS = "materials"


class TakingKind(StrEnum):
    """新考, 补考, or the fresh sitting after one that was aborted, which is no 补考 and costs nothing."""

    FIRST = "first"
    RETAKE = "retake"
    FRESH = "fresh"


class RefundCause(StrEnum):
    """Why somebody does not sit what was charged: 中止, 不予受理, 撤回, 缺考."""

    ABORTED = "aborted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    ABSENT = "absent"


class PaperFate(StrEnum):
    """What became of a paper in a batch that somebody was registered for: 有座 (also 缺考), 中止, 退考."""

    SEATED = "seated"
    ABORTED = "aborted"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class PaperTaking:
    """A paper that somebody is registered for, and how."""

    paper: str
    kind: TakingKind


@dataclass(frozen=True, slots=True)
class FeeLine:
    """What is charged once: for which paper ("" for all together), in 分."""

    kind: FeeKind
    paper: str
    fen: int


def fee_lines(
    fees: FeePolicy, takings: Iterable[PaperTaking], *, first_charged: bool = False
) -> tuple[FeeLine, ...]:
    """Return the lines of a registration; what costs nothing has none.

    The first taking is one fee for all papers, also where they are taken on different days: `first_charged` says
    that it was charged for this person and level before.

    Source: R-76.
    """
    taken = [one for one in takings if one.kind is not TakingKind.FRESH]
    first = any(one.kind is TakingKind.FIRST for one in taken) and not first_charged
    lines = [FeeLine(FeeKind.FIRST, "", fees.first)] if first else []
    for one in taken:
        if one.kind is TakingKind.RETAKE:
            lines.append(FeeLine(FeeKind.RETAKE, one.paper, fees.retake))
        if one.paper in fees.materials_papers:
            lines.append(FeeLine(FeeKind.MATERIALS, one.paper, fees.materials))
    return tuple(line for line in lines if line.fen)


def is_given_back(fees: FeePolicy, cause: RefundCause) -> bool:
    """Say whether lines are cancelled, so that what was paid for them is free again. 缺考 is 自动放弃: it is not.

    Source: R-76 (考生须知 一).
    """
    if cause is RefundCause.WITHDRAWN:
        return fees.refund_withdrawn
    return cause is not RefundCause.ABSENT


def credit_cause(
    fees: FeePolicy, papers: Iterable[str], fates: Mapping[str, PaperFate]
) -> RefundCause | None:
    """Return why a line for these papers is cancelled once the sittings of a batch are over; None where it stands.

    It stands where one of its papers had a seat, whether it was sat or not, where nobody knows what became of one,
    and where the rule gives nothing back for what did.

    Source: R-60, R-76.
    """
    known = [fates.get(paper, PaperFate.SEATED) for paper in papers]
    if not known or PaperFate.SEATED in known:
        return None
    causes = [RefundCause(fate.value) for fate in known]
    if not all(is_given_back(fees, cause) for cause in causes):
        return None
    return RefundCause.ABORTED if RefundCause.ABORTED in causes else RefundCause.WITHDRAWN
