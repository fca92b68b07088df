"""What a form's right answers look like on the screen: the journeys know the key, the browsers never do."""

from __future__ import annotations

from cbt.demo.build import FormPlace as Place
from cbt.demo.build import places_in
from tests.journeys.centre import Centre

__all__ = ["Place", "places_in", "places_of"]


def places_of(centre: Centre, name: str) -> list[Place]:
    """Return the form of a sitter, position by position."""
    with centre.session() as session:
        return places_in(session, centre.world.sitters[name].attempt_id)
