"""A certificate of the occupation at a level (职业资格证书、技能等级证书); a higher one does as well."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import date

from cbt.rules.enrolment.eligibility.answers import AtomAnswer, Considered, RequiredProof, by_date

NAME = "certificate"
KEYS = ("certificate", "after")


def asks(seen: Considered) -> bool:
    """Say whether a condition asks for it."""
    return seen.condition.certificate is not None


def answer(seen: Considered) -> AtomAnswer:
    """Return whether the certificate is of the occupation and of the level or a higher one. Source: R-73."""
    needed, one = seen.condition.certificate or "", seen.certificate
    asked = {"certificate": needed, "have": None if one is None else one.level}
    met_on = None
    if one is not None and _is_of(one.occupation, seen.rules.occupations) and at_least(one.level, needed):
        met_on = one.issued_on or date.min
    return by_date(NAME, RequiredProof.SKILL_CERTIFICATE, met_on, seen.on, asked)


def at_least(level: str, needed: str) -> bool:
    """Say whether a level is the needed one or higher; of the codes 5 to 1, the lower number is the higher."""
    if level.isdecimal() and needed.isdecimal():
        return int(level) <= int(needed)
    return level == needed


def _is_of(occupation: str, names: Iterable[str]) -> bool:
    return _plain(occupation) in map(_plain, names)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split())
