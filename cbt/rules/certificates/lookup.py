"""What answers a look-up of a published site: a record that only its asker can find and read.

Everything follows from what the asker types. It is stretched (PBKDF2-HMAC-SHA256, which every browser has), and
from the stretched key come the name of the record and the key that seals it (HMAC-SHA256, AES-256-GCM). All records
are of one size. The stretched key of a certificate never changes: it is made once, at issue, and kept, so that
publishing many does not stretch anew.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cbt.errors import InvalidInput
from cbt.rules.certificates.number import LENGTH
from cbt.rules.door.admission import normalise_document, plain_name

ITERATIONS = 600_000
SALT = 16
NONCE = 12
BLOCK = 256
"""Sizes of records are multiples of it, before they are sealed."""
_PREFIX = 4
_RECORD, _SEAL, _NONCE = b"cbt look-up record", b"cbt look-up seal", b"cbt look-up nonce"


@dataclass(frozen=True, slots=True)
class KeyStretch:
    """How hard a site makes guessing: its salt (16 bytes, public) and the count of the stretching."""

    salt: bytes
    iterations: int = ITERATIONS


def look_up_name(name: str) -> str:
    """Return a name as it is stretched: as names compare (NFKC, no blanks, one dot), in upper case."""
    return plain_name(name).upper()


def look_up_number(number: str) -> str:
    """Return a certificate's or a document's number as it is stretched; a certificate's may be typed in groups."""
    plain = normalise_document(number)
    together = plain.replace("-", "")
    return together if len(together) == LENGTH and together[0] in "YS" else plain


def stretched(number: str, name: str, stretch: KeyStretch) -> bytes:
    """Return the key (32 bytes) that a number and a name make. Source: R-94."""
    typed = f"{look_up_number(number)}\n{look_up_name(name)}".encode()
    return hashlib.pbkdf2_hmac("sha256", typed, stretch.salt, stretch.iterations)


def record_ref(key: bytes) -> str:
    """Return the name of a record, which says nothing without the key: 32 hexadecimal characters. Source: R-94."""
    return _derived(key, _RECORD)[:16].hex()


def record_size(contents: Iterable[bytes]) -> int:
    """Return the one size to which all of these are filled up, so that none shows by its length what it says."""
    longest = max(map(len, contents), default=0) + _PREFIX
    return -(-longest // BLOCK) * BLOCK


def sealed(content: bytes, key: bytes, size: int) -> bytes:
    """Return a record: a nonce and the content, filled up to `size` and sealed. Written again it is the same.

    The nonce follows from the content, so that one is never used for two. Raise InvalidInput("certificate.record").

    Source: R-94.
    """
    if len(content) + _PREFIX > size:
        raise InvalidInput("certificate.record")
    filled = len(content).to_bytes(_PREFIX, "big") + content + bytes(size - _PREFIX - len(content))
    nonce = _derived(key, _NONCE + filled)[:NONCE]
    return nonce + AESGCM(_derived(key, _SEAL)).encrypt(nonce, filled, record_ref(key).encode())


def opened(record: bytes, key: bytes) -> bytes:
    """Return the content of a record; raise InvalidInput("certificate.record") for one that is not of this key."""
    try:
        filled = AESGCM(_derived(key, _SEAL)).decrypt(
            record[:NONCE], record[NONCE:], record_ref(key).encode()
        )
    except (InvalidTag, ValueError) as error:
        raise InvalidInput("certificate.record") from error
    return filled[_PREFIX : _PREFIX + int.from_bytes(filled[:_PREFIX], "big")]


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, purpose, "sha256")
