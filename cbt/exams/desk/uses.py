"""Which batches use a version of a blueprint: later rooms know, and say so through what is registered here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import flask
from sqlalchemy.orm import Session

_EXTENSION = "cbt_blueprint_uses"


@dataclass(frozen=True, slots=True)
class BatchUse:
    """A batch in which people are registered for papers of a version, and how many registrations there are."""

    version_id: int
    batch_ref: str
    batch_name: str
    registrations: int


FindUses = Callable[[Session, Sequence[int]], list[BatchUse]]


def register_uses(app: flask.Flask, find: FindUses) -> None:
    """Have `find` say which batches use versions, by their ids, the latest batch first."""
    app.extensions[_EXTENSION] = find


def uses_of(session: Session, version_ids: Sequence[int]) -> list[BatchUse]:
    """Return which batches use these versions."""
    find: FindUses = flask.current_app.extensions[_EXTENSION]
    return find(session, version_ids)
