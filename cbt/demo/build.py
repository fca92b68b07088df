"""The demo's installation: what stood before its day, a finished batch with results, and an open door.

Whoever builds a world knows what a form's right answers look like on the page; no browser does.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.accounts.staff import create_staff
from cbt.assembly.models import Form
from cbt.bank.store import contents
from cbt.batches.applications import applied_rows
from cbt.batches.publication import publish
from cbt.batches.roster.roster_import import import_roster
from cbt.blueprints.store import blueprint_text
from cbt.blueprints.versions import store_blueprint
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration
from cbt.candidates.roster.export import to_xlsx
from cbt.candidates.roster.tables import TEMPLATE
from cbt.certificates.register import SeriesForm, issue, set_series
from cbt.config import Settings
from cbt.demo.people import LEVEL, STAFF, Enrolment, Invented, invent, portrait, roster
from cbt.demo.world import ACTOR, Ground, Hall, bring_banks, build_premises, plan_sitting
from cbt.door.arrival import check_in, issue_login_code, record_arrival
from cbt.enrolment.applications.application import Applying, put_in_batch
from cbt.enrolment.body import BodyDetails, change_body
from cbt.enrolment.units import Issued
from cbt.http.i18n import local_day, local_zone
from cbt.personal import document_index
from cbt.results.publicity import publication as publicity
from cbt.results.release import carry_out, read_plan
from cbt.rules.canonical import canonical_json
from cbt.rules.items.content import ItemContent, ItemType
from cbt.rules.planning.seat_plan import DoorCorner
from cbt.rules.roles import Role
from cbt.rules.states import ApplicationEvent, ClosedBy, Event
from cbt.runner.attempt_changes import refresh_clocks
from cbt.runner.attempt_states import move
from cbt.runner.close.closure import close_attempts
from cbt.runner.models import Attempt, AttemptLive, JournalEntry
from cbt.runner.paper.draw import draw_for_sitting
from cbt.scoring.service import score_closed
from cbt.sittings.models import Batch, Seat, Sitting, SittingRoom
from cbt.sittings.places import open_binding
from cbt.sittings.room_clock import admit_if_due, admit_room, end_room, start_room
from cbt.sittings.service import create_batch
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
        return Decimal(self.shape["points"])

    def right(self) -> Any:
        return self.content.displayed_key(self.shape)

    def wrong(self) -> str:
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
    item_contents = contents(session, wanted, form.bank_id)
    places = []
    for position in positions:
        whole = item_contents[position["item"], int(position["version"])]
        part = whole.part(position["part"])
        places.append(FormPlace(position["position"], position["unit"], part.type, position, part, whole))
    return places


PAPERS = (("理论知识", time(9, 0)), ("专业能力", time(10, 30)))
"""What is sat, and when: two sittings, one ticket (R-7)."""
PLANNED_BEFORE = timedelta(days=10)
EARLY, BEFORE, LASTED = timedelta(minutes=30), timedelta(minutes=10), timedelta(minutes=40)
EVERY = timedelta(seconds=15)
WRONG_EVERY = (11, 7, 5, 4)
"""So many answers come to one that is left out: everybody passes, no two alike."""


def register(
    application: str, day: date, *, batch: int, ground: Ground, settings: Settings, now: datetime
) -> list[str]:
    """Put the people of an application into a batch, with a sitting for each paper; return the refs of these."""
    rows, note = applied_rows(application, now=now, actor=ACTOR)
    with unit_of_work() as session:
        note(session)
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
                now=now,
            )
            refs.append(sitting.ref)
        import_roster(
            sitting_ref=refs[-1],
            file_name="applied.xlsx",
            body=to_xlsx([row for row in rows if row[TEMPLATE.index("paper")] == paper]),
            folder=settings.blueprint_dir,
            now=now,
            actor=ACTOR,
        )
    with unit_of_work() as session:
        by = Applying(ACTOR, now, local_day(now), unit_id=None)
        put_in_batch(session, application, session.get_one(Batch, batch), by)
    return refs


def hold(sittings: Sequence[str], day: date) -> None:
    """Hold the exam of an application that was put into a batch, on a day."""
    planned = datetime.combine(day, time(8), local_zone()).astimezone(UTC) - PLANNED_BEFORE
    for number, ref in enumerate(sittings, 1):
        draw_for_sitting(ref, now=planned, actor=ACTOR, seed=number)
        publish(sitting_ref=ref, now=planned, actor=ACTOR)
    for ref, (_, at) in zip(sittings, PAPERS, strict=True):
        sit(ref, datetime.combine(day, at, local_zone()).astimezone(UTC))


def sit(sitting_ref: str, start: datetime) -> None:
    """Have everybody of a published sitting in one room come, answer, hand in and be scored."""
    over = start + LASTED
    with unit_of_work() as session:
        room = session.scalars(select(SittingRoom).join(Sitting).where(Sitting.ref == sitting_ref)).one()
        admit_room(session, room, now=start - EARLY, actor=ACTOR)
        registered = session.scalars(
            select(Registration).where(Registration.sitting_room_id == room.id)
        ).all()
        for registration in registered:
            registration.arrived_at = registration.checked_in_at = start - EARLY
            registration.signed_in_at = registration.confirmed_at = registration.pledged_at = start - BEFORE
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
    for seq, place in enumerate(answered, 1):
        session.add(
            JournalEntry(
                attempt_id=attempt_id,
                lease_epoch=1,
                seq=seq,
                position=place.position,
                kind="answer",
                value=canonical_json(place.right()),
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
        carry_out(read_plan(ref, now=released), now=released, actor=by, second=second)
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


OFFICER, CHIEF = "kaowu", "zhukao"


def enrol(
    settings: Settings, ground: Ground, past: int, story: Enrolment, *, now: datetime
) -> list[tuple[Issued, str]]:
    """Enter it all and return the units' clerks with their names; `past` is the batch that will be over."""
    with unit_of_work() as session:
        text = blueprint_text(settings.blueprint_dir / f"{LEVEL}.toml")
        store_blueprint(session, text, now=story.ago(80).now, actor=ACTOR)
    done, day = story.before()
    planned = datetime.combine(day, time(8), local_zone()).astimezone(UTC) - PLANNED_BEFORE
    sittings = register(done, day, batch=past, ground=ground, settings=settings, now=planned)
    hold(sittings, day)
    with reading() as session:
        people = {one.login: one.logged_as for one in session.scalars(select(Staff))}
    shown = datetime.combine(day, time(10), local_zone()).astimezone(UTC) + timedelta(days=2)
    released = release_results(sittings, at=shown, by=people[OFFICER], second=people[CHIEF])
    story.step(done, ApplicationEvent.COMPLETE, (now - released).days)
    issue_certificates(LEVEL, sittings, at=released + timedelta(days=1), by=people[OFFICER])
    with unit_of_work() as session:
        batch = create_batch(
            session, name="客户服务管理员认定批次（下一批）", now=story.ago(16).now, actor=ACTOR
        )
        session.flush()
        coming = batch.id
    next_batch = partial(register, batch=coming, ground=ground, settings=settings, now=story.ago(15).now)
    story.lately(next_batch)
    return list(zip(story.clerks, story.names, strict=True))


SEATS, SPARES = 30, 2
BEGUN = timedelta(days=81)
"""So long before the demo's day its story begins: a batch was applied for, held and certified since."""
FIRST_IN = timedelta(minutes=19)
"""The first start lies here: sign-in is open already, and whoever has arrived is in time."""
SECOND_IN = timedelta(minutes=109)
BATCH = "客户服务管理员认定批次（演练）"
BINDING_ROUND = timedelta(hours=12)
"""Whoever looks at the demo takes their time."""
AT_THE_DOOR = 26
CODES = 3
DUTIES = {"zhukao": "chief_proctor", "jiankao1": "proctor", "jiankao2": "proctor"}


@dataclass
class Handout:
    """What is printed once, so that the demo can be entered."""

    staff: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Login, name, role, one-time password."""
    candidates: list[tuple[int, str, str, str, str, str]] = field(default_factory=list)
    """Seat, name, paper, ticket number, last six of the document, 登录码."""
    room_code: str = ""
    absent: list[int] = field(default_factory=list)
    """The seats of those who have not come yet: they are checked in before they can sign in."""
    planned_start_at: datetime | None = None
    late_cutoff_at: datetime | None = None


BODY = BodyDetails("上海市商业联合会", "上海市静安区新闻路945号315室", website="http://www.sca.org.cn")
"""Who the notice names (notice 五, 七): the day that is shown is theirs, an installation is nobody's."""


def build_demo(settings: Settings, *, now: datetime, rng: random.Random) -> Handout:
    """Fill a fresh installation and return what is needed to enter it."""
    access = Handout()
    begun = now - BEGUN
    for login, name, roles in STAFF:
        password = create_staff(login=login, name=name, roles=roles, now=begun, actor=ACTOR, rng=rng)
        access.staff.append((login, name, roles[0].value, password))
    change_body(BODY, now=begun, actor=ACTOR)
    banks = sorted(path.name for path in settings.bank_dir.iterdir() if (path / "taxonomy.toml").is_file())
    bring_banks(settings, banks, now=begun)
    ground, past = _ground(begun)
    story = Enrolment(now, rng)
    for clerk, name in enrol(settings, ground, past, story, now=now):
        access.staff.append((clerk.login, name, Role.UNIT_CLERK.value, clerk.password))
    people = invent(rng, story.numbers)
    first, second = _plan(access, ground, now)
    _register(settings.blueprint_dir, first, people[: SEATS - SPARES], second_paper=False, now=now)
    _register(settings.blueprint_dir, second, people[SPARES:], second_paper=True, now=now)
    for sitting_ref in (first, second):
        draw_for_sitting(sitting_ref, now=now, actor=ACTOR, seed=rng.getrandbits(32))
        publish(sitting_ref=sitting_ref, now=now, actor=ACTOR)
    with unit_of_work() as session:
        _hand_out(session, now=now)
        _photos(session, people)
        _door(session, access, first, people, now=now, rng=rng)
    return access


def _ground(now: datetime) -> tuple[Ground, int]:
    """Build the centre, and the batch that will be over by the demo's day."""
    with unit_of_work() as session:
        premises = build_premises(
            session,
            [Hall("机房 A", SEATS, SPARES, per_row=6, door=DoorCorner.FRONT_RIGHT)],
            centre="上海市第 111 号鉴定站所",
            address="上海市松江区荣乐东路 2027 号二楼",
            batch="客户服务管理员认定批次（已考毕）",
            # Whoever looks round alone, in one browser, can play both; an approval of its own works as well.
            second_by_password=True,
            now=now,
        )
        staff = session.scalars(select(Staff).where(Staff.login.in_(DUTIES)))
        duties = {person.id: DUTIES[person.login] for person in staff}
        session.flush()
        return Ground(premises.centre.id, premises.rooms[0].id, duties), premises.batch.id


def _plan(access: Handout, ground: Ground, now: datetime) -> tuple[str, str]:
    start = now.replace(second=0, microsecond=0)
    access.planned_start_at = start + FIRST_IN
    with unit_of_work() as session:
        batch = create_batch(session, name=BATCH, now=now, actor=ACTOR)
        session.flush()
        premises = ground.premises(session, batch.id)
        room = premises.rooms[0]
        open_binding(session, room, now=now, actor=ACTOR, length=BINDING_ROUND)
        access.room_code = room.room_code
        first, second = (
            plan_sitting(
                session,
                premises,
                name=name,
                at=start + after,
                duties=[ground.duties],
                published=False,
                now=now,
            )[0]
            for name, after in (("第 1 场", FIRST_IN), ("第 2 场", SECOND_IN))
        )
        access.late_cutoff_at = first.late_cutoff_at
        return first.ref, second.ref


def _register(
    blueprints: Path, sitting_ref: str, people: list[Invented], *, second_paper: bool, now: datetime
) -> None:
    import_roster(
        sitting_ref=sitting_ref,
        file_name="demo.csv",
        body=roster(people, second=second_paper),
        folder=blueprints,
        now=now,
        actor=ACTOR,
    )


def _hand_out(session: Session, *, now: datetime) -> None:
    """Have the one-time passwords count their hours from now: accounts are of the past, what is printed of today.

    Nobody resets them, so that each of these people can be another's second person at once (R-62).
    """
    session.execute(update(Staff).where(Staff.must_change_password).values(password_issued_at=now))


def _photos(session: Session, people: list[Invented]) -> None:
    for person in people:
        candidate_id = session.scalars(
            select(Candidate.id).where(Candidate.document_index == document_index(person.document))
        ).one()
        image = portrait(seed=int(person.document[6:17]), long_hair=person.woman)
        session.add(CandidatePhoto(candidate_id=candidate_id, mimetype="image/png", image=image))


def _door(
    session: Session,
    access: Handout,
    sitting_ref: str,
    people: list[Invented],
    *,
    now: datetime,
    rng: random.Random,
) -> None:
    """Let all but two of the first sitting arrive and be checked, and print how the first ones sign in."""
    room = session.scalars(
        select(SittingRoom)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .where(Sitting.ref == sitting_ref)
    ).one()
    admit_if_due(session, room, now=now)
    by_name = {person.name: person for person in people}
    rows = session.execute(
        select(Registration, Candidate.name, AdmissionTicket.number, Seat.number)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Registration.sitting_room_id == room.id)
        .order_by(Seat.number)
    ).all()
    for index, (registration, name, ticket, seat) in enumerate(rows):
        person = by_name[name]
        code = ""
        if index >= AT_THE_DOOR:
            access.absent.append(seat)
        else:
            record_arrival(session, registration, now=now, arrived_at=now, actor=ACTOR)
            check_in(
                session,
                registration,
                now=now,
                document_type="resident_id",
                last_four=person.document[-4:],
                actor=ACTOR,
            )
        if index < CODES:
            code = issue_login_code(session, registration, now=now, rng=rng, actor=ACTOR)
        access.candidates.append(
            (seat, name, f"{person.level}{person.paper}", ticket, person.document[-6:], code)
        )
