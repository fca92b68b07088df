"""What differs between two texts of a blueprint, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff

MOST_LINES = 1500
"""Of longer texts nothing is said: to compare them takes as long as their lines multiplied."""
MOST_SHOWN = 400


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line that is new ("+"), gone ("-"), beside these (" "), or left out between them ("…")."""

    mark: str
    text: str


def changed_lines(before: str, after: str) -> list[ChangedLine]:
    """Return what differs, each with a line around it; nothing where nothing does, or the texts are too long."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) > MOST_LINES or len(new) > MOST_LINES:
        return []
    found = []
    for line in list(unified_diff(old, new, n=1, lineterm=""))[2:]:
        if line.startswith("@@"):
            found.append(ChangedLine("…", ""))
        else:
            found.append(ChangedLine(line[:1], line[1:]))
    return found[1 : MOST_SHOWN + 1]
