"""What the seat page sends, read into values: typed in haste, in any width of digits."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Literal

from cbt.door.signing_in.entry import SignInInput
from cbt.errors import InvalidInput

_MOST_TICKET = 20


def sign_in_input(form: Mapping[str, str]) -> SignInInput:
    """Return what was typed to sign in.

    Raise InvalidInput("door.ticket"), ("door.document_length") or ("door.code_length").
    """
    ticket = _plain(form.get("ticket", ""))
    if not (ticket.isascii() and ticket.isalnum() and len(ticket) <= _MOST_TICKET):
        raise InvalidInput("door.ticket", field="ticket")
    by: Literal["document", "code"] = "code" if form.get("by") == "code" else "document"
    secret = _plain(form.get(by, ""))
    if len(secret) != 6:
        raise InvalidInput(f"door.{by}_length", field=by)
    return SignInInput(ticket, by, secret)


def seat_number(form: Mapping[str, str]) -> int:
    """Return the 机位号 that was typed; raise InvalidInput("seat.number_text")."""
    text = _plain(form.get("number", ""))
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise InvalidInput("seat.number_text", field="number")
    return int(text)


def undelivered_count(body: object) -> int:
    """Return how many answers a machine says it still holds; raise InvalidInput("seat.undelivered")."""
    count = body.get("count") if isinstance(body, dict) else None
    if not isinstance(count, int) or isinstance(count, bool):
        raise InvalidInput("seat.undelivered", field="count")
    return count


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text[:80]).split())
