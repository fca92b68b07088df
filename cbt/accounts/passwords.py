"""Staff passwords: Argon2id, a cap on parallel verifies, constant work for unknown logins, no guessable ones."""

from __future__ import annotations

import random
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path

import argon2

from cbt.errors import InvalidInput, Unavailable

MIN_LENGTH = 10
MAX_LENGTH = 256
ONE_TIME_LENGTH = 14
ONE_TIME_LASTS = timedelta(hours=72)
"""A password on a slip of paper opens for so long: a weekend, not a forgotten drawer."""
MAX_PARALLEL = 2
WAIT_SECONDS = 5.0

# Without letters and digits that are read wrongly from paper.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_slots = threading.BoundedSemaphore(MAX_PARALLEL)
_nobody_hash = _hasher.hash(secrets.token_hex(16))
LIST = Path(__file__).parents[0] / "common_passwords.txt"
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


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=WAIT_SECONDS):
        raise Unavailable("sign_in.busy")
    try:
        yield
    finally:
        _slots.release()


def as_compared(password: str) -> str:
    """Return a password as it is hashed and verified: NFKC, whole, nothing cut off or stripped.

    Full-width letters of an input method and composed accents are what was meant, on every keyboard.
    """
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """Return the Argon2id hash a password is stored as."""
    with _slot():
        return _hasher.hash(as_compared(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Return whether the password is the one behind the hash; without a hash, do the same work and say no.

    One that is longer than any password can be is not cut to fit: it is none. At most two run at once in a
    process, so that a burst of sign-ins cannot take the exam's memory. Raises Unavailable("sign_in.busy") when no
    turn comes: the server's threads belong to the candidates.
    """
    if len(password) > MAX_LENGTH:
        password_hash, password = None, ""
    with _slot():
        try:
            _hasher.verify(password_hash or _nobody_hash, as_compared(password))
        except argon2.exceptions.VerificationError:
            return False
    return password_hash is not None


def one_time_password(rng: random.Random | None = None) -> str:
    """Return a random first password; it is shown once and must be changed at first use."""
    choose = (rng or secrets.SystemRandom()).choice
    return "".join(choose(_ALPHABET) for _ in range(ONE_TIME_LENGTH))


def check_password(password: str, *, login: str, name: str = "") -> None:
    """Raise InvalidInput for a password that is too short, too long, or among the first ones guessed.

    The codes are `password.short`, `password.long`, `password.weak` and, for one made of the person's own login
    or name, `password.own_name`. What it is composed of is nobody's business.

    Source: OWASP ASVS 5.0, 6.2.
    """
    whole = as_compared(password)
    if len(whole) < MIN_LENGTH:
        raise InvalidInput("password.short", field="new", minimum=MIN_LENGTH)
    if max(len(whole), len(password)) > MAX_LENGTH:
        raise InvalidInput("password.long", field="new", maximum=MAX_LENGTH)
    if names_itself(whole, (login, as_compared(name))):
        raise InvalidInput("password.own_name", field="new")
    if is_common(whole):
        raise InvalidInput("password.weak", field="new")


@cache
def common_passwords() -> frozenset[str]:
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
