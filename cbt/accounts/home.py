"""What later rooms add to the home page: they know what waits for a person, and register who tells it."""

from __future__ import annotations

from collections.abc import Callable

import flask
from markupsafe import Markup

from cbt.web.who.login import Principal

_EXTENSION = "cbt_home_parts"

HomePart = Callable[[Principal], str]
"""Returns a part of the page as HTML, or an empty text for a person whom it does not concern."""


def register_home_part(app: flask.Flask, part: HomePart) -> None:
    """Have `part` stand on the home page, after those registered before."""
    app.extensions.setdefault(_EXTENSION, []).append(part)


def home_parts(principal: Principal) -> list[Markup]:
    """Return what stands on this person's home page above the places they can go to."""
    parts: list[HomePart] = flask.current_app.extensions.get(_EXTENSION, [])
    return [Markup(text) for part in parts if (text := part(principal))]
