"""Fees of enrolment: amounts as people write them, what is charged, a payer's ledger and its statement.

Amounts are whole numbers of 分.

Source: R-76.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cbt.errors import Conflict, InvalidInput, NotFound

MOST_FEN = 10**11 - 1
"""Just under a thousand million yuan: what is more is a slip."""
_TYPED = re.compile(r"(\d{1,9}|\d{1,3}(?:,\d{3}){1,2})(?:\.(\d{1,2}))?", re.ASCII)
_FIGURES = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿")


def yuan(fen: int) -> str:
    """Return an amount in 元 with two decimals."""
    sign, rest = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{rest // 100}.{rest % 100:02}"


def typed_amount(text: str) -> int:
    """Return an amount of 元 as somebody typed it in 分; raise InvalidInput("fees.amount") for what is none."""
    plain = "".join(unicodedata.normalize("NFKC", text).split()).removeprefix("¥").removesuffix("元")
    match = _TYPED.fullmatch(plain)
    fen = int(match[1].replace(",", "")) * 100 + int((match[2] or "0").ljust(2, "0")) if match else 0
    if not fen:
        raise InvalidInput("fees.amount")
    return fen


def capital_amount(fen: int) -> str:
    """Return an amount from 0 to `MOST_FEN` in capital figures, 整 where nothing follows the yuan or the jiao."""
    whole, jiao, rest = fen // 100, fen // 10 % 10, fen % 10
    text = _whole(whole) + "元" if whole or not fen else ""
    if jiao:
        text += _FIGURES[jiao] + "角"
    elif rest and whole:
        text += "零"
    return text + (_FIGURES[rest] + "分" if rest else "整")


def _whole(number: int) -> str:
    text, gap = "", False
    digits = str(number)
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit != "0":
            text += ("零" if gap else "") + _FIGURES[int(digit)] + _PLACES[place % 4]
            gap = False
        else:
            gap = bool(text)
        if place % 4 == 0 and number // 10**place % 10**4:
            text += _GROUPS[place // 4]
    return text or "零"


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
    for taking in taken:
        if taking.kind is TakingKind.RETAKE:
            lines.append(FeeLine(FeeKind.RETAKE, taking.paper, fees.retake))
        if taking.paper in fees.materials_papers:
            lines.append(FeeLine(FeeKind.MATERIALS, taking.paper, fees.materials))
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
    paper_fates = [fates.get(paper, PaperFate.SEATED) for paper in papers]
    if not paper_fates or PaperFate.SEATED in paper_fates:
        return None
    causes = [RefundCause(fate.value) for fate in paper_fates]
    if not all(is_given_back(fees, cause) for cause in causes):
        return None
    return RefundCause.ABORTED if RefundCause.ABORTED in causes else RefundCause.WITHDRAWN


Amounts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Match:
    """So much of a payment pays a line."""

    payment: str
    line: str
    fen: int


@dataclass(frozen=True, slots=True)
class FeeLedger:
    """The account of one payer. Every act returns a new ledger, or raises and changes nothing.

    Lines and payments are never edited: a line is cancelled, a payment reversed (冲正). Always
    `received` = `matched` + `credit` + `refunded` and `charged` = `matched` + `open`, and none of them is negative.

    Source: R-76.
    """

    lines: Amounts = field(default_factory=dict)
    cancelled: frozenset[str] = frozenset()
    payments: Amounts = field(default_factory=dict)
    reversed: frozenset[str] = frozenset()
    matches: tuple[Match, ...] = ()
    refunds: tuple[tuple[str, int], ...] = ()

    # ---- what stands

    @property
    def charged(self) -> int:
        return sum(fen for line, fen in self.lines.items() if line not in self.cancelled)

    @property
    def received(self) -> int:
        return sum(fen for payment, fen in self.payments.items() if payment not in self.reversed)

    @property
    def matched(self) -> int:
        return sum(match.fen for match in self.matches)

    @property
    def refunded(self) -> int:
        return sum(fen for _, fen in self.refunds)

    @property
    def credit(self) -> int:
        """What of it pays nothing yet (余额)."""
        return self.received - self.matched - self.refunded

    @property
    def open(self) -> int:
        """What is asked for and not paid (未结)."""
        return self.charged - self.matched

    def paid_by_line(self) -> dict[str, int]:
        return _sums((match.line, match.fen) for match in self.matches)

    def open_by_line(self) -> dict[str, int]:
        """Return what is not paid of each line; a cancelled one asks for nothing."""
        paid = self.paid_by_line()
        return {
            line: 0 if line in self.cancelled else fen - paid.get(line, 0) for line, fen in self.lines.items()
        }

    def free_by_payment(self) -> dict[str, int]:
        """Return what of each payment neither pays a line nor was given back; nothing of a reversed one."""
        used = _sums([*((match.payment, match.fen) for match in self.matches), *self.refunds])
        return {
            payment: 0 if payment in self.reversed else fen - used.get(payment, 0)
            for payment, fen in self.payments.items()
        }

    # ---- what happens

    def charge(self, line: str, fen: int) -> FeeLedger:
        """Add a line. Raise Conflict("fees.known"), InvalidInput("fees.amount")."""
        return replace(self, lines={**self.lines, **_new(self.lines, line, fen)})

    def cancel(self, line: str) -> FeeLedger:
        """Ask for a line no more; what it was paid is free again. Raise NotFound, Conflict("fees.cancelled")."""
        self._line(line)
        left = tuple(match for match in self.matches if match.line != line)
        return replace(self, cancelled=self.cancelled | {line}, matches=left)

    def pay(self, payment: str, fen: int) -> FeeLedger:
        """Record what came in. Raise Conflict("fees.known"), InvalidInput("fees.amount")."""
        return replace(self, payments={**self.payments, **_new(self.payments, payment, fen)})

    def reverse(self, payment: str) -> FeeLedger:
        """Take a payment back as one that never came; what it paid is open again.

        Raise NotFound, Conflict("fees.reversed"), Conflict("fees.refunded") where some of it was given back.
        """
        self._payment(payment)
        if any(one == payment for one, _ in self.refunds):
            raise Conflict("fees.refunded", ref=payment)
        left = tuple(match for match in self.matches if match.payment != payment)
        return replace(self, reversed=self.reversed | {payment}, matches=left)

    def match(self, payment: str, line: str, fen: int) -> FeeLedger:
        """Let a part of a payment pay a line.

        Raise NotFound, Conflict("fees.cancelled"), Conflict("fees.reversed"), Conflict("fees.too_much") with the
        most that can be matched, InvalidInput("fees.amount").
        """
        self._payment(payment)
        self._line(line)
        _enough(fen, min(self.free_by_payment()[payment], self.open_by_line()[line]))
        return replace(self, matches=(*self.matches, Match(payment, line, fen)))

    def refund(self, payment: str, fen: int) -> FeeLedger:
        """Give a free part of a payment back. Raise as `match` does."""
        self._payment(payment)
        _enough(fen, self.free_by_payment()[payment])
        return replace(self, refunds=(*self.refunds, (payment, fen)))

    def proposed(
        self, *, lines: Container[str] | None = None, payments: Container[str] | None = None
    ) -> Iterator[Match]:
        """Yield matches that would pay the open lines by what is free, each in the order in which they came.

        `lines` and `payments` say which of them alone are asked about.
        """
        waiting = deque(
            (payment, fen)
            for payment, fen in self.free_by_payment().items()
            if fen and (payments is None or payment in payments)
        )
        for line, owed in self.open_by_line().items():
            if lines is not None and line not in lines:
                continue
            while owed and waiting:
                payment, free = waiting.popleft()
                fen = min(owed, free)
                yield Match(payment, line, fen)
                owed -= fen
                if free > fen:
                    waiting.appendleft((payment, free - fen))

    def still(self, proposed: Iterable[Match]) -> Iterator[Match]:
        """Yield what was proposed by another state, each as far as its line is open and its payment free by now."""
        owed, free = self.open_by_line(), self.free_by_payment()
        for match in proposed:
            fen = min(match.fen, owed.get(match.line, 0), free.get(match.payment, 0))
            if fen > 0:
                owed[match.line] -= fen
                free[match.payment] -= fen
                yield Match(match.payment, match.line, fen)

    def _line(self, line: str) -> None:
        if line not in self.lines:
            raise NotFound("fees.unknown", ref=line)
        if line in self.cancelled:
            raise Conflict("fees.cancelled", ref=line)

    def _payment(self, payment: str) -> None:
        if payment not in self.payments:
            raise NotFound("fees.unknown", ref=payment)
        if payment in self.reversed:
            raise Conflict("fees.reversed", ref=payment)


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for ref, fen in pairs:
        sums[ref] = sums.get(ref, 0) + fen
    return sums


def _new(there: Amounts, ref: str, fen: int) -> Amounts:
    if ref in there:
        raise Conflict("fees.known", ref=ref)
    if fen <= 0:
        raise InvalidInput("fees.amount")
    return {ref: fen}


def _enough(fen: int, most: int) -> None:
    if fen <= 0:
        raise InvalidInput("fees.amount")
    if fen > most:
        raise Conflict("fees.too_much", most=f"{most / 100:.2f}")


@dataclass(frozen=True, slots=True)
class ChargedLine:
    """A line with its place in the ledger and the person it is for."""

    ref: str
    person: str
    line: FeeLine


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A line as a statement shows it: what is asked, what is paid, what is left; a cancelled one asks nothing."""

    charged: ChargedLine
    fen: int
    paid: int
    open: int


@dataclass(frozen=True, slots=True)
class FeeStatement:
    """The rows of a statement and their sums."""

    rows: tuple[StatementRow, ...]

    @property
    def fen(self) -> int:
        return sum(row.fen for row in self.rows)

    @property
    def paid(self) -> int:
        return sum(row.paid for row in self.rows)

    @property
    def open(self) -> int:
        return sum(row.open for row in self.rows)

    @property
    def people(self) -> int:
        return len({row.charged.person for row in self.rows})


def statement_of(ledger: FeeLedger, lines: Iterable[ChargedLine]) -> FeeStatement:
    """Return the statement of some lines of a payer's ledger, in their order. Source: R-76."""
    paid, left = ledger.paid_by_line(), ledger.open_by_line()
    rows = ((one, paid.get(one.ref, 0), left[one.ref]) for one in lines)
    return FeeStatement(tuple(StatementRow(one, done + rest, done, rest) for one, done, rest in rows))
