"""The terms for which records are kept (保管年限), the batches that are due, and the holds on them.

Source: R-62, R-95.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta

import flask
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, case, exists, func, not_, select
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import (
    ApprovalKind,
    ApprovalWish,
    Result,
    Second,
    claim,
    countersigned,
    put_result,
    terms_by_roles,
)
from cbt.accounts.models import Approval
from cbt.accounts.two_people import insist_on_two
from cbt.audit.chain import record
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth.login import Principal
from cbt.http.form_values import required, whole_number
from cbt.http.i18n import local_day, local_zone
from cbt.results.models import Release
from cbt.retention.models import ONLY, Destruction, RetentionHold, RetentionTerms
from cbt.rules.calendar import ELECTRONIC_YEARS, MOST_YEARS, PAPER_YEARS, due_on, latest_due, takes_two
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import PersonStep, Role
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import batch_by_ref
from cbt.storage.page_span import ListPage, PageSpan
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

KINDS = ("electronic", "paper")
SUBJECT = f"retention_terms:{ONLY}"
COUNTERSIGNERS = frozenset({Role.OFFICER})
"""Who approves terms shorter than the rule's: those who ask for the destructions that follow from them."""


@dataclass(frozen=True, slots=True)
class RetentionYears:
    """So many years electronic records and paper are kept."""

    electronic: int = ELECTRONIC_YEARS
    paper: int = PAPER_YEARS

    def of(self, kind: str) -> int:
        return self.electronic if kind == "electronic" else self.paper

    def takes_two(self, wanted: RetentionYears) -> bool:
        """Return whether changing these to `wanted` takes two people. Source: R-62, R-95."""
        return takes_two(self.electronic, wanted.electronic, least=ELECTRONIC_YEARS) or takes_two(
            self.paper, wanted.paper, least=PAPER_YEARS
        )

    def told(self) -> dict[str, int]:
        return {"electronic_years": self.electronic, "paper_years": self.paper}


def kept_years(session: Session) -> RetentionYears:
    row = session.get(RetentionTerms, ONLY)
    return RetentionYears() if row is None else RetentionYears(row.electronic, row.paper)


def typed_years(electronic: str, paper: str) -> RetentionYears:
    """Return the years somebody typed; raise InvalidInput("retention.years") at the one that is none."""
    years = {}
    for kind, text in zip(KINDS, (electronic, paper), strict=True):
        number = whole_number(text.strip(), most=MOST_YEARS)
        if not number:
            raise InvalidInput("retention.years", field=kind, maximum=MOST_YEARS)
        years[kind] = number
    return RetentionYears(**years)


def change_terms(wanted: RetentionYears, *, first: Principal, second: Second | None, now: datetime) -> None:
    """Say how long records are kept; shorter than the rule's own term takes two.

    Raise SecondNeeded then, Conflict("approval.changed") when the terms are no longer those that were to change.

    Source: R-62, R-95.
    """
    with unit_of_work() as session:
        claim(session, second, now=now)
        before = kept_years(session)
        if second is not None or before.takes_two(wanted):
            countersigned(second, roles=COUNTERSIGNERS, seen=seen_change(before, wanted))
        if before != wanted:
            session.merge(RetentionTerms(id=ONLY, **asdict(wanted)))
            after: dict[str, object] = {**wanted.told()}
            if second is not None:
                after["second"] = f"staff:{second.ref}"
            record(
                session,
                at=now,
                actor=first.logged_as,
                act="retention.terms",
                subject=SUBJECT,
                before=before.told(),
                after=after,
            )
        put_result(session, second, wanted.told())


def seen_change(before: RetentionYears, wanted: RetentionYears) -> str:
    return digest(canonical_json([before.told(), wanted.told()]))


KIND = "terms"


def wish_for(before: RetentionYears, wanted: RetentionYears) -> ApprovalWish:
    """Return the request to keep records for `wanted` years."""
    changes = ((kind, before.of(kind), wanted.of(kind)) for kind in KINDS)
    return ApprovalWish(
        kind=KIND,
        act="terms",
        subject=SUBJECT,
        place=str(_("retention.title")),
        params=canonical_json(asdict(wanted)),
        preview=tuple(
            (f"retention.terms.{kind}", "text", f"{old} → {new}") for kind, old, new in changes if old != new
        ),
    )


def _carry_out(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    change_terms(RetentionYears(**json.loads(approval.params)), first=first, second=second, now=now)


def _said(_approval: Approval, _result: Result) -> str:
    return str(_("retention.terms.saved"))


def _home(_approval: Approval) -> str:
    return flask.url_for("retention.retention")


TERMS = ApprovalKind(KIND, terms_by_roles, _carry_out, _said, _home)


# The batches whose records are due for destruction, and the holds that keep them from it.
#
# Nothing of a batch is destroyed while it is held, and who held it does not lift that.

REASON = 300
HOLDERS = (Role.OFFICER, Role.ADMIN)
"""Who holds a batch, and lifts what another of them held."""


def holds_of(session: Session, batch_id: int) -> Sequence[RetentionHold]:
    """Return the holds of a batch, the latest first."""
    query = select(RetentionHold).where(RetentionHold.batch_id == batch_id)
    return session.scalars(query.order_by(RetentionHold.id.desc())).all()


def standing_hold(session: Session, batch_id: int) -> RetentionHold | None:
    query = select(RetentionHold).where(RetentionHold.batch_id == batch_id, RetentionHold.lifted_at.is_(None))
    return session.scalar(query.limit(1))


def place_hold(batch_ref: str, *, reason: str, now: datetime, actor: str) -> None:
    """Hold a batch; what was asked of its destruction before is refused when it is confirmed.

    Raise InvalidInput("retention.no_reason"), Conflict("retention.held"), ("retention.running") for one whose
    destruction has begun.

    Source: R-95.
    """
    reason = required(reason, "retention.no_reason", "reason", limit=REASON)
    with unit_of_work() as session:
        batch = locked_batch(session, batch_ref)
        if standing_hold(session, batch.id) is not None:
            raise Conflict("retention.held")
        begun = select(Destruction.id).where(
            Destruction.batch_id == batch.id,
            Destruction.kind == "electronic",
            Destruction.state.in_(("running", "done")),
        )
        if session.scalar(begun.limit(1)) is not None:
            raise Conflict("retention.running")
        session.add(
            RetentionHold(
                ref=new_ref("rh", 10),
                batch_id=batch.id,
                reason=reason,
                placed_at=now,
                placed_by=actor,
                lifted_by="",
                lift_reason="",
            )
        )
        record(session, at=now, actor=actor, act="retention.hold", subject=batch.logged_as, reason=reason)


def lift_hold(batch_ref: str, *, reason: str, now: datetime, actor: str) -> None:
    """Lift the hold of a batch, as somebody else than who placed it.

    Raise InvalidInput("retention.no_reason"), Conflict("retention.not_held"), ("retention.own_hold"), and as
    `insist_on_two` does.

    Source: R-62, R-95.
    """
    reason = required(reason, "retention.no_reason", "reason", limit=REASON)
    with unit_of_work() as session:
        batch = locked_batch(session, batch_ref)
        hold = standing_hold(session, batch.id)
        if hold is None:
            raise Conflict("retention.not_held")
        insist_on_two(
            session,
            [PersonStep(hold.placed_by, hold.placed_at)],
            actor,
            roles=HOLDERS,
            same=Conflict("retention.own_hold"),
            now=now,
        )
        hold.lifted_at, hold.lifted_by, hold.lift_reason = now, actor, reason
        record(session, at=now, actor=actor, act="retention.lift", subject=batch.logged_as, reason=reason)


def locked_batch(session: Session, ref: str) -> Batch:
    """Return a batch, locked, so that holds and destructions of it take turns."""
    batch = batch_by_ref(session, ref)
    session.refresh(batch, with_for_update=True)
    return batch


PAGE = 50
LISTS = ("due", "held", "later", "gone")


@dataclass(frozen=True, slots=True)
class DueBatch:
    """A batch: the day it was last added to, and from when its electronic records and its paper are due."""

    batch: Batch
    last_on: date
    electronic_on: date
    paper_on: date


def _last() -> ColumnElement[datetime]:
    """Return when a batch was last added to: its last planned start or its last release, else when it was made."""
    of_batch = Sitting.batch_id == Batch.id
    start = select(func.max(Sitting.planned_start_at)).where(of_batch).correlate(Batch).scalar_subquery()
    released = (
        select(func.max(Release.released_at))
        .join(Sitting, Sitting.id == Release.sitting_id)
        .where(of_batch)
        .correlate(Batch)
        .scalar_subquery()
    )
    begun = func.coalesce(start, Batch.created_at)
    return case((released > begun, released), else_=begun)


def open_hold() -> ColumnElement[bool]:
    """Choose batches of which nothing is destroyed for now."""
    return exists().where(RetentionHold.batch_id == Batch.id, RetentionHold.lifted_at.is_(None))


def _gone() -> ColumnElement[bool]:
    return exists().where(
        Destruction.batch_id == Batch.id,
        Destruction.kind == "electronic",
        Destruction.state.in_(("running", "done")),
    )


def _chosen(name: str, today: date, years: RetentionYears) -> ColumnElement[bool]:
    late = datetime.combine(latest_due(today, years.electronic) + timedelta(days=1), time(), local_zone())
    due, held, gone = _last() < late, open_hold(), _gone()
    chosen = {
        "due": and_(due, not_(held), not_(gone)),
        "held": and_(held, not_(gone)),
        "later": and_(not_(due), not_(held), not_(gone)),
        "gone": gone,
    }
    return chosen[name]


def due_page(session: Session, *, list: str, today: date, page: int) -> ListPage[DueBatch]:
    """Return a page of the batches of a list by electronic records, those due longest first. Source: R-95."""
    years = kept_years(session)
    chosen = list if list in LISTS else "due"
    counts = {
        name: session.scalar(select(func.count()).select_from(Batch).where(_chosen(name, today, years))) or 0
        for name in LISTS
    }
    span, last = PageSpan(counts[chosen], PAGE, page), _last()
    query = select(Batch, last).where(_chosen(chosen, today, years)).order_by(last, Batch.id)
    lines = [_line(batch, at, years) for batch, at in session.execute(span.cut(query))]
    return span.of(lines, kind=chosen, counts=counts)


def due_batch(session: Session, batch: Batch) -> DueBatch:
    at = session.scalars(select(_last()).select_from(Batch).where(Batch.id == batch.id)).one()
    return _line(batch, at, kept_years(session))


def _line(batch: Batch, at: datetime, years: RetentionYears) -> DueBatch:
    last_on = local_day(at)
    return DueBatch(batch, last_on, due_on(last_on, years.electronic), due_on(last_on, years.paper))
