"""The make-up roster: people of the ledger as a roster of a batch or sitting, looked at as any other and imported.

Source: R-4, R-7.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import gettext
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.batches.roster import roster_import
from cbt.candidates.roster.export import line_of_retake, to_xlsx
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.i18n import local_day, local_text
from cbt.results.retake_rights import RetakeFilter, RetakeRight, due_of_office, rights_of
from cbt.rules.states import BEFORE_THE_START
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import batch_by_ref, official_only, sitting_by_ref
from cbt.storage.unit_of_work import reading, unit_of_work

MOST_PAPERS = 2000
"""So many papers go into one roster; for more the list is narrowed down."""
MOST_BATCHES = 50
MOST_SITTINGS = 200
_SITTING = "sitting:"
"""Begins the name of a target that is one sitting of a batch."""


@dataclass(frozen=True, slots=True)
class MakeUpChoice:
    """Whose papers are to be taken again, and where.

    They are the refs of the registrations that failed, or all that `everybody` finds, `seen` of them. `target` is
    one of what `targets` offers.
    """

    registrations: Collection[str]
    target: str
    everybody: RetakeFilter | None = None
    seen: int = 0


def targets(session: Session, *, today: date) -> list[tuple[str, str]]:
    """Return where a make-up roster can go: batches that are not over, the latest first, and their sittings."""
    ahead = or_(Batch.ends_on.is_(None), Batch.ends_on >= today)
    batches = session.scalars(select(Batch).where(ahead).order_by(Batch.id.desc()).limit(MOST_BATCHES)).all()
    sittings = session.scalars(
        select(Sitting)
        .where(
            Sitting.batch_id.in_([batch.id for batch in batches]),
            Sitting.state.in_([state.value for state in BEFORE_THE_START]),
            official_only(),
        )
        .order_by(Sitting.planned_start_at, Sitting.id)
        .limit(MOST_SITTINGS)
    ).all()
    offered = []
    for batch in batches:
        offered.append((batch.ref, batch.name))
        offered += [
            (_SITTING + one.ref, f"{batch.name} · {one.name} {local_text(one.planned_start_at)}")
            for one in sittings
            if one.batch_id == batch.id
        ]
    return offered


def make_up_roster(choice: MakeUpChoice, *, locale: str, now: datetime, actor: str) -> tuple[str, str]:
    """Keep the chosen people as a roster of a batch, to be looked at and confirmed; return batch and roster.

    Who has no right to a retake on the day of the exam is found by the check of the roster, as in any other. Raise
    InvalidInput("make_up.nobody"|"make_up.too_many"|"make_up.target"), Conflict("make_up.changed") where somebody
    who was chosen is booked or has no right any more, or the list is another one than was seen, Unavailable where a
    number does not open, and as `roster_import.keep` does.

    Source: R-4, R-7.
    """
    today = local_day(now)
    with reading() as session:
        rights = _chosen(session, choice, today=today)
        batch, sitting = _target(session, choice.target)
        rows = [line_of_retake(one.candidate, one.registration, one.blueprint, batch.name) for one in rights]
    draft = roster_import.keep(
        batch_ref=batch.ref,
        sitting_ref=sitting,
        file_name=f"{gettext('make_up.file')}-{today.isoformat()}.xlsx",
        body=to_xlsx(rows),
        locale=locale,
        now=now,
        actor=actor,
    )
    after = {"people": len({one.candidate.id for one in rights}), "papers": len(rights)}
    with unit_of_work() as session:
        record(session, at=now, actor=actor, act="roster.make_up", subject=f"batch:{batch.ref}", after=after)
    return batch.ref, draft


def _chosen(session: Session, choice: MakeUpChoice, *, today: date) -> Sequence[RetakeRight]:
    asked = choice.seen if choice.everybody is not None else len(set(choice.registrations))
    if not asked:
        raise InvalidInput("make_up.nobody", field="right")
    if asked > MOST_PAPERS:
        raise InvalidInput("make_up.too_many", field="right", most=MOST_PAPERS)
    if choice.everybody is not None:
        rights = due_of_office(session, choice.everybody, today=today, most=MOST_PAPERS + 1)
    else:
        rights = rights_of(session, choice.registrations, today=today)
    if len(rights) != asked or not all(one.due for one in rights):
        raise Conflict("make_up.changed")
    return rights


def _target(session: Session, target: str) -> tuple[Batch, str]:
    """Return the batch, and the ref of the sitting where it is one."""
    try:
        if target.startswith(_SITTING):
            sitting = sitting_by_ref(session, target.removeprefix(_SITTING))
            return session.get_one(Batch, sitting.batch_id), sitting.ref
        return batch_by_ref(session, target), ""
    except NotFound as error:
        raise InvalidInput("make_up.target", field="target") from error
