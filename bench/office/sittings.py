"""What an office has at hand: a sitting ahead without forms, sittings that are over, one that is long over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from bench.installation import Installation
from bench.office.acts import OfficeSize
from bench.office.people import DAY, SEATS, People
from cbt.demo.world import ACTOR, Hall, Premises, add_staff, build_premises, plan_sitting
from cbt.results.models import Publication, PublishedResult, Release, Result
from cbt.rules.roles import Role
from cbt.rules.states import SittingState
from cbt.runner.models import JournalEntry
from cbt.sittings.models import Batch, Sitting, SittingRoom
from cbt.storage.types import new_ref

AHEAD_SEATS = 40
"""So many of a room are used in the sitting that is ahead: an exam hall's usual size."""
PER_ROW = 10
SAVES = 20
"""Entries in the journal of an attempt whose records are to be destroyed."""
LONG_AGO = 365 * 12 * DAY


class Sittings:
    """The sittings of the office, planned and held one after the other."""

    def __init__(self, session: Session, built: Installation, size: OfficeSize, now: datetime) -> None:
        self._session, self._size, self._now = session, size, now
        self._people = People(session, built, now)
        rooms = max(-(-size.scores // SEATS), -(-size.drawn // AHEAD_SEATS), 2)
        halls = [Hall(f"{number + 1:03d} 号考场", SEATS, per_row=PER_ROW) for number in range(rooms)]
        self._premises = build_premises(
            session, halls, now=now - LONG_AGO - DAY, centre="考务考点", batch="明日"
        )

    def ahead(self) -> tuple[str, str]:
        """Plan a sitting without forms, a chief proctor in each room; return its ref and its batch's."""
        size, now = self._size, self._now
        rooms = self._premises.rooms[: -(-size.drawn // AHEAD_SEATS)]
        duties = [
            {
                add_staff(
                    self._session,
                    Role.CHIEF_PROCTOR,
                    login=f"ahead{place}",
                    name=f"主考{place}",
                    now=now - 90 * DAY,
                ).id: "chief_proctor"
            }
            for place in range(len(rooms))
        ]
        premises = Premises(self._premises.centre, rooms, self._premises.batch)
        sitting, places = plan_sitting(
            self._session, premises, at=now + 5 * DAY, now=now - 30 * DAY, duties=duties, published=False
        )
        self._people.register(sitting, places, ("theory", "skills"), size.drawn, per_room=AHEAD_SEATS)
        return sitting.ref, premises.batch.ref

    def scored(self, name: str) -> Sitting:
        """Hold a sitting of which everybody has a score."""
        sitting, places = self._held(name, at=self._now - 40 * DAY, people=self._size.scores)
        self._people.examine(sitting, self._people.register(sitting, places, ("theory",), self._size.scores))
        return sitting

    def show(self, sitting: Sitting) -> None:
        """Have the results of a sitting be shown as long as is asked."""
        on = (self._now - 30 * DAY).date()
        row = {
            "ref": new_ref("pu"), "sitting_id": sitting.id, "published_on": on, "last_on": on + 10 * DAY, "days": 5,
            "published_at": self._now - 30 * DAY, "published_by": ACTOR, "withdrawn_by": "", "reason": "",
        }  # fmt: skip
        (publication,) = self._people.insert(Publication, [row])
        self._people.insert(
            PublishedResult,
            [
                {"publication_id": publication, "violation": "", **result}
                for result in self._people.results(sitting)
            ],
        )

    def certified(self) -> None:
        """Hold a sitting whose results are out: both papers of people who have no certificate yet."""
        people = self._size.certified
        sitting, places = self._held("丙", at=self._now - 60 * DAY, people=2 * people)
        self._people.examine(
            sitting, self._people.register(sitting, places, ("theory", "skills"), 2 * people, papers_each=2)
        )
        at = self._now - 35 * DAY
        row = {"sitting_id": sitting.id, "released_at": at, "by": ACTOR, "second": ACTOR}
        (release,) = self._people.insert(Release, [row])
        self._people.insert(
            Result, [{"release_id": release, **result} for result in self._people.results(sitting)]
        )
        self._session.execute(
            update(Sitting)
            .where(Sitting.id == sitting.id)
            .values(state=SittingState.RELEASED.value, released_at=at)
        )

    def long_over(self) -> str:
        """Hold a sitting so long ago that its records are due; return the ref of its batch."""
        people = self._size.destroyed
        batch = Batch(
            ref=new_ref("ba", 8), name="往年", created_at=self._now - LONG_AGO - 2 * DAY, occupation=""
        )
        self._session.add(batch)
        self._session.flush()
        sitting, places = self._held("往年", at=self._now - LONG_AGO, people=people, batch=batch)
        attempts = self._people.examine(sitting, self._people.register(sitting, places, ("theory",), people))
        self._people.insert(
            JournalEntry,
            [
                {
                    "attempt_id": attempt, "lease_epoch": 1, "seq": seq, "position": seq, "kind": "answer",
                    "value": '"A"', "received_at": sitting.planned_start_at, "in_grace": False,
                }
                for attempt in attempts
                for seq in range(1, SAVES + 1)
            ],
        )  # fmt: skip
        return batch.ref

    def _held(
        self, name: str, *, at: datetime, people: int, batch: Batch | None = None
    ) -> tuple[Sitting, list[SittingRoom]]:
        """Add a sitting that is over, in as many rooms as it takes."""
        rooms = self._premises.rooms[: -(-people // SEATS)]
        premises = Premises(self._premises.centre, rooms, batch or self._batch(name, at=at))
        sitting, places = plan_sitting(self._session, premises, at=at, now=at - DAY, name=f"{name}场")
        for table, of in ((Sitting, Sitting.id), (SittingRoom, SittingRoom.sitting_id)):
            self._session.execute(
                update(table).where(of == sitting.id).values(state=SittingState.SCORED.value)
            )
        return sitting, places

    def _batch(self, name: str, *, at: datetime) -> Batch:
        batch = Batch(ref=new_ref("ba", 8), name=f"{name}批次", created_at=at - 2 * DAY, occupation="")
        self._session.add(batch)
        self._session.flush()
        return batch
