"""Which passwords are guessed first: a list of this product's own, and shapes no list can hold.

Source: OWASP ASVS 5.0, 6.2.4, 6.2.11, 6.2.12.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

LIST = Path(__file__).with_name("common_passwords.txt")
_LOOKALIKES = str.maketrans("@$0134578!", "asoieastbi")
_AROUND = "0123456789!@#$%^&*()_+-=.,;:?/\\'\"~` "
_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DATE = rf"(?:(?:19|20)\d\d[-./年]?{_MONTH}[-./月]?{_DAY}日?|{_DAY}[-./]?{_MONTH}[-./]?(?:19|20)\d\d)"
_SHAPES = (
    re.compile(rf"[a-z]{{0,4}}{_DATE}[a-z]{{0,4}}"),
    re.compile(rf"(?:{_DATE}){{2}}"),
    re.compile(r"[a-z]{0,4}(?:\+?86)?1[3-9]\d{9}[a-z]{0,4}"),
    re.compile(r"\d{6}(?:19|20)\d{2}" + _MONTH + _DAY + r"\d{3}[\dx]"),
)
"""A day of birth, a phone number, a document number, with a few letters around it."""
_RUNS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb",
)
_OWN_LEAST = 4
"""An own login of fewer letters stands in half of all sentences, so it counts only where it is nearly all."""


@cache
def common_passwords() -> frozenset[str]:
    """Return the list, case folded."""
    lines = LIST.read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def is_common(password: str) -> bool:
    """Return whether a password is on the list or has one of the shapes, as it is or thinly dressed up.

    Dressed up is: other capitals, digits or signs around it, @ for a, the same thing twice. A sentence that merely
    holds such a word is none.
    """
    plain = password.casefold()
    if len(set(plain)) < 5 or any(plain[:8] in run or plain[:8] in run[::-1] for run in _RUNS):
        return True
    close = plain.replace(" ", "")
    return any(_known(form) for form in {plain, close, _unit(close)})


def _known(plain: str) -> bool:
    if plain in common_passwords() or any(shape.fullmatch(plain) for shape in _SHAPES):
        return True
    cores = {plain.strip(_AROUND), plain.translate(_LOOKALIKES), plain.strip(_AROUND).translate(_LOOKALIKES)}
    return not cores.isdisjoint(common_passwords())


def _unit(plain: str) -> str:
    # abcabcabc is abc: a text repeated is found at its second place in the doubled text.
    return plain[: (plain + plain).index(plain, 1)]


def names_itself(password: str, names: Iterable[str]) -> bool:
    """Return whether a password is made of one of the person's own names: login, name."""
    plain = "".join(password.casefold().split())
    core = plain.strip(_AROUND)
    for name in ("".join(one.casefold().split()) for one in names):
        short = name.isascii() and len(name) < _OWN_LEAST
        if name and (core == name or (not short and name in plain)):
            return True
    return False
