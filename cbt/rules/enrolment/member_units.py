"""Member units: their credit code (统一社会信用代码) and the term of their agreement.

Source: R-70, R-71.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cbt.rules.calendar import last_day

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The characters of GB 32100: I, O, S, V and Z are none, for they are read as others."""
LENGTH = 18
_REGION = slice(2, 8)


class CreditCodeFault(StrEnum):
    """What is wrong with a credit code: too short or long, a character it cannot have, no region, a slip."""

    LENGTH = "length"
    CHARACTER = "character"
    REGION = "region"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class CreditCodeFlaw:
    """A fault, the place (from 1) where it shows and what stands there; of a wrong length, how many there are."""

    fault: CreditCodeFault
    place: int
    found: str


def normalise_credit_code(text: str) -> str:
    """Return a credit code as it is kept: NFKC, upper case, without blanks and hyphens. Source: R-70."""
    return "".join(unicodedata.normalize("NFKC", text).split()).replace("-", "").upper()


def credit_code_flaw(text: str) -> CreditCodeFlaw | None:
    """Return what is wrong with a credit code as it was typed, None where nothing is.

    The check is GB 32100: weights 3^i over the first 17 characters, modulo 31.

    Source: R-70.
    """
    code = normalise_credit_code(text)
    if len(code) != LENGTH:
        return CreditCodeFlaw(CreditCodeFault.LENGTH, len(code), code)
    for place, character in enumerate(code, 1):
        if character not in ALPHABET:
            return CreditCodeFlaw(CreditCodeFault.CHARACTER, place, character)
    if not code[_REGION].isdigit():
        return CreditCodeFlaw(CreditCodeFault.REGION, 3, code[_REGION])
    if code[-1] != check_character(code):
        return CreditCodeFlaw(CreditCodeFault.CHECK, LENGTH, code[-1])
    return None


def check_character(code: str) -> str:
    """Return the last character that the first 17 of a credit code ask for. Source: R-70 (GB 32100)."""
    total = sum(ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(code[:17]))
    return ALPHABET[-total % 31]


YEARS = 1
WARNED_DAYS = (60, 30, 7)
"""How many days before its last an agreement is shown as running out."""


class AgreementStanding(StrEnum):
    """Where an agreement stands on a day: 未生效, 有效, 已到期, 已终止."""

    NOT_YET = "not_yet"
    IN_FORCE = "in_force"
    EXPIRED = "expired"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class AgreementTerm:
    """The term of an agreement: from its effective day, for some years, unless it was ended before.

    `ended_on` is the last day on which an agreement that was ended early still held.
    """

    effective_on: date
    years: int = YEARS
    ended_on: date | None = None

    @property
    def last_on(self) -> date:
        """The last day on which it holds.

        The effective day is not counted, so it is the same date next year.

        Source: R-71.
        """
        ends_on = last_day(self.effective_on, self.years)
        return ends_on if self.ended_on is None else min(ends_on, self.ended_on)

    def standing(self, on: date) -> AgreementStanding:
        """Return where it stands on a day. Source: R-71."""
        if on < self.effective_on:
            return AgreementStanding.NOT_YET
        if on <= self.last_on:
            return AgreementStanding.IN_FORCE
        ran_out = on > last_day(self.effective_on, self.years)
        return AgreementStanding.EXPIRED if ran_out else AgreementStanding.ENDED

    def in_force(self, *days: date) -> bool:
        """Say whether it holds on all of these days, such as the application's and the exam's. Source: R-71."""
        return all(self.standing(day) is AgreementStanding.IN_FORCE for day in days)

    def days_left(self, on: date) -> int:
        """Return how many days are left after a day; negative once it is over."""
        return (self.last_on - on).days

    def expires_within(self, on: date, marks: tuple[int, ...] = WARNED_DAYS) -> int | None:
        """Return the nearest mark of days within which an agreement in force runs out; None before all of them.

        Source: R-71.
        """
        if not self.in_force(on):
            return None
        return min((mark for mark in marks if self.days_left(on) <= mark), default=None)
