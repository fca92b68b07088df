"""统一社会信用代码: what makes a text one, and what is wrong with a text that is none."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

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
