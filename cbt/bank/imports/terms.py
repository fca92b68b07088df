"""What the author says of a brought file: how it is to be read, and what of it is to be stored."""

from __future__ import annotations

import msgspec

from cbt.bank.imports.outcome import Mode
from cbt.rules.states.item import ItemState


class ImportTerms(msgspec.Struct, frozen=True):
    """How a file is to be read (`adjust`, `points`, what was `kept` of an earlier one), and what is stored of it.

    `locale` is the language in which a copy is marked; `partial` leaves out what has errors, `near` brings in
    what is much like another item.
    """

    adjust: dict[str, str] = {}
    points: dict[str, str] = {}
    kept: bool = True
    locale: str = "zh"
    mode: Mode = Mode.UPDATE
    state: ItemState = ItemState.IN_REVIEW
    partial: bool = False
    near: bool = True


PLAINLY = ImportTerms(state=ItemState.REVIEWED)
"""As commands bring a bank: what it has is brought up to date, and drawn."""


def written(asked: ImportTerms) -> str:
    """Return it as it is stored."""
    return msgspec.json.encode(asked).decode()


def asked_of(text: str) -> ImportTerms:
    """Return what was stored."""
    return msgspec.json.decode(text, type=ImportTerms)
