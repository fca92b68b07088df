"""What the exams of a level cost, in 分."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """评价考核费 for the first taking of all papers together, 补考费 a paper, 场地能源材料费 where there is one.

    Amounts are in 分, 0 where nothing is charged. `materials` is charged for each taking of one of the
    `materials_papers`. `refund_withdrawn` says whether who withdraws before the exam gets the fee back,
    `unpaid_may_sit` whether people are taken to a batch while something of their application is open.

    Source: R-76.
    """

    first: int = 0
    retake: int = 0
    materials: int = 0
    materials_papers: tuple[str, ...] = ("skills",)
    refund_withdrawn: bool = True
    unpaid_may_sit: bool = True
