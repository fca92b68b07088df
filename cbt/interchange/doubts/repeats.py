"""Doubt about repeats: a list of items that stands in its file twice."""

from __future__ import annotations

from cbt.interchange.doubts.doubt import Doubt, DoubtedReading, read_text

_FEWEST, _SHARE = 3, 0.25


def list_twice(evidence: DoubtedReading) -> Doubt | None:
    """Doubt the items that stood in their file before, where they are no single slip."""
    seen: set[str] = set()
    again = []
    for place, draft in enumerate(evidence.items):
        text = read_text({name: draft.data.get(name) for name in ("stem", "choices", "answer", "parts")})
        if text in seen:
            again.append(place)
        seen.add(text)
    if len(again) < max(_FEWEST, _SHARE * len(evidence.items)):
        return None
    return Doubt("list_twice", tuple(again), evidence.stems(again))
