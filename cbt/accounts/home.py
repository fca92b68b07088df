"""What later rooms add to the home page: they know what waits for a person, and register who tells it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import flask

from cbt.web.who.login import Principal

_EXTENSION = "cbt_home_parts"

HomePart = Callable[[Principal], tuple[str, Mapping[str, object]] | None]
"""Returns the template of a part of the page and what it needs as `part`, None for whom it does not concern."""


def register_home_part(app: flask.Flask, part: HomePart) -> None:
    """Have `part` stand on the home page, after those registered before."""
    app.extensions.setdefault(_EXTENSION, []).append(part)


def home_parts(principal: Principal) -> list[tuple[str, Mapping[str, object]]]:
    """Return what stands on this person's home page above the places they can go to: templates, what each needs."""
    parts: list[HomePart] = flask.current_app.extensions.get(_EXTENSION, [])
    return [found for part in parts if (found := part(principal)) is not None]
