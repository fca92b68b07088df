"""Public identifiers: short, unguessable, without letters that are read wrongly."""

from __future__ import annotations

import secrets

_ALPHABET = b"23456789abcdefghjkmnpqrstuvwxyz"
_WHOLE = 256 - 256 % len(_ALPHABET)
_LETTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))
_LEFT_OVER = bytes(range(_WHOLE, 256))
"""Bytes by which some letters would come up more often than others."""


def new_ref(prefix: str, length: int = 14) -> str:
    """Return a fresh public identifier such as `at-7k2m…` (about 69 bits)."""
    letters = b""
    while len(letters) < length:
        letters += secrets.token_bytes(length + 2).translate(_LETTERS, _LEFT_OVER)
    return f"{prefix}-{letters[:length].decode()}"
