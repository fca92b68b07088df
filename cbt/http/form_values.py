"""Names, notes and whole numbers out of forms and addresses, read before anything uses them."""

from __future__ import annotations

from collections.abc import Mapping

from werkzeug.routing import IntegerConverter, Map

from cbt.errors import InvalidInput
from cbt.rules.visible import unseen

MOST_PAGES = 100_000
WIDEST = 2**31 - 1
"""No number that names a row is larger: PostgreSQL refuses every other with an error of its own."""


def one_line(text: str, field: str) -> str:
    """Return a text without outer and doubled blanks.

    Raise InvalidInput("text.unseen") with the place and the code of a character that cannot be seen.
    """
    hidden = unseen(text)
    if hidden is not None:
        raise InvalidInput("text.unseen", field=field, place=hidden.place, character=hidden.code)
    return " ".join(text.split())


def required(text: str, code: str, field: str, *, limit: int = 120) -> str:
    """Return the text without outer and doubled spaces.

    Raise InvalidInput(code) when empty or too long, ("text.unseen") as `one_line` does.
    """
    plain = one_line(text, field)
    if not 1 <= len(plain) <= limit:
        raise InvalidInput(code, field=field, maximum=limit)
    return plain


def whole_number(text: str, *, most: int) -> int | None:
    """Return the number a text says, from 0 to `most`, or None.

    The digits are counted before they are read: Python refuses 4,300 of them with an error of its own, and a
    database every number over its width.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        return None
    number = int(text)
    return number if number <= most else None


def asked_text(args: Mapping[str, str]) -> str:
    """Return what an address looks for (`q`): nobody is found by more characters."""
    return " ".join(args.get("q", "").split())[:60]


def page_of(args: Mapping[str, str]) -> int:
    """Return the page an address asks for, from 1; what makes no sense there means the first."""
    return whole_number(args.get("page", ""), most=MOST_PAGES) or 1


class BoundedInteger(IntegerConverter):
    """`<int:…>` of an address: a number of more digits than a database holds is no such page."""

    regex = r"[0-9]{1,10}"

    def __init__(self, map: Map, fixed_digits: int = 0, min: int | None = None, max: int = WIDEST) -> None:
        """Take what Werkzeug gives a converter; `max` is never more than a database holds."""
        super().__init__(map, fixed_digits=fixed_digits, min=min, max=max)
