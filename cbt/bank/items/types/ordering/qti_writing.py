"""排序 in QTI: an order interaction."""

from __future__ import annotations

from cbt.bank.exports.markup import line
from cbt.bank.formats.qti.mapping import Fields, Made, QtiWriting, stem_of
from cbt.bank.formats.qti.scoring import Response22


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
