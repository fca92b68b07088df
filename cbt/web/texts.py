"""A name or a note out of a form: one line, nothing in it that cannot be seen."""

from __future__ import annotations

from cbt.errors import InvalidInput
from cbt.rules.visible import unseen


def one_line(text: str, field: str) -> str:
    """Return a text without outer and doubled blanks.

    Raise InvalidInput("text.unseen") with the place and the code of a character that cannot be seen.
    """
    found = unseen(text)
    if found is not None:
        raise InvalidInput("text.unseen", field=field, place=found.place, character=found.code)
    return " ".join(text.split())


def required(text: str, code: str, field: str, *, limit: int = 120) -> str:
    """Return the text without outer and doubled spaces.

    Raise InvalidInput(code) when empty or too long, ("text.unseen") as `one_line` does.
    """
    plain = one_line(text, field)
    if not 1 <= len(plain) <= limit:
        raise InvalidInput(code, field=field, maximum=limit)
    return plain
