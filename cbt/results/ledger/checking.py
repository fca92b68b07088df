"""Whom the retake rules keep from a paper of a batch: counted over its columns, a page of them with names."""

from __future__ import annotations

from dataclasses import dataclass

from cbt.db.unit_of_work import reading
from cbt.exams.store import blueprint_of
from cbt.results.ledger import store
from cbt.results.ledger.counting import RetakeCheck, check_registration
from cbt.results.ledger.store import Booking
from cbt.sittings.models import Batch
from cbt.sittings.store import batch_by_ref
from cbt.web.i18n import local_zone

PAGE = 50


@dataclass(frozen=True, slots=True)
class Objection:
    """A registration that should not be as it is, with the names of its level and paper."""

    booking: Booking
    level: str
    paper: str
    check: RetakeCheck


@dataclass(frozen=True, slots=True)
class BatchCheck:
    """What the retake rules say about a batch: how many registrations were looked at, how many are wrong."""

    batch: Batch
    checked: int
    wrong: int
    objections: list[Objection]
    """A page of them."""
    page: int
    pages: int


def check_batch(batch_ref: str, *, page: int = 1) -> BatchCheck:
    """Return which registrations of a batch the retake rules speak against.

    Looked at are those whose result is still to come, on the date of their exam. Nothing speaks against a first
    registration of somebody who has no result of that level, so only the others are read.

    Source: R-4.
    """
    zone = local_zone()
    with reading() as session:
        batch = batch_by_ref(session, batch_ref)
        results = store.results_before(session, batch.id)
        wrong: dict[int, RetakeCheck] = {}
        for one in store.doubtful_of(session, batch.id):
            found = check_registration(
                one.paper,
                results.get((one.candidate_id, one.blueprint_ref), []),
                retake=one.kind == "retake",
                exam_on=one.planned_start_at.astimezone(zone).date(),
                policy=blueprint_of(session, one.version_id).retake,
            )
            if found is not None:
                wrong[one.registration_id] = found
        pages = max(1, -(-len(wrong) // PAGE))
        page = min(page, pages)
        shown = list(wrong)[(page - 1) * PAGE : page * PAGE]
        objections = []
        for booking in store.bookings_among(session, shown):
            registration = booking.registration
            blueprint = blueprint_of(session, registration.blueprint_version_id)
            paper = blueprint.papers[registration.paper].label
            objections.append(Objection(booking, blueprint.level_name, paper, wrong[registration.id]))
        checked = store.count_bookings(session, batch.id)
        return BatchCheck(batch, checked, len(wrong), objections, page, pages)
