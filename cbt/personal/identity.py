"""The identity of people: names and documents checked, numbers found by a keyed digest and shown masked."""

from __future__ import annotations

import hashlib
import hmac
import re

from cbt.errors import InvalidInput
from cbt.http.form_values import one_line
from cbt.rules.door import DOCUMENT_TYPES, normalise_document, valid_resident_id, written_name
from cbt.storage.crypto import derived

RESIDENT = frozenset({"resident_id", "temporary_resident_id"})
"""Documents with a number of GB 11643."""
_NUMBER = re.compile(r"[0-9A-Z()（）-]{6,30}")


def checked_name(text: str, *, field: str = "name") -> str:
    """Return a name as `written_name` keeps it; rare characters are kept as given.

    Raise InvalidInput("correction.name"), ("text.unseen").

    Source: R-10.
    """
    plain = written_name(one_line(text, field))
    if not plain or len(plain) > 60:
        raise InvalidInput("correction.name", field=field)
    return plain


def checked_document(kind: str, number: str) -> tuple[str, str]:
    """Return the type and number of a document as they are kept.

    Raise InvalidInput("admission.document_type"), ("correction.number") for one that fails GB 11643.

    Source: R-10, R-14.
    """
    plain = normalise_document(number)
    if kind not in DOCUMENT_TYPES:
        raise InvalidInput("admission.document_type", field="document_type")
    if not _NUMBER.fullmatch(plain) or (kind in RESIDENT and not valid_resident_id(plain)):
        raise InvalidInput("correction.number", field="document_number")
    return kind, plain


def gender_of_number(kind: str, number: str) -> str:
    """Return the gender a resident's number says, "" for any other number. Source: R-10 (GB 11643)."""
    if kind not in RESIDENT:
        return ""
    return "male" if int(number[16]) % 2 else "female"


# Personal numbers: sealed at rest, found by a keyed digest, masked wherever they are shown.
#
# The key is the installation's own (`personal.key`), not the database's, so a copied database file does not
# give the numbers away even with its own key.

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
    if len(number) < 8:
        return "*" * len(number)
    return number[:3] + "*" * (len(number) - 5) + number[-2:]
