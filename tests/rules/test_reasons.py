"""What a table of violations and reasons may say, and what it answers about its rows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cbt.rules.violations import Effect, Evidence, Reason, ReasonTable, Tier, Violation, check_reasons

PHONE = Violation(
    "phone", "使用手机", "Used a phone", "R-63", Tier.CHEATING, (Effect.PAPER_VOID,), (Evidence.WITNESS,)
)
NOISE = Violation(
    "noise",
    "喧哗",
    "Made noise",
    "R-63",
    Tier.BREACH,
    (Effect.DEDUCT,),
    (Evidence.STATEMENT,),
    deduct=Decimal(2),
)
NETWORK, SYSTEM, OTHER = (
    Reason("network", "网络", "Network"),
    Reason("system", "系统", "System"),
    Reason("other", "其他", "Other"),
)
TABLE = ReasonTable((PHONE, NOISE), (NETWORK, SYSTEM, OTHER))


def with_phone(**changes: Any) -> ReasonTable:
    """Return the table with its first violation changed."""
    return replace(TABLE, violations=(replace(PHONE, **changes), NOISE))


def with_noise(**changes: Any) -> ReasonTable:
    """Return the table with its second violation changed."""
    return replace(TABLE, violations=(PHONE, replace(NOISE, **changes)))


def with_reasons(*reasons: Reason) -> ReasonTable:
    """Return the table with other reasons."""
    return replace(TABLE, reasons=reasons)


def test_a_table_that_holds_has_no_flaw() -> None:
    assert check_reasons(TABLE) == []


@pytest.mark.parametrize(
    ("table", "path", "code"),
    [
        pytest.param(with_phone(code="Phone"), ("violations", 0, "code"), "reasons.code", id="a capital"),
        pytest.param(
            with_phone(code="a" * 21), ("violations", 0, "code"), "reasons.code", id="21 characters"
        ),
        pytest.param(with_phone(code=""), ("violations", 0, "code"), "reasons.code", id="no code"),
        pytest.param(
            with_noise(code="phone"), ("violations", 1, "code"), "reasons.repeated", id="a code twice"
        ),
        pytest.param(with_phone(effects=()), ("violations", 0, "effects"), "reasons.empty", id="no effect"),
        pytest.param(
            with_phone(evidence=()), ("violations", 0, "evidence"), "reasons.empty", id="no evidence"
        ),
        pytest.param(
            with_phone(effects=(Effect.PAPER_VOID,) * 2),
            ("violations", 0, "effects"),
            "reasons.repeated",
            id="an effect twice",
        ),
        pytest.param(
            with_noise(deduct=Decimal(0)),
            ("violations", 1, "deduct"),
            "reasons.deduct",
            id="nothing to deduct",
        ),
        pytest.param(
            with_phone(deduct=Decimal("0.5")),
            ("violations", 0, "deduct"),
            "reasons.deduct",
            id="points without 扣分",
        ),
        pytest.param(
            with_reasons(NETWORK, OTHER), ("reasons",), "reasons.always", id="no reason of the product"
        ),
        pytest.param(
            with_reasons(SYSTEM, replace(OTHER, retired=True)),
            ("reasons", 1, "retired"),
            "reasons.always",
            id="其他 retired",
        ),
        pytest.param(
            with_reasons(SYSTEM, OTHER, Reason("evacuation", "疏散", "Evacuation")),
            ("reasons", 2, "code"),
            "reasons.own",
            id="the code of an evacuation",
        ),
        pytest.param(
            with_reasons(SYSTEM, OTHER, OTHER),
            ("reasons", 2, "code"),
            "reasons.repeated",
            id="a reason twice",
        ),
    ],
)
def test_what_does_not_hold_is_named_with_its_place(
    table: ReasonTable, path: tuple[str | int, ...], code: str
) -> None:
    assert [(flaw.path, flaw.code) for flaw in check_reasons(table)] == [(path, code)]


def test_a_code_of_twenty_characters_is_taken() -> None:
    assert check_reasons(with_phone(code="a" * 20)) == []


def test_the_retired_are_read_and_not_offered() -> None:
    gone, over = replace(PHONE, retired=True), replace(NETWORK, retired=True)
    table = ReasonTable((gone, NOISE), (over, SYSTEM, OTHER), (over, SYSTEM))
    assert table.offered_messages == (SYSTEM,)
    assert (table.violation("phone"), table.reason("network")) == (gone, over)
    assert (table.offered_violations, table.offered_reasons) == ((NOISE,), (SYSTEM, OTHER))


def test_what_a_table_does_not_have_is_nothing() -> None:
    assert (TABLE.violation("music"), TABLE.violation(None), TABLE.reason("music")) == (None, None, None)
