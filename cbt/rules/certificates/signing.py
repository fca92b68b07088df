"""The signed statement of a certificate: whoever has the body's public key reads it without a network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cbt.errors import InvalidInput, NotFound
from cbt.rules.certificates.statement import CertificateStatement, decoded, encoded

CONTEXT = b"cbt certificate statement\x00"
"""Stands before what is signed, so that the signature of anything else is none of a certificate."""
KEY_ID, SIGNATURE = 4, 64
MARK = "CBT-CERT:"
"""Begins the text of a QR that leads to no page."""


def key_id(public: bytes) -> bytes:
    """Return the few bytes by which a statement says which key signed it."""
    return hashlib.sha256(public).digest()[:KEY_ID]


def signed(said: CertificateStatement, key: Ed25519PrivateKey) -> bytes:
    """Return a statement with the id of its key and its signature; the same each time. Raise as `encoded`.

    Source: R-93.
    """
    body = encoded(said) + key_id(key.public_key().public_bytes_raw())
    return body + key.sign(CONTEXT + body)


def verified(sent: bytes, publics: Iterable[bytes]) -> CertificateStatement:
    """Return what a signed statement says, if one of these public keys (32 bytes each) signed it.

    Raise NotFound("certificate.key_unknown") where it is of another key, InvalidInput("certificate.forged") where
    the signature is not its own, InvalidInput("certificate.unreadable") for what is no statement.

    Source: R-93, R-94.
    """
    body, signature = sent[:-SIGNATURE], sent[-SIGNATURE:]
    said = decoded(body[:-KEY_ID])
    keys = [public for public in publics if key_id(public) == body[-KEY_ID:]]
    if not keys:
        raise NotFound("certificate.key_unknown", key=body[-KEY_ID:].hex())
    for public in keys:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, CONTEXT + body)
        except InvalidSignature:
            continue
        return said
    raise InvalidInput("certificate.forged")


def qr_text(sent: bytes, address: str = "") -> str:
    """Return what a certificate's QR says: an address with the statement behind its #, or the statement alone.

    What stands behind a # no browser sends to a server, so that the statement is in nobody's log.
    """
    text = base64.urlsafe_b64encode(sent).decode().rstrip("=")
    return f"{address}#{text}" if address else f"{MARK}{text}"


def of_qr(text: str) -> bytes:
    """Return the signed statement that a QR's text carries; raise InvalidInput("certificate.unreadable")."""
    plain = "".join(text.split())
    _, mark, carried = plain.partition(MARK if plain.startswith(MARK) else "#")
    try:
        sent = base64.b64decode(carried + "=" * (-len(carried) % 4), altchars=b"-_", validate=True)
    except ValueError:
        sent = b""
    if not mark or len(sent) <= KEY_ID + SIGNATURE:
        raise InvalidInput("certificate.unreadable")
    return sent
