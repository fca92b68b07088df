"""What comes in at the door in one line: a ticket's code, what a card reader types, a seat, a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cbt.rules.door.admission import normalise_document, plain_name, valid_resident_id

LONGEST = 200
"""What a reader types of one card is shorter; the rest is left unread."""
_IDENTITY = re.compile(r"(?<![0-9])[0-9]{17}[0-9X](?![0-9A-Z])")
_SEAT_DIGITS = 3
_TICKET_TAIL = 4
_DOCUMENT = re.compile(r"(?=.*[0-9])[A-Z0-9()]{6,20}")


class ScanKind(StrEnum):
    """What a line names somebody by."""

    NOTHING = "nothing"
    TICKET = "ticket"
    DOCUMENT = "document"
    SEAT = "seat"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Scan:
    """A line as it was read: by what it names somebody, and that."""

    kind: ScanKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class AtSeat:
    """Somebody who is expected in the room."""

    ref: str
    name: str
    ticket: str
    number: int
    """Of their seat."""


def read_scan(line: str) -> Scan:
    """Read what was scanned or typed.

    A number of 18 places with its right check digit is a card, whatever the reader types around it. Up to three
    digits are a seat, more of them a ticket or its end; letters with digits are another document's number; the rest
    is a name.

    Source: R-10, R-11.
    """
    plain = unicodedata.normalize("NFKC", line[:LONGEST]).strip()
    if not plain:
        return Scan(ScanKind.NOTHING)
    for number in _IDENTITY.findall(plain.upper()):
        if valid_resident_id(number):
            return Scan(ScanKind.DOCUMENT, number)
    joined = normalise_document(plain)
    if joined.isascii() and joined.isdigit():
        if len(joined) <= _SEAT_DIGITS:
            return Scan(ScanKind.SEAT, str(int(joined)))
        return Scan(ScanKind.TICKET, joined)
    if _DOCUMENT.fullmatch(joined):
        return Scan(ScanKind.DOCUMENT, joined)
    return Scan(ScanKind.NAME, plain)


def named_by(scan: Scan, people: Iterable[AtSeat]) -> tuple[str, ...]:
    """Return the refs of whom a scan names, in the order given; of a document nothing is known here.

    Who is named exactly comes alone: the end of a ticket and a part of a name count where nobody is. Letters with
    digits that are no document of the room may be a part of a name.

    Source: R-10.
    """
    here = tuple(people)
    match scan.kind:
        case ScanKind.SEAT:
            return tuple(one.ref for one in here if one.number == int(scan.value))
        case ScanKind.TICKET:
            exact = tuple(one.ref for one in here if one.ticket == scan.value)
            ends = len(scan.value) >= _TICKET_TAIL
            return exact or tuple(one.ref for one in here if ends and one.ticket.endswith(scan.value))
        case ScanKind.NAME | ScanKind.DOCUMENT:
            wanted = plain_name(scan.value).casefold()
            names = [(one.ref, plain_name(one.name).casefold()) for one in here]
            exact = tuple(ref for ref, name in names if name == wanted)
            return exact or tuple(ref for ref, name in names if wanted and wanted in name)
        case _:
            return ()
