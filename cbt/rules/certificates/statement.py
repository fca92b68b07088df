"""What a certificate says, in few bytes of one spelling: what is signed, and what its QR carries.

A version, then the number, the day of issue, and four texts with their lengths. Only what is printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from cbt.errors import InvalidInput
from cbt.rules.certificates.number import number_flaw

VERSION = 1
MOST_BYTES = 255
"""Of each text."""
_NUMBER, _DAY = 9, 3
_DIGITS = 21
_HEAD = 1 + _NUMBER + _DAY


@dataclass(frozen=True, slots=True)
class CertificateStatement:
    """What the print shows: the number, whose it is, which document of theirs, for what, since when.

    `document` is the number of the document as it is printed, masked where the print masks it. The body that issued
    it is known by its key.

    Source: R-93, R-94.
    """

    number: str
    name: str
    document: str
    occupation: str
    level: str
    issued_on: date


def encoded(said: CertificateStatement) -> bytes:
    """Return the bytes of a statement. Raise InvalidInput("certificate.number"), ("certificate.text_long").

    Source: R-93.
    """
    if number_flaw(said.number) is not None or len(said.number) != _DIGITS + 1:
        raise InvalidInput("certificate.number")
    number = int(said.number[1:]) + (10**_DIGITS if said.number[0] == "S" else 0)
    head = (
        bytes([VERSION]) + number.to_bytes(_NUMBER, "big") + said.issued_on.toordinal().to_bytes(_DAY, "big")
    )
    return head + b"".join(map(_text, (said.name, said.document, said.occupation, said.level)))


def decoded(body: bytes) -> CertificateStatement:
    """Return what bytes say; raise InvalidInput("certificate.unreadable") for all but what `encoded` writes."""
    try:
        number = int.from_bytes(body[1 : 1 + _NUMBER], "big")
        kind, digits = ("S", number - 10**_DIGITS) if number >= 10**_DIGITS else ("Y", number)
        issued_on = date.fromordinal(int.from_bytes(body[1 + _NUMBER : _HEAD], "big"))
        name, document, occupation, level = _texts(body[_HEAD:])
        said = CertificateStatement(f"{kind}{digits:021}", name, document, occupation, level, issued_on)
        if encoded(said) == body:
            return said
    except (ValueError, InvalidInput):
        pass
    raise InvalidInput("certificate.unreadable")


def _text(text: str) -> bytes:
    body = text.encode()
    if len(body) > MOST_BYTES:
        raise InvalidInput("certificate.text_long", most=MOST_BYTES)
    return bytes([len(body)]) + body


def _texts(body: bytes) -> list[str]:
    found = []
    while body:
        found.append(body[1 : 1 + body[0]].decode())
        body = body[1 + body[0] :]
    return found
