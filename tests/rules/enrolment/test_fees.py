"""Fees: what a registration costs, and a ledger in which no cent is lost whatever happens in it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cbt.errors import CbtError, InvalidInput
from cbt.rules.enrolment.fees import (
    MOST_FEN,
    ChargedLine,
    FeeKind,
    FeeLedger,
    FeeLine,
    FeePolicy,
    Match,
    PaperFate,
    PaperTaking,
    RefundCause,
    TakingKind,
    capital_amount,
    credit_cause,
    fee_lines,
    is_given_back,
    statement_of,
    typed_amount,
    yuan,
)

FEES = FeePolicy(first=28000, retake=10000)
FIRST, RETAKE, FRESH = TakingKind.FIRST, TakingKind.RETAKE, TakingKind.FRESH


@pytest.mark.parametrize(
    ("takings", "sums"),
    [
        pytest.param({"theory": FIRST, "skills": FIRST}, [28000], id="both papers for the first time"),
        pytest.param({"skills": FIRST}, [28000], id="one of them"),
        pytest.param({"theory": RETAKE}, [10000], id="a retake"),
        pytest.param({"theory": RETAKE, "skills": RETAKE}, [10000, 10000], id="two retakes"),
        pytest.param({"theory": FRESH, "skills": FRESH}, [], id="after a sitting that was aborted"),
        pytest.param({}, [], id="nothing"),
    ],
)
def test_a_registration_costs_what_the_notice_says(takings: dict[str, TakingKind], sums: list[int]) -> None:
    found = fee_lines(FEES, [PaperTaking(paper, kind) for paper, kind in takings.items()])
    assert [line.fen for line in found] == sums


def test_the_first_taking_is_charged_once() -> None:
    assert fee_lines(FEES, [PaperTaking("theory", FIRST)], first_charged=True) == ()


def test_materials_are_charged_for_their_papers() -> None:
    fees = FeePolicy(28000, 10000, 5000)
    found = fee_lines(fees, [PaperTaking("theory", FIRST), PaperTaking("skills", RETAKE)])
    assert found == (
        FeeLine(FeeKind.FIRST, "", 28000),
        FeeLine(FeeKind.RETAKE, "skills", 10000),
        FeeLine(FeeKind.MATERIALS, "skills", 5000),
    )


@pytest.mark.parametrize(
    ("cause", "withdrawn", "back"),
    [
        (RefundCause.ABORTED, False, True),
        (RefundCause.REFUSED, False, True),
        (RefundCause.ABSENT, True, False),
        (RefundCause.WITHDRAWN, True, True),
        (RefundCause.WITHDRAWN, False, False),
    ],
)
def test_what_was_paid_is_given_back_by_the_rule(cause: RefundCause, withdrawn: bool, back: bool) -> None:
    assert is_given_back(FeePolicy(refund_withdrawn=withdrawn), cause) is back


# ---- the ledger


def settled(ledger: FeeLedger, **among: set[str]) -> FeeLedger:
    for match in list(ledger.proposed(**among)):
        ledger = ledger.match(match.payment, match.line, match.fen)
    return ledger


refs = st.sampled_from("abc")
amounts = st.integers(-1, 400)
ACTS: list[Callable[[FeeLedger, str, str, int], FeeLedger]] = [
    lambda ledger, one, _, fen: ledger.charge(one, fen),
    lambda ledger, one, _, fen: ledger.charge(f"{one}{fen}", fen),
    lambda ledger, one, _, fen: ledger.pay(one, fen),
    lambda ledger, one, _, fen: ledger.pay(f"{one}{fen}", fen),
    lambda ledger, one, two, fen: ledger.match(one, two, fen),
    lambda ledger, one, _, fen: ledger.refund(one, fen),
    lambda ledger, one, _, __: ledger.reverse(one),
    lambda ledger, one, _, __: ledger.cancel(one),
    lambda ledger, *_: settled(ledger),
]
sequences = st.lists(st.tuples(st.integers(0, len(ACTS) - 1), refs, refs, amounts), max_size=30)


@settings(max_examples=80)
@given(sequences)
def test_no_cent_is_lost_over_any_sequence_of_acts(acts: list[tuple[int, str, str, int]]) -> None:
    ledger, came_in, went_out = FeeLedger(), 0, 0
    for number, one, two, fen in acts:
        before = ledger
        try:
            ledger = ACTS[number](ledger, one, two, fen)
        except CbtError:
            assert ledger is before
            continue
        came_in += sum(ledger.payments.values()) - sum(before.payments.values())
        went_out += ledger.refunded - before.refunded + before.received - ledger.received
        went_out += sum(ledger.payments.values()) - sum(before.payments.values())
        assert set(ledger.lines) >= set(before.lines), "nothing is edited or taken away"
        assert before.cancelled <= ledger.cancelled
        assert before.reversed <= ledger.reversed
        assert ledger.received == ledger.matched + ledger.credit + ledger.refunded
        assert ledger.charged == ledger.matched + ledger.open
        assert ledger.credit == sum(ledger.free_by_payment().values()) >= 0
        assert ledger.open == sum(ledger.open_by_line().values()) >= 0
        assert min(ledger.free_by_payment().values(), default=0) >= 0
        assert min(ledger.open_by_line().values(), default=0) >= 0
        # What came in lies here, pays something, or went back: counted apart from the ledger's own sums.
        assert came_in == went_out + ledger.matched + ledger.credit


@settings(max_examples=40)
@given(st.lists(st.integers(1, 500), max_size=6), st.lists(st.integers(1, 500), max_size=6))
def test_settling_leaves_either_nothing_open_or_nothing_free(lines: list[int], payments: list[int]) -> None:
    ledger = FeeLedger()
    for number, fen in enumerate(lines):
        ledger = ledger.charge(f"l{number}", fen)
    for number, fen in enumerate(payments):
        ledger = ledger.pay(f"p{number}", fen)
    ledger = settled(ledger)
    assert ledger.matched == min(sum(lines), sum(payments))
    assert min(ledger.open, ledger.credit) == 0


def test_settling_keeps_to_the_lines_and_payments_that_are_asked_about() -> None:
    ledger = FeeLedger().charge("a", 100).charge("b", 100).pay("p", 90).pay("q", 90)
    assert settled(ledger, lines={"b"}, payments={"q"}).matches == (Match("q", "b", 90),)
    assert settled(ledger, lines={"b"}).matches == (Match("p", "b", 90), Match("q", "b", 10))


PAID = FeeLedger().charge("l", 28000).pay("p", 30000).match("p", "l", 28000)


def test_what_another_state_proposed_is_made_as_far_as_it_still_can_be() -> None:
    ledger = FeeLedger().charge("a", 50).charge("b", 90).pay("p", 100).pay("q", 60)
    proposed = [Match("p", "a", 50), Match("p", "b", 50), Match("q", "b", 40)]
    assert list(ledger.still(proposed)) == proposed, "nothing came in between"
    meanwhile = ledger.match("q", "a", 30)
    assert list(meanwhile.still(proposed)) == [
        Match("p", "a", 20),
        Match("p", "b", 50),
        Match("q", "b", 30),
    ], "a line takes what is open of it, a payment gives what is free of it"
    assert list(ledger.match("p", "b", 90).still(proposed[1:2])) == [], "nothing is left of the line"
    assert list(ledger.still([Match("gone", "a", 5), Match("p", "gone", 5)])) == []


@pytest.mark.parametrize(
    ("act", "code"),
    [
        pytest.param(lambda: PAID.charge("l", 1), "fees.known", id="a line twice"),
        pytest.param(lambda: PAID.pay("p", 1), "fees.known", id="a payment twice"),
        pytest.param(lambda: PAID.pay("q", 0), "fees.amount", id="nothing paid"),
        pytest.param(lambda: PAID.match("p", "l", 1), "fees.too_much", id="more than is open"),
        pytest.param(lambda: PAID.refund("p", 2001), "fees.too_much", id="more than is free"),
        pytest.param(lambda: PAID.refund("p", -1), "fees.amount", id="less than nothing"),
        pytest.param(lambda: PAID.match("q", "l", 1), "fees.unknown", id="no such payment"),
        pytest.param(lambda: PAID.cancel("m"), "fees.unknown", id="no such line"),
        pytest.param(lambda: PAID.cancel("l").match("p", "l", 1), "fees.cancelled", id="a cancelled line"),
        pytest.param(lambda: PAID.reverse("p").reverse("p"), "fees.reversed", id="reversed twice"),
        pytest.param(lambda: PAID.refund("p", 1).reverse("p"), "fees.refunded", id="given back before"),
    ],
)
def test_what_cannot_be_is_refused(act: Callable[[], FeeLedger], code: str) -> None:
    with pytest.raises(CbtError) as caught:
        act()
    assert caught.value.code == code


def test_what_is_cancelled_or_reversed_frees_the_other_side() -> None:
    assert (PAID.open, PAID.credit) == (0, 2000)
    assert (PAID.cancel("l").open, PAID.cancel("l").credit) == (0, 30000)
    assert (PAID.reverse("p").open, PAID.reverse("p").credit) == (28000, 0)
    assert PAID.matches == (Match("p", "l", 28000),)


def test_a_statement_sums_its_rows() -> None:
    ledger = settled(PAID.charge("m", 10000).charge("n", 10000).cancel("n"))
    rows = [
        ChargedLine("l", "一", FeeLine(FeeKind.FIRST, "", 28000)),
        ChargedLine("m", "二", FeeLine(FeeKind.RETAKE, "theory", 10000)),
        ChargedLine("n", "二", FeeLine(FeeKind.RETAKE, "skills", 10000)),
    ]
    found = statement_of(ledger, rows)
    assert (found.fen, found.paid, found.open, found.people) == (38000, 30000, 8000, 2)
    assert [(row.fen, row.paid, row.open) for row in found.rows] == [
        (28000, 28000, 0), (10000, 2000, 8000), (0, 0, 0),
    ]  # fmt: skip


# ---- amounts


@given(st.integers(1, MOST_FEN))
def test_an_amount_that_is_shown_can_be_typed(fen: int) -> None:
    assert typed_amount(yuan(fen)) == fen
    assert typed_amount(f" ¥{fen // 100:,}.{fen % 100:02}元") == fen


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("280", 28000),
        ("280.5", 28050),
        ("0.01", 1),
        (" ¥1,280.05 元 ", 128005),
        ("２８０．００", 28000),
        ("999,999,999.99", MOST_FEN),
    ],
)
def test_an_amount_is_read_as_people_write_it(typed: str, fen: int) -> None:
    assert typed_amount(typed) == fen


def test_a_negative_amount_is_shown_as_one() -> None:
    assert yuan(-5) == "-0.05"


@pytest.mark.parametrize(
    "typed", ["", "0", "0.00", "-1", "1.234", "1e3", "二百八十", "1234567890", "3,8", ",380", "1,0000"]
)
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput, match=r"fees\.amount"):
        typed_amount(typed)


@pytest.mark.parametrize(
    ("fen", "said"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (30, "叁角整"),
        (28000, "贰佰捌拾元整"),
        (100507, "壹仟零伍元零柒分"),
        (101010, "壹仟零壹拾元壹角整"),
        (1000000, "壹万元整"),
        (10050000, "壹拾万零伍佰元整"),
        (100000100, "壹佰万零壹元整"),
        (10000000000, "壹亿元整"),
        (10000000100, "壹亿零壹元整"),
        (12345678901, "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元零壹分"),
    ],
)
def test_an_amount_in_capital_figures(fen: int, said: str) -> None:
    assert capital_amount(fen) == said


def test_no_two_amounts_are_said_alike() -> None:
    some = random.Random(7).sample(range(10**8), 2000)
    assert len({capital_amount(fen) for fen in some}) == len(some)


@pytest.mark.parametrize(
    ("papers", "fates", "back", "cause"),
    [
        pytest.param("theory skills", "aborted aborted", True, "aborted", id="both aborted"),
        pytest.param("theory skills", "seated aborted", True, None, id="one was held"),
        pytest.param("theory skills", "aborted", True, None, id="nobody knows of one"),
        pytest.param("theory skills", "withdrawn aborted", True, "aborted", id="one withdrawn, one aborted"),
        pytest.param(
            "theory skills", "withdrawn aborted", False, None, id="what is withdrawn is not given back"
        ),
        pytest.param("theory", "withdrawn", True, "withdrawn", id="a paper withdrawn"),
        pytest.param("theory", "aborted", False, "aborted", id="an aborted paper costs nothing by any rule"),
        pytest.param("", "", True, None, id="no paper"),
    ],
)
def test_a_line_is_credited_when_none_of_its_papers_had_a_seat(
    papers: str, fates: str, back: bool, cause: str | None
) -> None:
    known = {paper: PaperFate(fate) for paper, fate in zip(papers.split(), fates.split(), strict=False)}
    found = credit_cause(FeePolicy(refund_withdrawn=back), papers.split(), known)
    assert (found and found.value) == cause
