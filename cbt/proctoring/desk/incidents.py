"""Writing the room's log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from cbt.proctoring.models import Incident
from cbt.rules.canonical import canonical_json

_LINE = insert(Incident).values()
"""Every act writes one while nobody else may write: it is a row, and no entity that a session keeps."""


def log_incident(
    session: Session,
    *,
    sitting_room_id: int,
    kind: str,
    at: datetime,
    by: str,
    params: Mapping[str, str],
    registration_id: int | None = None,
) -> None:
    """Add one line to a room's log; `params` fill the catalogue's sentence of `kind`."""
    session.connection().execute(
        _LINE,
        {
            "sitting_room_id": sitting_room_id,
            "registration_id": registration_id,
            "at": at,
            "kind": kind,
            "params": canonical_json(dict(params)),
            "by": by,
        },
    )
