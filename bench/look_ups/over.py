"""A sitting that is over, written as rows: scored, released and shown."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import insert, select, update

from bench.installation import Installation
from cbt.candidates.models import Registration
from cbt.http.i18n import local_day
from cbt.results.models import Publication, PublishedResult, Release, Result
from cbt.runner.models import Attempt
from cbt.scoring.models import Score
from cbt.sittings.models import Sitting, SittingRoom
from cbt.storage.unit_of_work import unit_of_work

PUBLICATION = "pu-bench"


def be_over(built: Installation) -> None:
    """Write what a sitting leaves that was scored, released and is shown, as rows."""
    now = built.now()
    today = local_day(now)
    with unit_of_work() as session:
        session.execute(update(SittingRoom).values(state="ended", ended_at=now))
        session.execute(update(Sitting).values(state="released", released_at=now))
        session.execute(
            update(Attempt).values(state="scored", started_at=now, closed_at=now, closed_by="candidate")
        )
        sitting = session.scalars(select(Sitting)).one()
        release = Release(sitting_id=sitting.id, released_at=now, by="staff:a", second="staff:b")
        shown = Publication(
            ref=PUBLICATION, sitting_id=sitting.id, published_on=today, last_on=today + timedelta(days=7),
            days=5, published_at=now, published_by="staff:a", withdrawn_by="", reason="",
        )  # fmt: skip
        session.add_all([release, shown])
        session.flush()
        points = Decimal("72.5")
        attempts = session.execute(select(Attempt.id, Registration.id).join(Registration)).all()
        score = {
            "number": 1, "key_revision": 0, "journal_digest": "", "raw": points, "score": points, "passed": True,
            "sheet": "{}", "sha256": "", "scored_at": now,
        }  # fmt: skip
        session.execute(insert(Score), [{"attempt_id": attempt, **score} for attempt, _ in attempts])
        result = {"release_id": release.id, "outcome": "passed", "score": points}
        session.execute(insert(Result), [{"registration_id": one, **result} for _, one in attempts])
        line = {"publication_id": shown.id, "outcome": "passed", "score": points, "violation": ""}
        session.execute(insert(PublishedResult), [{"registration_id": one, **line} for _, one in attempts])
