"""Personal numbers: sealed at rest, found by a keyed digest, masked wherever they are shown.

The key is the installation's own (`personal.key`), not the database's, so a copied database file does not
give the numbers away even with its own key.
"""

from __future__ import annotations

import hashlib
import hmac
import os

import flask
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cbt.errors import Unavailable
from cbt.rules.admission import normalise_document

DOCUMENT = "document"
PHONE = "phone"
ROSTER = "roster"
SHOWN = "document_shown"
CORRECTION = "correction"
_NONCE_BYTES = 12


def seal(text: str, purpose: str) -> bytes:
    """Return `text` encrypted and bound to `purpose` (AES-256-GCM, a fresh nonce before the ciphertext)."""
    return seal_bytes(text.encode(), purpose)


def seal_bytes(body: bytes, purpose: str) -> bytes:
    """Return `body` encrypted and bound to `purpose`, like `seal`."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_derived("seal")).encrypt(nonce, body, purpose.encode())


def open_sealed(sealed: bytes, purpose: str) -> str:
    """Return the text that was sealed for `purpose`.

    Raise Unavailable("personal.unreadable") when it was changed, or sealed under another key or purpose.
    """
    return open_bytes(sealed, purpose).decode()


def open_bytes(sealed: bytes, purpose: str) -> bytes:
    """Return the bytes that were sealed for `purpose`; raise like `open_sealed`."""
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(_derived("seal")).decrypt(nonce, body, purpose.encode())
    except (InvalidTag, ValueError) as error:
        raise Unavailable("personal.unreadable") from error


def document_index(number: str) -> str:
    """Return the keyed digest a document number is found by; spellings that compare equal give one digest."""
    return hmac.new(_derived("index"), normalise_document(number).encode(), hashlib.sha256).hexdigest()


def keyed_digest(text: str, purpose: str) -> str:
    """Return a digest that shows whether two texts are the same, and only to who has the key what they are."""
    key = _derived(f"digest {purpose}")
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def mask_phone(number: str) -> str:
    """Return a phone number with all but its first three and last two digits starred."""
    if len(number) < 8:
        return "*" * len(number)
    return number[:3] + "*" * (len(number) - 5) + number[-2:]


def _derived(use: str) -> bytes:
    key: bytes = flask.current_app.config["PERSONAL_KEY"]
    return hmac.new(key, f"cbt personal {use}".encode(), hashlib.sha256).digest()
