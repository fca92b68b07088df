"""Personal numbers: sealed at rest, found by a keyed digest, masked wherever they are shown.

The key is the installation's own (`personal.key`), not the database's, so a copied database file does not
give the numbers away even with its own key.
"""

from __future__ import annotations

import hashlib
import hmac

from cbt.db.private.sealing import derived
from cbt.rules.door.admission import normalise_document

DOCUMENT = "document"
PHONE = "phone"
SHOWN = "document_shown"
CORRECTION = "correction"
QUERY = "query"


def document_index(number: str) -> str:
    """Return the keyed digest a document number is found by; spellings that compare equal give one digest."""
    return hmac.new(derived("index"), normalise_document(number).encode(), hashlib.sha256).hexdigest()


def keyed_digest(text: str, purpose: str) -> str:
    """Return a digest that shows whether two texts are the same, and only to who has the key what they are."""
    key = derived(f"digest {purpose}")
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def mask_phone(number: str) -> str:
    """Return a phone number with all but its first three and last two digits starred."""
    if len(number) < 8:
        return "*" * len(number)
    return number[:3] + "*" * (len(number) - 5) + number[-2:]
