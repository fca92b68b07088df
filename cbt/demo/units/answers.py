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
        return self.content.displayed_key(self.shape)

    def wrong(self) -> str:
        """Return a displayed choice that is wrong."""
        return "B" if self.right() == "A" else "A"


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
