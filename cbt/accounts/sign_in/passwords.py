"""Staff passwords: Argon2id, a cap on parallel verifies, constant work for unknown logins."""

from __future__ import annotations

import random
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import argon2

from cbt.accounts.sign_in.common import is_common, names_itself
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
