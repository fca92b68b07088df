"""The publicity (公示) of a sitting's results: how it stands on a day, publication and withdrawal.

Source: R-90, R-92.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.enrolment.body import body
from cbt.enrolment.office_decisions import holidays_of
from cbt.errors import Conflict
from cbt.http.form_values import required
from cbt.http.i18n import local_day
from cbt.results.models import Publication, PublishedResult
from cbt.results.publicity import store
from cbt.results.rulings import unruled_refs
from cbt.results.sheet.figures import SittingFigures
from cbt.results.sheet.sitting import SheetLine, sheet_of
from cbt.results.store import finished_sitting
from cbt.rules.publicity import PublicityWindow, Releasable, publicity_window, releasable
from cbt.sittings.models import Sitting
from cbt.sittings.store import hold_sitting
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work


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


GIVEN_UP = timedelta(minutes=10)
"""A publication that was begun so long ago and is not shown will not be: whoever made it is gone."""


def window_from(session: Session, now: datetime, days: int) -> PublicityWindow:
    """Return the window of what is published now, by the office's own days, too. Source: R-90."""
    return publicity_window(local_day(now), holidays_of(session), days=days)


def require_complete(sheet: SittingFigures) -> None:
    """Raise Conflict unless everybody has a decision; nothing of the sitting was released before.

    The codes are "results.not_marked" while people have something to mark, "results.not_ready" while a room has not
    ended or somebody has no decision.
    """
    if sheet.to_mark:
        raise Conflict("results.not_marked", people=sheet.to_mark)
    if not sheet.releasable:
        raise Conflict("results.not_ready", rooms=len(sheet.open_rooms), people=sheet.undecided)


def publish(sitting_ref: str, *, now: datetime, actor: str) -> date:
    """Show the results of a sitting as they are now, for as many working days as the body says; return the last.

    They are read on a snapshot and put down in pieces; nobody sees one before all are there. What changed meanwhile
    is told as what changes later is (`changed_since`).

    Raise Conflict("publicity.not_asked"|"publicity.published"|"results.released_already"), else like
    `require_complete` and `finished_sitting`.

    Source: R-90.
    """
    with reading() as session:
        sitting = finished_sitting(session, sitting_ref)
        days = _require_unpublished(session, sitting)
        sheet = sheet_of(session, sitting)
        if sheet.release is not None:
            raise Conflict("results.released_already", name=sitting.name)
        require_complete(sheet)
        window = window_from(session, now, days)
    made = _begin(sitting, window, days=days, now=now)
    shown = [line for line in sheet.lines if line.decided is not None]
    for piece in pieces_of(shown):
        with unit_of_work() as session:
            session.add_all([_shown(made, line) for line in piece])
    with unit_of_work() as session:
        _require_unpublished(session, _held(session, sitting_ref))
        session.execute(
            update(Publication)
            .where(Publication.id == made)
            .values(withdrawn_at=None, published_at=now, published_by=actor)
        )
        record(
            session,
            at=now,
            actor=actor,
            act="publicity.publish",
            subject=sitting.logged_as,
            after={"people": len(shown), "last_on": window.last_on.isoformat(), "days": days},
        )
    return window.last_on


def _require_unpublished(session: Session, sitting: Sitting) -> int:
    """Return for how many days a sitting's results are to be shown; raise where they are, or were released."""
    days = body(session).publicity_days
    if not days:
        raise Conflict("publicity.not_asked")
    if store.standing_publication(session, sitting.id) is not None:
        raise Conflict("publicity.published", name=sitting.name)
    if sitting.released_at is not None:
        raise Conflict("results.released_already", name=sitting.name)
    return days


def _begin(sitting: Sitting, window: PublicityWindow, *, days: int, now: datetime) -> int:
    """Add a publication that is shown to nobody while its results are put down, and return its id.

    What a former one left that did not come to its end goes first. It stands as withdrawn by nobody.
    """
    with reading() as session:
        left = store.unfinished_results(session, sitting.id, before=now - GIVEN_UP)
    for piece in pieces_of(left):
        with unit_of_work() as session:
            session.execute(delete(PublishedResult).where(PublishedResult.id.in_(piece)))
    with unit_of_work() as session:
        made = Publication(
            ref=new_ref("pu"),
            sitting_id=sitting.id,
            published_on=window.published_on,
            last_on=window.last_on,
            days=days,
            published_at=now,
            published_by="",
            withdrawn_at=now,
            withdrawn_by="",
            reason="",
        )
        session.add(made)
        session.flush()
        return made.id


def withdraw(sitting_ref: str, *, reason: str, now: datetime, actor: str) -> None:
    """Take what is shown back, so that it can be shown anew; objections stay.

    Raise InvalidInput("publicity.reason"), Conflict("publicity.due"|"results.released_already").

    Source: R-90.
    """
    why = required(reason, "publicity.reason", "reason", limit=500)
    with unit_of_work() as session:
        sitting = _held(session, sitting_ref)
        found = store.standing_publication(session, sitting.id)
        if sitting.released_at is not None:
            raise Conflict("results.released_already", name=sitting.name)
        if found is None:
            raise Conflict("publicity.due", days=body(session).publicity_days)
        found.withdrawn_at, found.withdrawn_by, found.reason = now, actor, why
        record(
            session,
            at=now,
            actor=actor,
            act="publicity.withdraw",
            subject=sitting.logged_as,
            reason=why,
            before={"last_on": found.last_on.isoformat()},
        )


def _held(session: Session, ref: str) -> Sitting:
    return hold_sitting(session, finished_sitting(session, ref).id)


def _shown(publication_id: int, line: SheetLine) -> PublishedResult:
    row, decided = line.row, line.decided
    assert decided is not None
    return PublishedResult(
        publication_id=publication_id,
        registration_id=row.registration.id,
        outcome=decided.outcome.value,
        score=decided.score,
        score_id=None if row.score is None else row.score.id,
        violation=row.registration.violation_code or "",
    )
