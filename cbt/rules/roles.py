"""Who may do what: the roles of the people around an exam.

Source: R-62.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A staff role; a person may hold several."""

    AUTHOR = "author"
    REVIEWER = "reviewer"
    PROCTOR = "proctor"
    CHIEF_PROCTOR = "chief_proctor"
    MARKER = "marker"
    OFFICER = "officer"
    INSPECTOR = "inspector"
    ADMIN = "admin"


ROOM_STAFF = frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR})
"""Who runs a room."""

SECOND_PERSON = frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR, Role.OFFICER})
"""Whose credential may countersign a starred action of a room."""
