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
    UNIT_CLERK = "unit_clerk"


OF_THE_HOUSE = tuple(role for role in Role if role is not Role.UNIT_CLERK)
"""Every role of the body's own people. A 单位经办人 is nobody of them, and holds no other role (R-70)."""

ROOM_STAFF = frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR})
"""Who runs a room."""

SECOND_PERSON = frozenset({Role.PROCTOR, Role.CHIEF_PROCTOR, Role.OFFICER})
"""Whose credential may countersign a starred action of a room."""
