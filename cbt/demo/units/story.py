"""What units and office did before the demo's day, from the agreements to the certificates of a first batch."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select

from cbt.accounts.models import Staff
from cbt.config import Settings
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.demo.papers import ACTOR
from cbt.demo.places import Ground
from cbt.demo.units.applying import Enrolment
from cbt.demo.units.invented import LEVEL
from cbt.demo.units.over import hold, issue_certificates, release_results
from cbt.enrolment.units.service import Issued
from cbt.exams.files import blueprint_text
from cbt.exams.steps import store_blueprint
from cbt.rules.states.application import ApplicationEvent
from cbt.sittings.models import Batch
from cbt.sittings.planning.sittings import create_batch
from cbt.web.i18n import local_zone

OFFICER, CHIEF = "kaowu", "zhukao"


def enrol(
    settings: Settings, ground: Ground, past: int, *, now: datetime, rng: random.Random
) -> list[tuple[Issued, str]]:
    """Enter it all and return the units' clerks with their names; `past` is the batch that will be over."""
    story = Enrolment(now, rng)
    with unit_of_work() as session:
        text = blueprint_text(settings.blueprint_dir / f"{LEVEL}.toml")
        store_blueprint(session, text, now=story.ago(80).now, actor=ACTOR)
        past_ref = session.get_one(Batch, past).ref
    done, day = story.before()
    story.step(done, ApplicationEvent.SCHEDULE, 64, batch=past_ref)
    sittings = hold(done, day, batch=past, ground=ground, settings=settings)
    with reading() as session:
        people = {one.login: one.logged_as for one in session.scalars(select(Staff))}
    shown = datetime.combine(day, time(10), local_zone()).astimezone(UTC) + timedelta(days=2)
    released = release_results(sittings, at=shown, by=people[OFFICER], second=people[CHIEF])
    story.step(done, ApplicationEvent.COMPLETE, (now - released).days)
    issue_certificates(LEVEL, sittings, at=released + timedelta(days=1), by=people[OFFICER])
    with unit_of_work() as session:
        coming = create_batch(
            session, name="客户服务管理员认定批次（下一批）", now=story.ago(16).now, actor=ACTOR
        ).ref
    story.lately(coming)
    return list(zip(story.clerks, story.names, strict=True))
