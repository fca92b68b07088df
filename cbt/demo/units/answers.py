"""What a form's right answers look like on the page: whoever builds a world knows the keys, no browser does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.bank.store import contents
from cbt.delivery.models import Attempt
from cbt.rules.items.basis.content import ItemContent
from cbt.rules.items.values import ItemType


@dataclass(frozen=True)
class FormPlace:
    """One position of a candidate's form with its content."""

    position: int
    unit: int
    type: ItemType
    shape: dict[str, Any]
    content: ItemContent
    case: ItemContent

    @property
    def points(self) -> Decimal:
        """Return what a right answer earns."""
        return Decimal(self.shape["points"])

    def right(self) -> Any:
        """Return the displayed answer that is right."""
        content: Any = self.content
        key: Any = content.answer_key
        order = self.shape["order"]
        match self.type:
            case ItemType.TRUE_FALSE:
                return _letter(key[0])
            case ItemType.SINGLE_CHOICE:
                return _letter(order.index(key[0]))
            case ItemType.MULTIPLE_CHOICE:
                return "".join(sorted(_letter(order.index(one)) for one in key))
            case ItemType.FILL_BLANK:
                return [accepted[0] for accepted in key]
            case ItemType.NUMERIC | ItemType.SHORT_ANSWER:
                return str(key)
            case ItemType.HOTSPOT:
                spots = [one.at for one in content.spots]
                right = [content.regions[place] for place in key]
                return sorted(list(next(at for at in spots if one.holds(at))) for one in right)
            case ItemType.MATCHING:
                return [order.index(key[left]) + 1 for left in self.shape["lefts"]]
            case ItemType.ORDERING:
                return [order.index(step) + 1 for step in range(len(order))]
            case _:
                raise AssertionError(self.type)

    def wrong(self) -> str:
        """Return a displayed choice that is wrong."""
        return "B" if self.right() == "A" else "A"


def _letter(place: int) -> str:
    return chr(ord("A") + place)


def places_in(session: Session, attempt_id: int) -> list[FormPlace]:
    """Return the form of an attempt, position by position."""
    form = session.execute(
        select(Form.content, Form.bank_id)
        .join(Attempt, Attempt.form_id == Form.id)
        .where(Attempt.id == attempt_id)
    ).one()
    positions = json.loads(form.content)["positions"]
    wanted = {(one["item"], int(one["version"])) for one in positions}
    found = contents(session, wanted, form.bank_id)
    places = []
    for one in positions:
        whole = found[one["item"], int(one["version"])]
        part = whole.part(one["part"])
        places.append(FormPlace(one["position"], one["unit"], part.type, one, part, whole))
    return places
