"""The destruction of a batch's records: asked for, confirmed, carried out, and its record on paper (R-95).

One asks, another confirms. A job goes on piece by piece where it stood, whatever ended it. What is gone is
counted in the same transaction in which it goes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.accounts.two_people import insist_on_two
from cbt.audit.chain import record
from cbt.enrolment.body import body
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import required
from cbt.http.i18n import local_text
from cbt.jobs.models import OPEN, Job
from cbt.jobs.queue import forget_files, put
from cbt.jobs.registry import JobKind, JobResult, Work
from cbt.jobs.worker import SYSTEM
from cbt.retention.due_batches import KINDS, due_batch, kept_years, locked_batch, standing_hold
from cbt.retention.erasure import erase_piece, registrations_left
from cbt.retention.models import Destruction
from cbt.rules.canonical import canonical_json
from cbt.rules.roles import PersonStep, Role
from cbt.sittings.models import Batch, Centre, Sitting
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

ASKED, RUNNING, DONE, WITHDRAWN = "asked", "running", "done", "withdrawn"
SHOWN = 10
"""So many destructions under way are shown above a list."""


def under_way(session: Session) -> Sequence[Destruction]:
    """Return the destructions that wait for somebody or go on, the oldest first."""
    query = select(Destruction).where(Destruction.state.in_((ASKED, RUNNING)))
    return session.scalars(query.order_by(Destruction.id).limit(SHOWN)).all()


def destructions_of(session: Session, batch_id: int) -> Sequence[Destruction]:
    """Return the destructions of a batch in the order in which they were asked for."""
    query = select(Destruction).where(Destruction.batch_id == batch_id)
    return session.scalars(query.order_by(Destruction.id)).all()


def destruction_by_ref(session: Session, ref: str) -> Destruction:
    """Return a destruction; raise NotFound("retention.unknown")."""
    return Destruction.by_ref(session, ref, unknown="retention.unknown")


NOTE = 500
CONFIRMERS = (Role.OFFICER, Role.ADMIN)
"""Who confirms what an officer asked for."""
NEXT = {ASKED: (RUNNING, DONE, WITHDRAWN), RUNNING: (DONE,)}
"""What may become of one: electronic records go piece by piece, paper is gone when that is confirmed."""


def ask(batch_ref: str, *, kind: str, note: str, today: date, now: datetime, actor: str) -> str:
    """Ask for the destruction of a batch's records, and return its ref.

    Raise InvalidInput("retention.kind"), ("retention.no_note"), Conflict("retention.asked") where it was asked
    or done before, and as `_require_due` does.

    Source: R-95.
    """
    if kind not in KINDS:
        raise InvalidInput("retention.kind", field="kind")
    note = required(note, "retention.no_note", "note", limit=NOTE)
    with unit_of_work() as session:
        batch = locked_batch(session, batch_ref)
        query = select(Destruction.id).where(
            Destruction.batch_id == batch.id, Destruction.kind == kind, Destruction.state != WITHDRAWN
        )
        if session.scalar(query.limit(1)) is not None:
            raise Conflict("retention.asked")
        _require_due(session, batch, kind, today)
        due = due_batch(session, batch)
        row = Destruction(
            ref=new_ref("de", 10),
            batch_id=batch.id,
            kind=kind,
            state=ASKED,
            last_on=due.last_on,
            due_on=due.electronic_on if kind == KINDS[0] else due.paper_on,
            years=kept_years(session).of(kind),
            note=note,
            asked_at=now,
            asked_by=actor,
            settled_by="",
            total=0,
            left=0,
            counts="{}",
        )
        session.add(row)
        session.flush()
        after = {"batch": batch.ref, "kind": kind}
        record(
            session, at=now, actor=actor, act="retention.ask", subject=row.logged_as, reason=note, after=after
        )
        return row.ref


def confirm(ref: str, *, today: date, now: datetime, actor: str) -> None:
    """Confirm a destruction as the second person: electronic records go from now on, paper is noted as gone.

    Raise Conflict("retention.settled"), ("retention.same_person"), and as `insist_on_two` and `_require_due` do.

    Source: R-62, R-95.
    """
    with unit_of_work() as session:
        row, batch = _asked(session, ref)
        insist_on_two(
            session,
            [PersonStep(row.asked_by, row.asked_at)],
            actor,
            roles=CONFIRMERS,
            same=Conflict("retention.same_person"),
            now=now,
        )
        _require_due(session, batch, row.kind, today)
        row.settled_at, row.settled_by = now, actor
        if row.kind == KINDS[0]:
            _move(row, RUNNING)
            row.total = row.left = registrations_left(session, batch.id)
        else:
            _move(row, DONE)
            row.done_at = now
        after = {"batch": batch.ref, "kind": row.kind}
        record(session, at=now, actor=actor, act="retention.confirm", subject=row.logged_as, after=after)


def withdraw(ref: str, *, now: datetime, actor: str) -> None:
    """Take a destruction back that nobody confirmed; raise Conflict("retention.settled"). Source: R-95."""
    with unit_of_work() as session:
        row, batch = _asked(session, ref)
        _move(row, WITHDRAWN)
        row.settled_at, row.settled_by = now, actor
        after = {"batch": batch.ref, "kind": row.kind}
        record(session, at=now, actor=actor, act="retention.withdraw", subject=row.logged_as, after=after)


def want_destructions(*, now: datetime) -> int:
    """Have a job for each destruction that was confirmed and goes on; return how many there are."""
    with reading() as session:
        query = select(Destruction.ref).where(Destruction.state == RUNNING).order_by(Destruction.id)
        refs = session.scalars(query).all()
        subjects = [f"destruction:{ref}" for ref in refs]
        at_it = set(
            session.scalars(select(Job.subject).where(Job.subject.in_(subjects), Job.state.in_(OPEN)))
        )
    for ref, subject in zip(refs, subjects, strict=True):
        if subject not in at_it:
            with unit_of_work() as session:
                put(session, DESTROY, subject=subject, asked={"destruction": ref}, now=now, actor=SYSTEM)
    return len(refs)


def _destroy(work: Work) -> JobResult:
    """Go on with a destruction piece by piece, to its end. Source: R-95."""
    with reading() as session:
        row = destruction_by_ref(session, work.asked["destruction"])
        row_id, total = row.id, row.total
    while True:
        left = work.in_front(partial(_one_piece, row_id, now=work.now))
        if left is None:
            work.in_front(forget_files)  # made of what was there, and made again in a moment
            return JobResult()
        work.tell(total - left, total)


DESTROY = JobKind(
    "retention.destroy",
    frozenset(CONFIRMERS),
    _destroy,
    is_shared=True,
    can_cancel=False,
    is_lasting=True,
)
"""What two people confirmed: nobody takes it back half-way."""


def _one_piece(destruction_id: int, *, now: datetime) -> int | None:
    """Destroy a piece and count it; return how many registrations are left, None once it is over."""
    with unit_of_work() as session:
        row = session.get_one(Destruction, destruction_id, with_for_update=True)
        if row.state != RUNNING:
            return None
        gone: Counter[str] = Counter(json.loads(row.counts))
        more = erase_piece(session, row.batch_id, gone, last_on=row.last_on)
        row.counts = canonical_json({name: count for name, count in sorted(gone.items()) if count})
        row.left = registrations_left(session, row.batch_id)
        if not more:
            _move(row, DONE)
            row.done_at = now
            batch = session.get_one(Batch, row.batch_id)
            after = {"batch": batch.ref, "erased": sum(gone.values())}
            subject = row.logged_as
            record(session, at=now, actor="system", act="retention.done", subject=subject, after=after)
        return row.left if more else None


def _move(row: Destruction, state: str) -> None:
    """Let a destruction whose row is locked go on; raise Conflict("retention.settled") where it cannot."""
    if state not in NEXT.get(row.state, ()):
        raise Conflict("retention.settled")
    row.state = state


def _asked(session: Session, ref: str) -> tuple[Destruction, Batch]:
    row = destruction_by_ref(session, ref)
    batch = locked_batch(session, session.get_one(Batch, row.batch_id).ref)
    session.refresh(row)
    if row.state != ASKED:
        raise Conflict("retention.settled")
    return row, batch


def _require_due(session: Session, batch: Batch, kind: str, today: date) -> None:
    """Raise Conflict("retention.held"), ("retention.not_due") with the day from which on it will be."""
    if standing_hold(session, batch.id) is not None:
        raise Conflict("retention.held")
    due_line = due_batch(session, batch)
    due = due_line.electronic_on if kind == KINDS[0] else due_line.paper_on
    if today < due:
        raise Conflict("retention.not_due", day=due.isoformat())


GROUPS: Mapping[str, tuple[str, ...]] = {
    "people": ("candidate",),
    "registrations": ("registration", "withdrawal", "admission_ticket"),
    "attempts": ("attempt",),
    "answers": ("journal", "late_entry", "recovered_entry"),
    "results": ("score", "result"),
    "papers": ("form",),
    "photos": ("candidate_photo", "applicant_photo"),
    "applicants": ("applicant",),
    "evidence": ("applicant_proof", "evidence_scan"),
    "reports": ("incident", "incident_report", "inspector_comment"),
}
"""The tables that are counted by a name; all others are the rest."""
REST = "rest"


@dataclass(frozen=True, slots=True)
class DestructionView:
    """A destruction, its batch and sittings, what went by group, and who took part."""

    row: Destruction
    batch: Batch
    sittings: Sequence[tuple[str, str, str]]
    """Name, centre and planned start of each."""
    counts: Mapping[str, int]
    asked_by: str
    settled_by: str
    body: str


def shown(session: Session, row: Destruction) -> DestructionView:
    """Return a destruction as it is shown."""
    batch = session.get_one(Batch, row.batch_id)
    names = actor_names(session, [row.asked_by, row.settled_by])
    return DestructionView(
        row,
        batch,
        sittings_of(session, batch),
        _grouped(json.loads(row.counts)),
        names.get(row.asked_by, row.asked_by),
        names.get(row.settled_by, row.settled_by),
        body(session).name,
    )


def sittings_of(session: Session, batch: Batch) -> list[tuple[str, str, str]]:
    """Return the sittings of a batch by start, with the centre of each."""
    query = (
        select(Sitting.name, Centre.name, Sitting.planned_start_at)
        .join(Centre, Centre.id == Sitting.centre_id)
        .where(Sitting.batch_id == batch.id)
        .order_by(Sitting.planned_start_at, Sitting.id)
    )
    return [(name, centre, local_text(at)) for name, centre, at in session.execute(query)]


def _grouped(counts: Mapping[str, int]) -> dict[str, int]:
    grouped = {group: sum(counts.get(name, 0) for name in tables) for group, tables in GROUPS.items()}
    grouped[REST] = sum(counts.values()) - sum(grouped.values())
    return grouped


def destruction_paper(destruction_view: DestructionView) -> dict[str, Any]:
    """Return the record of a destruction on paper. Source: R-95."""
    row = destruction_view.row
    facts = [
        [_("retention.batch"), destruction_view.batch.name],
        [_("retention.kind"), _(f"retention.kind.{row.kind}")],
        [_("retention.last_on"), row.last_on.isoformat()],
        [_("retention.years"), _("retention.years.count", years=row.years)],
        [_("retention.due_on"), row.due_on.isoformat()],
        [_("retention.number"), row.ref],
        [_("retention.asked_by"), f"{destruction_view.asked_by} {local_text(row.asked_at)}"],
        [_("retention.confirmed_by"), f"{destruction_view.settled_by} {_at(row.settled_at)}"],
        [_("retention.done_at"), _at(row.done_at)],
        [_("retention.body"), destruction_view.body],
    ]
    parts = [
        {
            "title": _("retention.paper.sittings"),
            "widths": [3, 3, 2],
            "heads": [_("retention.sitting"), _("retention.centre"), _("retention.start")],
            "rows": [list(one) for one in destruction_view.sittings],
        }
    ]
    if row.kind == "electronic":
        parts.insert(
            0,
            {
                "title": _("retention.gone"),
                "widths": [3, 1],
                "heads": [_("retention.what"), _("retention.rows")],
                "rows": [
                    [_(f"retention.group.{name}"), str(count)]
                    for name, count in destruction_view.counts.items()
                ],
            },
        )
    return {
        "title": _("retention.paper.title"),
        "foot": f"{destruction_view.body} · {row.ref}",
        "sub": destruction_view.body,
        "good": True,
        "verdict": _("retention.paper.done"),
        "reasons": [row.note],
        "facts": facts,
        "parts": parts,
        "note": _(f"retention.paper.note.{row.kind}"),
        "words": {
            "title": _("retention.paper.title"),
            "signatures": [
                _("retention.paper.destroyer"),
                _("retention.paper.witness"),
                _("retention.paper.seal"),
            ],
            "page": _("candidates.print.page", number="{n}", count="{of}"),
        },
    }


def _at(instant: Any) -> str:
    return local_text(instant) if instant is not None else "—"
