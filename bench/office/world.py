"""What an office has to do during an exam, beside the exam's own people, and whether it was done.

Written by rows of whole tables before the server runs; what people did themselves in it is none of it.
"""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.importing import bank_of
from bench.installation import Installation
from bench.office.acts import Office, OfficeSize
from bench.office.people import DAY
from bench.office.sittings import Sittings
from bench.rosters import plan_days, roster_of
from cbt.blueprints.versions import load_folder, look
from cbt.candidates.models import Registration
from cbt.certificates.models import Certificate
from cbt.certificates.register import SeriesForm, set_series
from cbt.config import read_settings
from cbt.demo.build import BODY
from cbt.demo.people import DONE, Enrolment
from cbt.demo.world import ACTOR, Signer, add_staff
from cbt.enrolment.body import change_body
from cbt.items.models import Item
from cbt.results.models import Publication, PublishedResult, Result
from cbt.retention.destruction import DONE as DESTROYED
from cbt.retention.models import Destruction
from cbt.rules.roles import Role
from cbt.rules.states import SittingState
from cbt.runner.models import Attempt
from cbt.sittings.models import Batch, Sitting
from cbt.storage.unit_of_work import reading, unit_of_work


def build_office(built: Installation, size: OfficeSize, folder: Path) -> Office:
    """Write it into an installation that holds an exam, and the files that are to be imported into `folder`."""
    settings, now = read_settings(built.environ), built.now()
    roster, bank = folder / "roster.xlsx", folder / "bank.xlsx"
    roster.write_bytes(roster_of(size.roster))
    bank.write_bytes(bank_of(size.items))
    with unit_of_work() as session:
        load_folder(session, settings.blueprint_dir, look(settings.blueprint_dir), now=now, actor=ACTOR)
    with unit_of_work() as session:
        sittings = Sittings(session, built, size, now)
        ahead, batch_ahead = sittings.ahead()
        scored, unshown = sittings.scored("甲"), sittings.scored("乙")
        sittings.show(scored)
        refs = {"scored": scored.ref, "unshown": unshown.ref}
        sittings.certified()
        batch_past = sittings.long_over()
        items = session.scalar(select(func.count()).select_from(Item)) or 0
        cookies = _cookies(session, built, now)
    change_body(BODY, now=now, actor=ACTOR)
    set_series(SeriesForm(site="000001"), now=now, actor=ACTOR)
    return Office(
        size,
        **cookies,
        ahead=ahead,
        batch_ahead=batch_ahead,
        **refs,
        batch_planned=plan_days(size.roster, now),
        batch_past=batch_past,
        statement=_statement(size, now),
        roster=roster,
        bank=bank,
        items=items,
    )


def _cookies(session: Session, built: Installation, now: datetime) -> dict[str, str]:
    signer = Signer(built.app)
    roles = {"officer": Role.OFFICER, "second": Role.OFFICER, "author": Role.AUTHOR}
    found = {}
    for login, role in roles.items():
        staff = add_staff(session, role, login=login, name=login, now=now - 90 * DAY)
        found[login] = signer.sign_in(
            session, kind="staff", subject_ref=staff.ref, machine=f"desk-{login}", now=now
        )
    return found


def _statement(size: OfficeSize, now: datetime) -> str:
    """Have a unit apply for people, and the office accept them; return where their statement is."""
    story = Enrolment(now, random.Random(9))
    story.begin(80)
    ref = story.apply(0, DONE[:1] * size.applied, 12)
    story.hand_in(ref, 12)
    story.accept(ref, 10)
    return f"/office/fees/units/{story.units[0]}/statements/{ref}"


def undone(office: Office) -> list[str]:
    """Return of which acts the database holds less than they were to do; those that make a file change nothing."""
    size = office.size
    of_sitting = select(func.count(Registration.id)).join(Sitting, Sitting.id == Registration.sitting_id)
    drawn = of_sitting.join(Attempt, Attempt.registration_id == Registration.id)
    in_batch = of_sitting.join(Batch, Batch.id == Sitting.batch_id)
    sittings = select(func.count(Sitting.id))
    shown = select(func.count(PublishedResult.id)).join(
        Publication, Publication.id == PublishedResult.publication_id
    )
    results = select(func.count(Result.id)).join(Registration, Registration.id == Result.registration_id)
    in_sitting = {
        ref: select(Sitting.id).where(Sitting.ref == ref) for ref in (office.scored, office.unshown)
    }
    wanted = {
        "draw": (drawn.where(Sitting.ref == office.ahead), size.drawn),
        "release": (
            results.where(Registration.sitting_id.in_(in_sitting[office.scored])),
            size.scores,
        ),
        "publicity": (shown.where(Publication.sitting_id.in_(in_sitting[office.unshown])), size.scores),
        "roster": (in_batch.where(Batch.ref == office.batch_planned), 2 * size.roster),
        "bank": (select(func.count(Item.id)), office.items + size.items),
        "publish": (
            sittings.where(Sitting.ref == office.ahead, Sitting.state == SittingState.PUBLISHED.value),
            1,
        ),
        "certificates": (select(func.count(Certificate.id)), size.certified),
        "destruction": (select(func.count(Destruction.id)).where(Destruction.state == DESTROYED), 1),
    }
    with reading() as session:
        return [name for name, (query, least) in wanted.items() if (session.scalar(query) or 0) < least]
