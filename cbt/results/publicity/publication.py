"""The publicity (公示) of a sitting's results: how it stands, publication, withdrawal, the list, its pages.

Source: R-90, R-92.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Literal

import flask_babel
from flask_babel import gettext as _
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Candidate, Registration
from cbt.enrolment.body import BodyDetails, body
from cbt.enrolment.office_decisions import holidays_of
from cbt.errors import Conflict
from cbt.http.form_values import required
from cbt.http.i18n import local_day
from cbt.printing.pdf import pdf
from cbt.results import store as results
from cbt.results.models import Publication, PublishedResult, ResultObjection
from cbt.results.publicity import store
from cbt.results.publicity.objections import objected_to
from cbt.results.publicity.store import LIST_PAGE, ObjectionLine, PublishedLine
from cbt.results.rulings import ViolationLine, unruled_refs, violations_of
from cbt.results.sheet.outcome import Decision
from cbt.results.sheet.sitting import SheetLine, SittingFigures, figures_of, lines_of, stored_sheet
from cbt.results.store import finished_sitting
from cbt.rules.publicity import (
    PublicityWindow,
    Releasable,
    masked_name,
    publicity_window,
    releasable,
    ticket_tail,
)
from cbt.rules.retake import PaperOutcome
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import hold_sitting
from cbt.storage.page_span import ListPage
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in


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


def publish(sitting_ref: str, *, now: datetime, actor: str, work: LongWork = DIRECTLY) -> date:
    """Show the results of a sitting as they are now, for as many working days as the body says; return the last.

    They are read on a snapshot and put down in pieces; nobody sees one before all are there. What changed meanwhile
    is told as what changes later is (`changed_since`), also where a stopped publication is gone on with.

    Raise Conflict("publicity.not_asked"|"publicity.published"|"results.released_already"), else like
    `require_complete` and `finished_sitting`.

    Source: R-90.
    """
    with reading() as session:
        sitting = finished_sitting(session, sitting_ref)
        days = _require_unpublished(session, sitting)
        stored = stored_sheet(session, sitting)
        window = window_from(session, now, days)
    if stored.release is not None:
        raise Conflict("results.released_already", name=sitting.name)
    sheet = stored.judged()
    require_complete(sheet)
    made = work.so_far.get("publication") or _begin(sitting, window, days=days, now=now, work=work)
    with reading() as session:
        there = store.put_down_of(session, made)
    shown = [line for line in sheet.lines if line.decided is not None]
    waiting = [line for line in shown if line.row.registration.id not in there]
    put_down = len(there)
    for piece in pieces_of(waiting):
        work.in_front(partial(_put_down, made, piece))
        put_down += len(piece)
        work.tell(put_down, len(shown))

    def show() -> None:
        with unit_of_work() as session:
            _require_unpublished(session, _held(session, sitting_ref))
            session.execute(
                update(Publication)
                .where(Publication.id == made)
                .values(
                    withdrawn_at=None,
                    published_at=now,
                    published_by=actor,
                    published_on=window.published_on,
                    last_on=window.last_on,
                    days=days,
                )
            )
            record(
                session,
                at=now,
                actor=actor,
                act="publicity.publish",
                subject=sitting.logged_as,
                after={"people": len(shown), "last_on": window.last_on.isoformat(), "days": days},
            )
            put_down_in(session, *work.keeping(last_on=window.last_on.isoformat()))

    work.in_front(show)
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


def _begin(sitting: Sitting, window: PublicityWindow, *, days: int, now: datetime, work: LongWork) -> int:
    """Add a publication that is shown to nobody while its results are put down, and return its id.

    What a former one left that did not come to its end goes first. It stands as withdrawn by nobody.
    """
    with reading() as session:
        left = store.unfinished_results(session, sitting.id, before=now - GIVEN_UP)

    def drop(piece: Sequence[int]) -> None:
        with unit_of_work() as session:
            session.execute(delete(PublishedResult).where(PublishedResult.id.in_(piece)))

    def add() -> int:
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
            put_down_in(session, *work.keeping(publication=made.id))
            return made.id

    for piece in pieces_of(left):
        work.in_front(partial(drop, piece))
    return work.in_front(add)


def withdraw(sitting_ref: str, *, reason: str, now: datetime, actor: str) -> None:
    """Take what is shown back, so that it can be shown anew; objections stay.

    Raise InvalidInput("publicity.reason"), Conflict("publicity.due"|"results.released_already").

    Source: R-90.
    """
    why = required(reason, "publicity.reason", "reason", limit=500)
    with unit_of_work() as session:
        sitting = _held(session, sitting_ref)
        publication = store.standing_publication(session, sitting.id)
        if sitting.released_at is not None:
            raise Conflict("results.released_already", name=sitting.name)
        if publication is None:
            raise Conflict("publicity.due", days=body(session).publicity_days)
        publication.withdrawn_at, publication.withdrawn_by, publication.reason = now, actor, why
        record(
            session,
            at=now,
            actor=actor,
            act="publicity.withdraw",
            subject=sitting.logged_as,
            reason=why,
            before={"last_on": publication.last_on.isoformat()},
        )


def _held(session: Session, ref: str) -> Sitting:
    return hold_sitting(session, finished_sitting(session, ref).id)


def _put_down(publication_id: int, lines: Sequence[SheetLine]) -> None:
    with unit_of_work() as session:
        session.add_all([_shown(publication_id, line) for line in lines])


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


# The public list of a publication (公示), as a page and on paper: masked name, end of a ticket, outcome.
#
# Source: R-90.

_TOLD = {PaperOutcome.PASSED.value: "passed", PaperOutcome.ABSENT.value: "absent"}
"""Everything else is 不合格 to everybody else: why it is so is nobody's business."""


@dataclass(frozen=True, slots=True)
class PublicLine:
    """One result as everybody may read it; `outcome` is `passed`, `failed`, `absent`, `withheld` or `held`."""

    name: str
    ticket: str
    title: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PublicList:
    """A page of what is shown of a sitting; `first` is the number of its first line."""

    publication: Publication
    sitting: Sitting
    batch: Batch
    lines: Sequence[PublicLine]
    count: int
    page: int
    pages: int
    per_page: int

    @property
    def first(self) -> int:
        return (self.page - 1) * self.per_page + 1


def public_list(session: Session, ref: str, *, page: int, today: date) -> PublicList:
    """Return a page of what everybody may read today; raise NotFound("publicity.over")."""
    publication, sitting, batch = store.shown_today(session, ref, today)
    return listed(session, publication, sitting, batch, page=page, per_page=store.PUBLIC_PAGE)


def listed(
    session: Session, publication: Publication, sitting: Sitting, batch: Batch, *, page: int, per_page: int
) -> PublicList:
    published_page = store.published_page(session, publication, page=page, per_page=per_page)
    waiting = unruled_refs(session, sitting.id)
    shown = [_line(session, line, waiting) for line in published_page.lines]
    return PublicList(
        publication,
        sitting,
        batch,
        shown,
        published_page.count,
        published_page.page,
        published_page.pages,
        per_page,
    )


def _line(session: Session, line: PublishedLine, waiting: Collection[str]) -> PublicLine:
    blueprint = blueprint_of(session, line.registration.blueprint_version_id)
    paper = blueprint.papers[line.registration.paper]
    outcome = "withheld" if paper.release == "none" else _TOLD.get(line.shown.outcome, "failed")
    if line.registration.ref in waiting:
        outcome = "held"
    return PublicLine(
        masked_name(line.candidate.name),
        ticket_tail(line.ticket_number),
        f"{blueprint.level_name} {paper.label}",
        outcome,
    )


def list_paper(listing: PublicList, details: BodyDetails) -> bytes:
    """Return a part of a publication as A4 pages. Source: R-90."""
    shown = listing.publication
    data: dict[str, Any] = {
        "title": _("publicity.paper.title"),
        "body": details.name,
        "sub": " · ".join((listing.batch.name, listing.sitting.name)),
        "foot": " · ".join((_("publicity.paper.title"), listing.sitting.name)),
        "lead": _(
            "publicity.paper.lead", first=shown.published_on.isoformat(), last=shown.last_on.isoformat()
        ),
        "object": how_to_object(details, shown.last_on.isoformat()),
        "rows": [_row(number, line) for number, line in enumerate(listing.lines, listing.first)],
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "heads": [
                _(f"publicity.col.{name}") for name in ("number", "name", "ticket", "paper", "outcome")
            ],
            "seal": _("publicity.paper.seal"),
            "day": shown.published_on.isoformat(),
        },
    }
    return pdf("publicity", data, language=str(flask_babel.get_locale()))


def how_to_object(details: BodyDetails, last: str) -> str:
    where = _("publicity.separator").join(filter(None, (details.name, details.address, details.phone)))
    return str(_("publicity.object", last=last, where=where))


def _row(number: int, line: PublicLine) -> list[str]:
    return [str(number), line.name, line.ticket, line.title, str(_(f"publicity.outcome.{line.outcome}"))]


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
    objection = ResultObjection.by_ref(session, ref, unknown="objection.unknown")
    registration = session.get_one(Registration, objection.registration_id)
    publication = session.get_one(Publication, objection.publication_id)
    return _objection_page(session, registration, publication, objection)


def _objection_page(
    session: Session, registration: Registration, publication: Publication, objection: ResultObjection | None
) -> ObjectionPage:
    sitting = session.get_one(Sitting, registration.sitting_id)
    rows = results.rows_of_sitting(session, sitting.id, Registration.id == registration.id)
    elsewhere = results.violations_elsewhere(session, sitting.id)
    ((_paper, (line,)),) = lines_of(session, sitting, rows, elsewhere)
    by = [] if objection is None else [objection.entered_by, objection.decided_by]
    return ObjectionPage(
        sitting,
        registration,
        line.row.candidate,
        line.row.ticket_number,
        title_of(session, registration),
        publication,
        store.published_of(session, publication, registration.id),
        line.decided,
        objection,
        line.row.result is not None,
        actor_names(session, by),
    )
