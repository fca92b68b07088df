"""A finished batch: its exam is held, its candidates answer, its results are released, certificates issued.

Whoever builds a world knows what a form's right answers look like on the page; no browser does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import cycle
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.bank.store import contents
from cbt.batches.applications import applied_rows
from cbt.batches.publishing.service import publish
from cbt.batches.roster.roster_import import import_roster
from cbt.candidates.models import Candidate, Registration
from cbt.candidates.roster.columns import TEMPLATE
from cbt.candidates.roster.export import to_xlsx
from cbt.certificates.service import SeriesForm, issue, set_series
from cbt.config import Settings
from cbt.demo.exam_setup import ACTOR, Ground, plan_sitting
from cbt.http.i18n import local_day, local_zone
from cbt.results.publicity import publication as publicity
from cbt.results.release import plan_release
from cbt.results.service import carry_out
from cbt.results.sheet.sitting import sheet_of
from cbt.results.store import finished_sitting
from cbt.rules.canonical import canonical_json
from cbt.rules.items.content import ItemContent, ItemType
from cbt.rules.states.attempt import ClosedBy, Event
from cbt.runner.attempt_changes import refresh_clocks
from cbt.runner.attempt_states import move
from cbt.runner.close.closure import close_attempts
from cbt.runner.models import Attempt, AttemptLive, JournalEntry
from cbt.runner.paper.draw import draw_for_sitting
from cbt.scoring.service import score_closed
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.room_clock import start_room
from cbt.sittings.room_state import admit_room, end_room
from cbt.storage.unit_of_work import reading, unit_of_work


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


PAPERS = (("理论知识", time(9, 0)), ("专业能力", time(10, 30)))
"""What is sat, and when: two sittings, one ticket (R-7)."""
PLANNED_BEFORE = timedelta(days=10)
EARLY, BEFORE, LASTED = timedelta(minutes=30), timedelta(minutes=10), timedelta(minutes=40)
EVERY = timedelta(seconds=15)
WRONG_EVERY = (11, 7, 5, 4)
"""So many answers come to one that is left out: everybody passes, no two alike."""


def hold(application: str, day: date, *, batch: int, ground: Ground, settings: Settings) -> list[str]:
    """Hold the exam of an application that was put into a batch, on a day; return the refs of its sittings."""
    planned = datetime.combine(day, time(8), local_zone()).astimezone(UTC) - PLANNED_BEFORE
    rows = applied_rows(application, now=planned, actor=ACTOR)
    refs = []
    for paper, at in PAPERS:
        start = datetime.combine(day, at, local_zone()).astimezone(UTC)
        with unit_of_work() as session:
            sitting, _ = plan_sitting(
                session,
                ground.premises(session, batch),
                name=paper,
                at=start,
                duties=[ground.duties],
                published=False,
                now=planned,
            )
            refs.append(sitting.ref)
        import_roster(
            sitting_ref=refs[-1],
            file_name="applied.xlsx",
            body=to_xlsx([row for row in rows if row[TEMPLATE.index("paper")] == paper]),
            folder=settings.blueprint_dir,
            now=planned,
            actor=ACTOR,
        )
        draw_for_sitting(refs[-1], now=planned, actor=ACTOR, seed=len(refs))
        publish(sitting_ref=refs[-1], now=planned, actor=ACTOR)
    for ref, (_, at) in zip(refs, PAPERS, strict=True):
        sit(ref, datetime.combine(day, at, local_zone()).astimezone(UTC))
    return refs


def sit(sitting_ref: str, start: datetime) -> None:
    """Have everybody of a published sitting in one room come, answer, hand in and be scored."""
    over = start + LASTED
    with unit_of_work() as session:
        room = session.scalars(select(SittingRoom).join(Sitting).where(Sitting.ref == sitting_ref)).one()
        admit_room(session, room, now=start - EARLY, actor=ACTOR)
        registered = session.scalars(
            select(Registration).where(Registration.sitting_room_id == room.id)
        ).all()
        for one in registered:
            one.arrived_at = one.checked_in_at = start - EARLY
            one.signed_in_at = one.confirmed_at = one.pledged_at = start - BEFORE
        start_room(session, room, now=start, actor=ACTOR)
        attempts = session.scalars(
            select(Attempt).where(Attempt.sitting_room_id == room.id).order_by(Attempt.id)
        ).all()
        for attempt in attempts:
            move(attempt, Event.START)
            attempt.started_at, attempt.lease_epoch = start, 1
        refresh_clocks(session, now=start, sitting_room_id=room.id)
        for attempt, wrong_every in zip(attempts, cycle(WRONG_EVERY), strict=False):
            _answer(session, attempt.id, wrong_every, start)
        session.flush()
        close_attempts(session, attempts, now=over, closed_at=over, closed_by=ClosedBy.CANDIDATE, actor=ACTOR)
        end_room(session, room, now=over, actor=ACTOR)
    score_closed(now=over)


def _answer(session: Session, attempt_id: int, wrong_every: int, start: datetime) -> None:
    places = places_in(session, attempt_id)
    answered = [one for one in places if one.position % wrong_every]
    for seq, one in enumerate(answered, 1):
        session.add(
            JournalEntry(
                attempt_id=attempt_id,
                lease_epoch=1,
                seq=seq,
                position=one.position,
                kind="answer",
                value=canonical_json(one.right()),
                received_at=start + seq * EVERY,
                in_grace=False,
            )
        )
    marks = {one.position for one in answered}
    session.add(
        AttemptLive(
            attempt_id=attempt_id,
            seen_at=start + LASTED,
            saved_at=start + len(answered) * EVERY,
            answered=len(answered),
            answered_map="".join("1" if one.position in marks else "0" for one in places),
            usable_at=start,
            blurs=0,
            position=places[-1].position,
        )
    )


def release_results(sittings: Sequence[str], *, at: datetime, by: str, second: str) -> datetime:
    """Show the results of these sittings, and release them by two people when that is over; return when (R-90)."""
    last = max(publicity.publish(ref, now=at, actor=by) for ref in sittings)
    released = datetime.combine(last + timedelta(days=1), time(10), local_zone()).astimezone(UTC)
    for ref in sittings:
        with reading() as session:
            sheet = sheet_of(session, finished_sitting(session, ref))
            plan = plan_release(session, sheet, now=released)
        carry_out(plan, now=released, actor=by, second=second)
    return released


def issue_certificates(level: str, sittings: Sequence[str], *, at: datetime, by: str) -> list[str]:
    """Set the parts of the numbers, and issue a certificate to everybody who passed; return the numbers."""
    set_series(SeriesForm(site="000001"), now=at, actor=by)
    with reading() as session:
        people = session.scalars(
            select(Candidate.ref)
            .distinct()
            .join(Registration, Registration.candidate_id == Candidate.id)
            .join(Sitting, Sitting.id == Registration.sitting_id)
            .where(Sitting.ref.in_(sittings))
            .order_by(Candidate.ref)
        ).all()
    return issue(level, people, today=local_day(at), now=at, actor=by)
