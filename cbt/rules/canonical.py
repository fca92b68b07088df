"""One spelling for every value that is stored, hashed or compared by its bytes."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from fractions import Fraction

DIGITS_AFTER_POINT = 12


def canonical_json(value: object) -> str:
    """Return the one JSON text of `value`: sorted keys, no spaces, UTF-8 as it is, Decimals as strings.

    Takes what `json` takes, plus Decimal (as plain digits) and tuples (as lists). Raises TypeError for
    anything else and ValueError for NaN and infinities.

    Source: R-43, R-54.
    """
    return _ENCODER.encode(value)


def digest(text: str) -> str:
    """Return the SHA-256 of the text's UTF-8 bytes in lower-case hexadecimal."""
    return digest_of(text.encode())


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a text that is in UTF-8 already."""
    return hashlib.sha256(content).hexdigest()


def decimal_of(number: Fraction) -> Decimal:
    """Return a fraction as a Decimal without trailing zeros, exact where it ends within 12 places.

    Only for showing: whatever decides is computed with the fraction itself.
    """
    scaled = round(number * 10**DIGITS_AFTER_POINT)
    shown = Decimal(scaled).scaleb(-DIGITS_AFTER_POINT)
    return Decimal(f"{shown:f}".rstrip("0").rstrip("."))


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"no canonical JSON for {type(value).__name__}")


# Made once: json.dumps makes an encoder for every call that is not all defaults.
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain
)
