"""Two papers open for one person: what may be chosen lies in the browser's own cookie until it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import flask

from cbt.db.types import from_micros, to_micros
from cbt.errors import Gone

CHOICE_LIFE = timedelta(minutes=2)
_CHOICE = "door_choice"


def keep_choice(registration_refs: Sequence[str], *, now: datetime) -> None:
    """Keep the registrations a sign-in has just proved, for `CHOICE_LIFE`. Source: R-14."""
    flask.session[_CHOICE] = {"refs": list(registration_refs), "until": to_micros(now + CHOICE_LIFE)}


def kept_choice(*, now: datetime) -> list[str]:
    """Return the registrations to choose from; raise Gone("door.choice_over") when there is no choice now."""
    kept = flask.session.get(_CHOICE)
    if not kept or now >= from_micros(kept["until"]):
        raise Gone("door.choice_over")
    return list(kept["refs"])
