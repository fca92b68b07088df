"""How the publicity of a sitting stands on a day: what is asked, what is shown until when, what is held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy.orm import Session

from cbt.enrolment.body.service import body
from cbt.errors import Conflict
from cbt.results.publicity import store
from cbt.results.publicity.models import Publication
from cbt.results.rulings.store import unruled_refs
from cbt.rules.publicity import Releasable, releasable


@dataclass(frozen=True, slots=True)
class SittingPublicity:
    """The publicity of one sitting; `days` is what the body asks for.

    `objected` are the registrations whose results are objected to, `unruled` those that wait for a ruling.
    """

    on: date
    days: int
    publication: Publication | None
    objected: frozenset[str]
    unruled: frozenset[str]

    @property
    def holding(self) -> frozenset[str]:
        """The registrations whose results are held."""
        return self.objected | self.unruled

    @property
    def state(self) -> Literal["none", "due", "open", "over"]:
        """Whether nothing is asked, it is still to be published, is shown, or was shown long enough."""
        if self.publication is None:
            return "due" if self.days else "none"
        return "over" if self.publication.window.is_over(self.on) else "open"

    def held_from(self, refs: Iterable[str]) -> Releasable:
        """Return which of these registrations' results may be released, and which are held. Source: R-90, R-92."""
        window = None if self.publication is None else self.publication.window
        return releasable(
            refs, window, on=self.on, objections=self.objected, rulings=self.unruled, required=self.days > 0
        )

    def require_over(self) -> None:
        """Raise Conflict("publicity.due") before results are shown, ("publicity.open") while they are (R-90)."""
        if self.state == "due":
            raise Conflict("publicity.due", days=self.days)
        if self.state == "open" and self.publication is not None:
            raise Conflict("publicity.open", last=self.publication.last_on.isoformat())


def require_shown(session: Session, sitting_id: int, *, on: date) -> None:
    """Raise as `SittingPublicity.require_over` does; nobody's result is looked at for it (R-90)."""
    publication = store.standing_publication(session, sitting_id)
    SittingPublicity(on, body(session).publicity_days, publication, frozenset(), frozenset()).require_over()


def publicity_of(session: Session, sitting_id: int, *, on: date) -> SittingPublicity:
    """Return how the publicity of a sitting stands on a day."""
    return SittingPublicity(
        on,
        body(session).publicity_days,
        store.standing_publication(session, sitting_id),
        store.open_objections(session, sitting_id),
        unruled_refs(session, sitting_id),
    )
