"""Public identifiers: short, unguessable, without letters that are read wrongly."""

from __future__ import annotations

import secrets

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def new_ref(prefix: str, length: int = 14) -> str:
    """Return a fresh public identifier such as `at-7k2m…` (about 69 bits)."""
    return f"{prefix}-{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"
