"""Staff passwords: Argon2id, a cap on parallel verifies, constant work for unknown logins."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import argon2

from cbt.errors import InvalidInput, Unavailable

MIN_LENGTH = 10
MAX_LENGTH = 128
ONE_TIME_LENGTH = 14
MAX_PARALLEL = 2
WAIT_SECONDS = 5.0

# Without letters and digits that are read wrongly from paper.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_RUNS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv",
)
_FAVOURITES = ("password", "passw0rd", "admin", "letmein", "welcome", "iloveyou", "woaini", "mima", "kaoshi")

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


def hash_password(password: str) -> str:
    """Return the Argon2id hash a password is stored as."""
    with _slot():
        return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Return whether the password is the one behind the hash; without a hash, do the same work and say no.

    At most two run at once in a process, so that a burst of sign-ins cannot take the exam's memory. Raises
    Unavailable("sign_in.busy") when no turn comes: the server's threads belong to the candidates.
    """
    with _slot():
        try:
            _hasher.verify(password_hash or _nobody_hash, password[:MAX_LENGTH])
        except argon2.exceptions.VerificationError:
            return False
    return password_hash is not None


def one_time_password(rng: random.Random | None = None) -> str:
    """Return a random first password; it is shown once and must be changed at first use."""
    choose = (rng or secrets.SystemRandom()).choice
    return "".join(choose(_ALPHABET) for _ in range(ONE_TIME_LENGTH))


def check_password(password: str, *, login: str) -> None:
    """Raise InvalidInput for a password that is too short, too long, or among the first ones guessed."""
    if len(password) < MIN_LENGTH:
        raise InvalidInput("password.short", field="new", minimum=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        raise InvalidInput("password.long", field="new", maximum=MAX_LENGTH)
    plain = password.casefold()
    repeated = len(set(plain)) < 5
    in_a_run = any(plain[:8] in run or plain[:8] in run[::-1] for run in _RUNS)
    if repeated or in_a_run or login.casefold() in plain or plain.rstrip("0123456789!@#.") in _FAVOURITES:
        raise InvalidInput("password.weak", field="new")
