"""Which entries of the log concern a candidate's page, and whose."""

from __future__ import annotations

STANDS = {
    "room.evacuate": "evacuated",
    "room.abort": "aborted",
    "room.hold": "held",
    "attempt.suspend": "suspended",
    "door.leave": "away",
    "attempt.close": "closed",
}
"""Acts after which a page shows no paper, and what stands then."""
OF_STANDING_ROOMS = ("room.resume", "room.hold", "room.evacuate")
"""Acts of which the last tells why a room stood."""
GOES_ON = frozenset(
    {
        "room.resume",
        "room.reenter",
        "attempt.resume",
        "attempt.reopen",
        "door.return",
        "undo.leave",
    }
)
"""Acts after which it does again."""
GRANTS = frozenset({"attempt.adjust", "room.adjust"})
UNDO = "undo."
"""How every act taken back begins."""
DECISIONS = frozenset({"undo.decide", "undo.decide_many"})
"""Decisions on compensations taken back: time, where any had been given."""
TAKEN = DECISIONS | {"undo.adjust", "undo.adjust_room"}
"""Time taken back."""
MOVES = frozenset({"room.relocate", "undo.relocate"})
"""The whole room goes on elsewhere, or stays after all."""
TOLD = GOES_ON | GRANTS | TAKEN | MOVES
"""Acts a page says in words, beside what its screens show."""
STIRS = TOLD | STANDS.keys() | {"attempt.remind", "attempt.allow_move", "room.start", "room.end"}
"""Acts after which a page that waits asks for its clock, beside whatever is taken back."""
PREFIXES = ("attempt:", "registration:", "sitting_room:")


def topic_of(act: str, subject: str) -> str | None:
    """Return the topic whose pages an entry concerns; None for one that concerns no page."""
    stirs = act in STIRS or act.startswith(UNDO)
    return subject if stirs and subject.startswith(PREFIXES) else None
