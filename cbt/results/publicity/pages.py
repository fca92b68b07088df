"""What the office's pages of the publicity show, gathered in one reading each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Candidate, Registration
from cbt.http.i18n import local_day
from cbt.results import store as results
from cbt.results.models import Publication, PublishedResult, ResultObjection
from cbt.results.publicity import store
from cbt.results.publicity.objections import objected_to
from cbt.results.publicity.publication import SittingPublicity, publicity_of, window_from
from cbt.results.publicity.store import LIST_PAGE, ObjectionLine, PublishedLine
from cbt.results.rulings import ViolationLine, violations_of
from cbt.results.sheet.figures import SittingFigures, figures_of
from cbt.results.sheet.outcome import Decision
from cbt.results.sheet.sitting import lines_of
from cbt.rules.publicity import PublicityWindow
from cbt.sittings.models import Sitting
from cbt.storage.paging import ListPage


@dataclass(frozen=True, slots=True)
class PublicityPage:
    """The publicity of a sitting: what is asked, what was shown to whom, who objected."""

    sitting: Sitting
    publicity: SittingPublicity
    figures: SittingFigures | None
    """What would be shown, while it is not."""
    ahead: PublicityWindow | None
    """The window of what would be shown today."""
    listed: ListPage[PublishedLine]
    titles: Mapping[int, str]
    """What the papers of these lines are called, by registration."""
    parts: int
    """In how many files it is printed."""
    changed: int
    objections: Sequence[ObjectionLine]
    violations: Sequence[ViolationLine]
    """What is on record of people of the sitting, ruled on or not."""
    names: Mapping[str, str]


def publicity_page(
    session: Session, sitting_ref: str, *, text: str, page: int, now: datetime
) -> PublicityPage:
    """Return a page of the publicity of a sitting that is over; raise like `finished_sitting`."""
    sitting = results.finished_sitting(session, sitting_ref)
    publicity = publicity_of(session, sitting.id, on=local_day(now))
    shown, figures, ahead = publicity.publication, None, None
    listed: ListPage[PublishedLine] = ListPage((), 0, 1, 1)
    parts, changed = 1, 0
    if shown is not None:
        listed = store.published_page(session, shown, text=text, page=page, per_page=LIST_PAGE)
        parts = parts_of(session, shown)
        changed = 0 if sitting.released_at else store.changed_since(session, shown)
    elif sitting.released_at is None:
        elsewhere = results.violations_elsewhere(session, sitting.id)
        figures, _alike = figures_of(session, sitting, elsewhere)
        ahead = window_from(session, now, publicity.days)
    objections = store.objections_of(session, sitting.id)
    by = [one.objection.entered_by for one in objections] + [one.objection.decided_by for one in objections]
    return PublicityPage(
        sitting,
        publicity,
        figures,
        ahead,
        listed,
        {one.registration.id: title_of(session, one.registration) for one in listed.lines},
        parts,
        changed,
        objections,
        violations_of(session, sitting.id),
        actor_names(session, [*by, shown.published_by] if shown else by),
    )


def parts_of(session: Session, shown: Publication) -> int:
    """Return in how many files a publication is printed."""
    return store.published_page(session, shown, page=1, per_page=store.PAPER_PAGE).pages


def title_of(session: Session, registration: Registration) -> str:
    """Return what people call the paper of a registration: level and paper."""
    blueprint = blueprint_of(session, registration.blueprint_version_id)
    return f"{blueprint.level_name} {blueprint.papers[registration.paper].label}"


@dataclass(frozen=True, slots=True)
class ObjectionPage:
    """One result that somebody objects to: whose it is, what was shown, what the evidence says now."""

    sitting: Sitting
    registration: Registration
    candidate: Candidate
    ticket: str
    title: str
    publication: Publication
    shown: PublishedResult | None
    now: Decision | None
    objection: ResultObjection | None
    """None while it is being written down."""
    released: bool
    names: Mapping[str, str]


def new_objection_page(session: Session, registration_ref: str) -> ObjectionPage:
    """Return the page on which an objection to a result is written down; raise like `objected_to`."""
    registration, publication = objected_to(session, registration_ref)
    return _objection_page(session, registration, publication, None)


def objection_page(session: Session, ref: str) -> ObjectionPage:
    """Return the page of an objection; raise NotFound("objection.unknown")."""
    found = ResultObjection.by_ref(session, ref, unknown="objection.unknown")
    registration = session.get_one(Registration, found.registration_id)
    publication = session.get_one(Publication, found.publication_id)
    return _objection_page(session, registration, publication, found)


def _objection_page(
    session: Session, registration: Registration, publication: Publication, found: ResultObjection | None
) -> ObjectionPage:
    sitting = session.get_one(Sitting, registration.sitting_id)
    rows = results.rows_of_sitting(session, sitting.id, Registration.id == registration.id)
    elsewhere = results.violations_elsewhere(session, sitting.id)
    ((_paper, (line,)),) = lines_of(session, sitting, rows, elsewhere)
    by = [] if found is None else [found.entered_by, found.decided_by]
    return ObjectionPage(
        sitting,
        registration,
        line.row.candidate,
        line.row.ticket_number,
        title_of(session, registration),
        publication,
        store.published_of(session, publication, registration.id),
        line.decided,
        found,
        line.row.result is not None,
        actor_names(session, by),
    )
