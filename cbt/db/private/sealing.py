"""Small secrets at rest: sealed under the installation's own key, which is not the database's.

The key is `personal.key`, so a copied database file does not give what is sealed away even with its own key.
"""

from __future__ import annotations

import hashlib
import hmac
import os

import flask
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cbt.errors import Unavailable

_NONCE_BYTES = 12


def seal(text: str, purpose: str) -> bytes:
    """Return `text` encrypted and bound to `purpose` (AES-256-GCM, a fresh nonce before the ciphertext)."""
    return seal_bytes(text.encode(), purpose)


def seal_bytes(body: bytes, purpose: str) -> bytes:
    """Return `body` encrypted and bound to `purpose`, like `seal`."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(derived("seal")).encrypt(nonce, body, purpose.encode())


def open_sealed(sealed: bytes, purpose: str) -> str:
    """Return the text that was sealed for `purpose`.

    Raise Unavailable("personal.unreadable") when it was changed, or sealed under another key or purpose.
    """
    return open_bytes(sealed, purpose).decode()


def readable(sealed: bytes, purpose: str) -> str | None:
    """Return what was sealed, None when it was sealed under a `personal.key` that is lost."""
    try:
        return open_sealed(sealed, purpose)
    except Unavailable:
        return None


def open_bytes(sealed: bytes, purpose: str) -> bytes:
    """Return the bytes that were sealed for `purpose`; raise like `open_sealed`."""
    return open_under(flask.current_app.config["PERSONAL_KEY"], sealed, purpose)


def open_under(key: bytes, sealed: bytes, purpose: str) -> bytes:
    """Return what was sealed for `purpose` under the `personal.key` that is given; raise like `open_sealed`."""
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(derived_from(key, "seal")).decrypt(nonce, body, purpose.encode())
    except (InvalidTag, ValueError) as error:
        raise Unavailable("personal.unreadable") from error


def derived(use: str) -> bytes:
    """Return the key for one use of `personal.key`."""
    return derived_from(flask.current_app.config["PERSONAL_KEY"], use)


def derived_from(key: bytes, use: str) -> bytes:
    """Return the key for one use of the `personal.key` that is given."""
    return hmac.new(key, f"cbt personal {use}".encode(), hashlib.sha256).digest()
