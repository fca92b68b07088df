"""What was charged, paid, matched and given back: a ledger that only grows, and in which no cent is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from cbt.errors import Conflict, InvalidInput, NotFound

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
        """What is asked for."""
        return sum(fen for line, fen in self.lines.items() if line not in self.cancelled)

    @property
    def received(self) -> int:
        """What came in and was not reversed."""
        return sum(fen for payment, fen in self.payments.items() if payment not in self.reversed)

    @property
    def matched(self) -> int:
        """What of it pays a line."""
        return sum(match.fen for match in self.matches)

    @property
    def refunded(self) -> int:
        """What of it was given back."""
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
        """Return what is paid of each line of which something is."""
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
        for line, asked in self.open_by_line().items():
            if lines is not None and line not in lines:
                continue
            while asked and waiting:
                payment, free = waiting.popleft()
                fen = min(asked, free)
                yield Match(payment, line, fen)
                asked -= fen
                if free > fen:
                    waiting.appendleft((payment, free - fen))

    def still(self, proposed: Iterable[Match]) -> Iterator[Match]:
        """Yield what was proposed by another state, each as far as its line is open and its payment free by now."""
        asked, free = self.open_by_line(), self.free_by_payment()
        for one in proposed:
            fen = min(one.fen, asked.get(one.line, 0), free.get(one.payment, 0))
            if fen > 0:
                asked[one.line] -= fen
                free[one.payment] -= fen
                yield Match(one.payment, one.line, fen)

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
    found: dict[str, int] = {}
    for ref, fen in pairs:
        found[ref] = found.get(ref, 0) + fen
    return found


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
