"""What helps somebody to read and to choose: offered to everybody on a paper, or to one person who needs it.

Source: R-30.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from cbt.errors import InvalidInput


class Tool(StrEnum):
    """A tool of the answer page."""

    HIGHLIGHTER = "highlighter"
    RULER = "ruler"
    MAGNIFIER = "magnifier"
    SPEECH = "speech"
    MASKING = "masking"


TOOLS = tuple(tool.value for tool in Tool)
"""Their names, in the order in which they stand everywhere."""


def offered(free: Iterable[str], own: Iterable[str] = ()) -> list[str]:
    """Return the tools a page gets, each once: those free for all on its paper, and the candidate's own.

    Source: R-30.
    """
    found = {*free, *own}
    return [name for name in TOOLS if name in found]


def tools_text(names: Iterable[str]) -> str:
    """Return tools as they are stored: their names in order, by commas; "" for none.

    Raise InvalidInput("person.tools") for one that is not known.
    """
    found = set(names)
    if not found <= set(TOOLS):
        raise InvalidInput("person.tools", field="tools")
    return ",".join(offered(found))


def tools_in(text: str) -> list[str]:
    """Return the tools that a stored text names; what a later version wrote is passed over."""
    return offered(text.split(","))
