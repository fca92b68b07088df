"""The documents the office prints of a room; one more is a module that gathers its data, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cbt.candidates.printing import lists, registration, tickets
from cbt.candidates.printing.occasion import Occasion


@dataclass(frozen=True, slots=True)
class Printable:
    """A document: what it says of a room, and what it needs beside words; `single` for one person, too.

    Its name is that of its file in `cbt/printing/documents` and of its texts, `candidates.print.<name>`.
    """

    gather: Callable[[Occasion], dict[str, Any]]
    single: bool = False
    photos: bool = False
    qr: bool = False


DOCUMENTS = {
    "tickets": Printable(tickets.data, single=True, photos=True, qr=True),
    "door": Printable(lists.door),
    "sign_in": Printable(lists.sign_in),
    "labels": Printable(lists.labels),
    "seats": Printable(lists.seats),
    "registration": Printable(registration.data, single=True, photos=True),
}
