"""排序 in QTI: an order interaction."""

from __future__ import annotations

from cbt.interchange.export import line
from cbt.interchange.qti.response import Fields, Made, QtiWriting, Response22, stem_of


def _write(data: Fields, name: str, _picture: str) -> Made:
    """The steps stand in the order of their texts: in the right one, who does not shuffle would tell the key."""
    places = {step: f"S{place}" for place, step in enumerate(sorted(data["steps"]), 1)}
    choices = "".join(
        f'<simpleChoice identifier="{place}">{line(step)}</simpleChoice>' for step, place in places.items()
    )
    head = f'<orderInteraction responseIdentifier="{name}" shuffle="true">'
    right = [places[step] for step in data["steps"]]
    body = f"{stem_of(data)}{head}{choices}</orderInteraction>"
    return [Response22(name, "ordered", "identifier", right)], body


MAPPING = QtiWriting(frozenset({"steps"}), _write)
