"""One person of a batch: added late, changed, moved, withdrawn and brought back, with the form that is theirs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from cbt.assembly.models import Form
from cbt.audit.models import AuditEntry
from cbt.audit.verification import verify
from cbt.batches.people import addition, change, placement
from cbt.batches.people.addition import level_of
from cbt.batches.people.change import ChangeOrder
from cbt.batches.people.directory import MOST_MINUTES, terms_of
from cbt.batches.people.placement import free_seats, levels_of, rooms_of, seen_of, suggested
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.candidates.registration import PaperTerms, SeatedPaper, note_printed, register
from cbt.demo.world import ACTOR
from cbt.errors import CbtError
from cbt.proctoring.models import Incident
from cbt.rules.door import Span, paper_span
from cbt.rules.exam import TOOLS
from cbt.runner.models import Attempt
from cbt.sittings.models import Batch, BatchLevel, Centre, Room, Seat, Sitting, SittingRoom
from cbt.sittings.room_clock import start_room
from cbt.sittings.service import create_sitting, publish_sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.candidates.rosters import JPEG, resident
from tests.helpers import count_queries
from tests.world import PLANNED, World


class Office:
    """An officer at the pages of the world's people."""

    def __init__(self, world: World, role: str = "officer") -> None:
        self.world = world
        self.client: FlaskClient = world.staff(role)
        self.url = f"/office/batches/{world.batch_ref}/people"

    def get(self, path: str = "", **query: str) -> str:
        """Return a page."""
        answer = self.client.get(f"{self.url}{path}", query_string=query)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, **form: Any) -> TestResponse:
        """Send a form."""
        return self.client.post(f"{self.url}{path}", data=form, content_type="multipart/form-data")

    def add(self, number: int, *papers: str, level: str = "customer-service-l3", **form: Any) -> TestResponse:
        """Add an invented person."""
        with self.read() as session:
            version = session.scalars(
                select(Registration.blueprint_version_id).where(Registration.blueprint_ref == level)
            ).first()
        given = {
            "name": f"补报{number}",
            "document_type": "resident_id",
            "document_number": resident(number),
            "level": str(version),
            "paper": list(papers),
            "reason": "单位补报",
            **form,
        }
        return self.post("/new", **given)

    def change(self, name: str, **form: Any) -> TestResponse:
        """Change the registration of one of the world's people; what is not said stays."""
        with self.read() as session:
            row = self.of(session, name)
            room = session.get_one(SittingRoom, row.sitting_room_id).ref
            given = {
                "paper": f"{row.blueprint_version_id}.{row.paper}",
                "room": room,
                "term": row.kind,
                "minutes": str(row.extra // timedelta(minutes=1)),
                "factor": str(row.factor),
                "reason": "本人申请",
                "seen": seen_of(row),
                **form,
            }
            path = f"/papers/{row.ref}"
        return self.post(path, **given)

    def person(self, name: str) -> str:
        """Return the path of one of the world's people."""
        with self.read() as session:
            return f"/{session.get_one(Candidate, self.of(session, name).candidate_id).ref}"

    def of(self, session: Session, name: str) -> Registration:
        """Return the registration of one of the world's people."""
        ref = self.world.sitters[name].registration_ref
        return session.scalars(select(Registration).where(Registration.ref == ref)).one()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a reading in the app's context."""
        with self.world.app.app_context(), reading() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a unit of work in the app's context."""
        with self.world.app.app_context(), unit_of_work() as session:
            yield session


@pytest.fixture
def office(world: World) -> Office:
    """An officer of the world's batch; every ticket was printed."""
    made = Office(world)
    with made.write() as session:
        note_printed(session, session.scalars(select(AdmissionTicket.id)).all(), now=world.clock.now())
    return made


def afternoon(office: Office, after: timedelta = timedelta(hours=4)) -> str:
    """Add a published sitting in both rooms; return the ref of its first room."""
    with office.write() as session:
        now = office.world.clock.now()
        sitting = create_sitting(
            session,
            batch=session.scalars(select(Batch)).one(),
            centre=session.scalars(select(Centre)).one(),
            name="下午场",
            planned_start_at=PLANNED + after,
            rooms=session.scalars(select(Room).order_by(Room.id)).all(),
            now=now,
            actor=ACTOR,
        )
        publish_sitting(session, sitting, now=now, actor=ACTOR)
        rooms = select(SittingRoom.ref).where(SittingRoom.sitting_id == sitting.id).order_by(SittingRoom.id)
        return session.scalars(rooms).first() or ""


def acts(session: Session) -> list[str]:
    """Return what the office did, by the log, which still holds."""
    assert verify(session).broken_at is None
    query = select(AuditEntry.act).where(AuditEntry.act.startswith("registration."))
    return list(session.scalars(query.order_by(AuditEntry.id)))


def test_a_late_addition_gets_a_seat_a_ticket_and_a_form(office: Office) -> None:
    afternoon(office)
    assert "添加考生" in office.get()
    assert "余 " in office.get("/new")
    refused = office.add(1, "theory", document_number=resident(1)[:-1] + "Y")
    assert refused.status_code == 422
    assert 'value="补报1"' in refused.text  # nothing typed is lost
    assert office.add(1, "theory", "skills", reason="").status_code == 422
    answer = office.add(1, "theory", "skills")
    assert answer.status_code == 303, answer.text
    with office.read() as session:
        person = session.scalars(select(Candidate).where(Candidate.name == "补报1")).one()
        rows = session.scalars(
            select(Registration).where(Registration.candidate_id == person.id).order_by(Registration.paper)
        ).all()
        sittings = [session.get_one(Sitting, one.sitting_id).name for one in rows]
        drawn = select(func.count()).select_from(Attempt)
        drawn = drawn.where(Attempt.registration_id.in_([one.id for one in rows]))
        # The morning's forms are drawn, so a late one has theirs; the afternoon's will be.
        assert sorted(sittings) != ["下午场", "下午场"]
        assert session.scalar(drawn) == 1
        assert person.gender == "male"
        assert len({one.ticket_id for one in rows}) == 1
        assert acts(session) == ["registration.add"] * 2
    office.get()  # which says what was done
    assert office.get(q=resident(1)).count("补报1") == 1
    twice = office.add(1, "theory")
    assert twice.status_code == 409
    assert "报考这一科" in twice.text
    other = office.add(1, "theory", name="别人")
    assert (other.status_code, "另一个姓名" in other.text) == (422, True)


def test_two_papers_at_one_time_are_refused_with_the_clause(office: Office) -> None:
    room = office.world.other_room_ref
    refused = office.add(2, "theory", "skills", **{"room-theory": room, "room-skills": room})
    assert refused.status_code == 409
    assert "R-7" in refused.text
    nowhere = office.add(2, "theory", "skills")
    assert "没有合适的场次" in nowhere.text
    close = afternoon(office, timedelta(minutes=50))
    warned = office.add(2, "theory", "skills", **{"room-theory": room, "room-skills": close})
    assert (warned.status_code, 'name="accepted"' in warned.text) == (409, True)
    with office.read() as session:
        assert session.scalar(select(func.count()).where(Candidate.name == "补报2")) == 0
    accepted = office.add(2, "theory", "skills", accepted="1", **{"room-theory": room, "room-skills": close})
    assert accepted.status_code == 303, accepted.text


def test_a_move_takes_the_form_along_and_only_another_paper_gets_another(office: Office) -> None:
    later, before = afternoon(office), office.world.sitters["theory"]
    assert "调整" in office.get(f"/papers/{before.registration_ref}")
    led = office.client.get(f"/office/registrations/{before.registration_ref}/person")
    assert led.location == f"{office.url}{office.person('theory')}#paper-{before.registration_ref}"
    assert office.change("theory").status_code == 422  # nothing differs
    assert office.change("theory", room=later, reason="").status_code == 422
    assert office.change("theory", room=later).status_code == 303
    with office.read() as session:
        row = office.of(session, "theory")
        attempt = session.scalars(select(Attempt).where(Attempt.registration_id == row.id)).one()
        form = attempt.form_id
        assert attempt.id == before.attempt_id
        assert attempt.sitting_room_id == row.sitting_room_id
        assert session.get_one(SittingRoom, row.sitting_room_id).ref == later
        assert session.get_one(AdmissionTicket, row.ticket_id).reprint_reasons == "place"
        skills = f"{row.blueprint_version_id}.skills"
    assert office.change("theory", paper=skills, minutes="10", term="retake", accepted="1").status_code == 303
    with office.read() as session:
        row = office.of(session, "theory")
        attempt = session.scalars(select(Attempt).where(Attempt.registration_id == row.id)).one()
        assert (row.paper, row.kind, row.extra) == ("skills", "retake", timedelta(minutes=10))
        assert session.get_one(Form, attempt.form_id).paper == "skills"
        assert session.get_one(Form, form).paper == "theory"  # as it was frozen
        assert session.get_one(AdmissionTicket, row.ticket_id).reprint_reasons == "place,papers"
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert ('"paper":"theory"' in (entry.before or ""), entry.reason) == (True, "本人申请")
        assert acts(session) == ["registration.change"] * 2
    assert "准考证需重打" in office.get(kind="reprint")


def test_seats_are_taken_or_swapped_and_a_stale_form_says_so(office: Office) -> None:
    with office.read() as session:
        mine, other = office.of(session, "theory"), office.of(session, "skills")
        seats = [session.get_one(Seat, one.seat_id).number for one in (mine, other)]
        seen = seen_of(mine)
    held = office.change("theory", seat=str(seats[1]))
    assert (held.status_code, "两人互换" in held.text) == (422, True)
    assert office.change("theory", seat="99").status_code == 422
    assert office.change("theory", seat=str(seats[1]), swap="1").status_code == 303
    with office.read() as session:
        now = [
            session.get_one(Seat, office.of(session, name).seat_id).number for name in ("theory", "skills")
        ]
        assert now == seats[::-1]
        marked = select(func.count()).where(AdmissionTicket.reprint_reasons == "seat")
        assert session.scalar(marked) == 2
    stale = office.change("theory", minutes="5", seen=seen)
    assert (stale.status_code, "刚才有人改过" in stale.text) == (409, True)


@pytest.mark.once
def test_two_who_swap_are_both_held_against_who_sits_beside_them(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A neighbour with the same case may be the other one's: whoever makes room is moved, too."""
    with office.read() as session:
        mine, other = office.of(session, "theory"), office.of(session, "skills")
        seats = [session.get_one(Seat, one.seat_id).number for one in (mine, other)]
    real = addition.alike_beside

    def alike(session: Session, registration: Registration, number: int) -> list[int]:
        there = (registration.ref, number) == (other.ref, seats[0])
        return [7] if there else real(session, registration, number)

    monkeypatch.setattr(addition, "alike_beside", alike)
    warned = office.change("theory", seat=str(seats[1]), swap="1")
    assert (warned.status_code, f"{seats[0]:02d}" in warned.text) == (409, True)
    assert office.change("theory", seat=str(seats[1]), swap="1", accepted="1").status_code == 303


def test_a_tool_is_given_to_one_person_and_comes_back_with_a_withdrawn_paper(office: Office) -> None:
    world = office.world
    path = f"/papers/{world.sitters['theory'].registration_ref}"
    assert office.change("theory", tools=["telescope"]).status_code == 422
    assert office.change("theory", tools=["speech", "ruler"]).status_code == 303
    form = office.get(path)
    assert [f'value="{name}" checked' in form for name in TOOLS] == [False, True, False, True, False]
    assert "阅读尺\n朗读" in office.get(office.person("theory"))
    assert "王小明" in office.get(kind="extra")
    with office.read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.before, entry.after) == ('{"tools":[]}', '{"tools":["ruler","speech"]}')
    ref, person = world.sitters["theory"].registration_ref, office.person("theory")
    assert office.post(f"{person}/withdraw", registration=ref, reason="本人放弃").status_code == 303
    with office.read() as session:
        gone = session.scalars(select(Withdrawal)).one()
        room = session.get_one(SittingRoom, gone.sitting_room_id).ref
    back = office.post(f"{person}/back", withdrawal=gone.ref, room=room, reason="又来了")
    assert back.status_code == 303
    with office.read() as session:
        rows = {row.tools for row in session.scalars(select(Registration))}
        assert (office.of(session, "theory").tools, rows) == ("ruler,speech", {"", "ruler,speech"})


def test_what_is_withdrawn_comes_back_with_its_form(office: Office) -> None:
    world, path = office.world, office.person("theory")
    ref = world.sitters["theory"].registration_ref
    with office.read() as session:
        row = office.of(session, "theory")
        ticket, form = row.ticket_id, session.get_one(Attempt, world.sitters["theory"].attempt_id).form_id
        version = row.blueprint_version_id
    assert office.post(f"{path}/withdraw", registration=ref, reason="").status_code == 422
    assert office.post(f"{path}/withdraw", registration=ref, reason="本人放弃").status_code == 303
    with office.read() as session:
        gone = session.scalars(select(Withdrawal)).one()
        assert session.scalar(select(func.count()).where(Registration.ref == ref)) == 0
        assert session.scalar(select(func.count()).where(Attempt.form_id == form)) == 0
        assert (gone.form_id, gone.reason) == (form, "本人放弃")
        seat = session.get_one(Seat, gone.seat_id).number
        room = session.get_one(SittingRoom, gone.sitting_room_id).ref
    page = office.get(path)
    assert "已退考" in page
    assert "本人放弃" in page
    log = office.world.staff("inspector").get(f"/audit?sitting={world.sitting_ref}").text
    assert f'<a href="{office.url}{path}">考生 王小明' in log
    assert "王小明" in office.get(kind="withdrawn")
    assert "王小明" in office.get(kind="unseen")
    # Somebody else sits there meanwhile; the number stays with its holder.
    assert office.add(3, "theory", **{"room-theory": room, "seat-theory": str(seat)}).status_code == 303
    back = {"withdrawal": gone.ref, "room": room, "reason": "又来了"}
    full = office.post(f"{path}/back", **back)
    assert (full.status_code, "已坐满" in full.text) == (409, True)
    taken = office.post(f"{path}/back", **back, seat=str(seat))
    assert (taken.status_code, "已有人" in taken.text) == (422, True)
    back["seat"] = "7"  # a spare one, by its number
    assert office.post(f"{path}/back", **back).status_code == 303
    assert office.post(f"{path}/back", **back).status_code == 409
    with office.read() as session:
        row = office.of(session, "theory")
        attempt = session.scalars(select(Attempt).where(Attempt.registration_id == row.id)).one()
        assert (attempt.form_id, row.ticket_id) == (form, ticket)
        numbers = session.scalars(select(AdmissionTicket.number)).all()
        assert len(set(numbers)) == len(numbers) == 8
        assert acts(session) == ["registration.withdraw", "registration.add", "registration.bring_back"]
    # Withdrawn once more, and added anew instead of brought back.
    assert office.post(f"{path}/withdraw", registration="", reason="不考了").status_code == 303
    add = {"person": path[1:], "level": str(version), "paper": "theory", "reason": "重新报名"}
    assert office.post("/new", **add).status_code == 303
    with office.read() as session:
        assert session.scalar(select(func.count()).where(Withdrawal.back_at.is_(None))) == 0
    with office.write() as session:
        # As a roster leaves them that registers anew.
        session.execute(update(Withdrawal).values(back_at=None))
    office.get(path)  # which says what was done
    assert "已退考" not in office.get(path)
    assert "王小明" not in office.get(kind="withdrawn")


def begin(office: Office, meanwhile: Callable[[Session], None] = lambda _session: None) -> None:
    """Start the morning's rooms; something else is tried before that is stored."""
    world = office.world
    world.clock.set(PLANNED)
    with office.write() as session:
        query = select(SittingRoom).join(Sitting, Sitting.id == SittingRoom.sitting_id)
        for room in session.scalars(query.where(Sitting.ref == world.sitting_ref)):
            start_room(session, room, now=PLANNED, actor=ACTOR)
        meanwhile(session)


def test_from_the_door_on_it_is_the_proctors(office: Office) -> None:
    later, world = afternoon(office), office.world
    path, ref = office.person("theory"), world.sitters["theory"].registration_ref
    withdraw = {"registration": ref, "reason": "本人放弃"}
    world.admit_all()
    office = Office(world)
    for answer in (office.post(f"{path}/withdraw", **withdraw), office.change("theory", room=later)):
        assert answer.status_code == 409
        assert "由监考员" in answer.text
    assert office.change("theory", minutes="15").status_code == 303  # before the start
    begin(office)
    for answer in (office.post(f"{path}/withdraw", **withdraw), office.change("theory", minutes="20")):
        assert answer.status_code == 409
        assert "已开考" in answer.text
    page = office.get(path)
    assert "已开考" in page
    assert f"withdraw-{ref}" not in page
    details = office.get(f"{path}/details")
    assert "主考会签" in details
    assert 'name="document_number"' not in details


def test_a_withdrawal_during_the_start_is_refused_whole(office: Office) -> None:
    world, path, said = office.world, office.person("theory"), list[str]()

    def withdraw() -> None:
        with world.app.app_context():
            try:
                change.withdraw(
                    batch_ref=world.batch_ref,
                    candidate_ref=path[1:],
                    registration_ref="",
                    reason="本人放弃",
                    now=PLANNED,
                    actor="staff:other",
                )
                said.append("")
            except CbtError as error:
                said.append(error.code)

    def until_it_waits(session: Session) -> None:
        other.start()
        # On the embedded database it waits at the gate; PostgreSQL says who waits for a row.
        waiting = text(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database()"
        )
        while session.get_bind().dialect.name == "postgresql" and other.is_alive():
            if session.scalar(waiting):
                break

    other = threading.Thread(target=withdraw)
    begin(office, until_it_waits)
    other.join()
    assert said == ["person.started"]
    with office.read() as session:
        assert office.of(session, "theory").id == world.sitters["theory"].registration_id


def test_details_are_put_right_with_what_stood_there(office: Office) -> None:
    path = office.person("skills")
    page = office.get(f"{path}/details")
    seen = page.split('name="seen" value="')[1].split('"')[0]
    given = {
        "seen": seen,
        "name": "李娜娜",
        "document_type": "resident_id",
        "document_number": resident(5, male=False),
        "gender": "female",
        "employer": "新单位",
        "phone": "13900001111",
        "reason": "身份证原件",
    }
    assert office.post(f"{path}/details", **{**given, "document_number": "310"}).status_code == 422
    assert office.post(f"{path}/details", **given, photo=(BytesIO(JPEG), "a.jpg")).status_code == 303
    assert office.post(f"{path}/details", **given).status_code == 409  # somebody was quicker
    with office.write() as session:
        person = session.get_one(Candidate, office.of(session, "skills").candidate_id)
        shown = {change.person_seen(person)}
        for column, value in (("employer", "又一单位"), ("phone_sealed", None), ("name", "李")):
            setattr(person, column, value)
            shown.add(change.person_seen(person))
        assert len(shown) == 4, "whatever of them is another's makes a form stale"
        session.rollback()
    shown = office.get(path)
    assert "李娜娜" in shown
    assert "新单位" in shown
    assert resident(5, male=False) not in shown
    assert "139******11" in shown
    with office.read() as session:
        row = office.of(session, "skills")
        assert session.get_one(AdmissionTicket, row.ticket_id).reprint_reasons == "person"
    ref = office.world.sitters["skills"].registration_ref
    kept = office.client.get(f"/office/registrations/{ref}").text
    assert "李娜 → 李娜娜" in kept
    assert "测试单位 → 新单位" in kept


def test_lists_ask_no_more_for_more_people_and_others_only_look(office: Office) -> None:
    path = office.person("theory")
    counted = []
    for number in (20, 21):
        for place in ("", "/new", path):
            office.get(place)
            with count_queries(office.world.app) as asked:
                office.get(place)
            counted.append(len(asked))
        if number == 20:
            assert office.add(number, "theory").status_code == 303
    assert counted[:3] == counted[3:]
    assert max(counted) <= 16
    for query in ("赵敏", "261100010003", "310*************3X", "测试单位"):
        assert "赵敏" in office.get(q=query), query
    assert "没有符合条件的考生" in office.get(q="查无此人")
    assert "李娜" not in office.get(kind="extra")
    inspector = Office(office.world, "inspector")
    assert "添加考生" not in inspector.get()
    assert "退考" not in inspector.get(path)
    assert inspector.post("/new", name="甲").status_code == 403


def what(office: Office, act: Callable[..., Any], **given: Any) -> tuple[str, dict[str, object]]:
    """Return what an act of the office is refused with, and what that says."""
    world = office.world
    with world.app.app_context(), pytest.raises(CbtError) as error:
        act(batch_ref=world.batch_ref, now=world.clock.now(), actor="staff:st-7", **given)
    return error.value.code, error.value.params


def test_a_paper_that_the_level_does_not_have_is_refused_beside_its_field(office: Office) -> None:
    reply = office.add(41, "essay")
    assert reply.status_code == 422
    assert "请选择本批次的科目。" in reply.text
    with office.read() as session:
        assert acts(session) == []


def order_of(office: Office, name: str, **changed: Any) -> ChangeOrder:
    """Return the order that leaves one of the world's people as they are, but for what is said."""
    with office.read() as session:
        row = office.of(session, name)
        room = session.get_one(SittingRoom, row.sitting_room_id).ref
        terms = PaperTerms(row.kind, row.factor, row.extra, row.accommodation_note, tools=row.tools)
        as_it_is = ChangeOrder(
            row.blueprint_version_id, row.paper, terms, room, None, False, "本人申请", seen_of(row)
        )
        return replace(as_it_is, **changed)


@pytest.mark.once
def test_a_refused_change_says_which_field_room_and_seat_it_was_and_changes_nothing(office: Office) -> None:
    later, world = afternoon(office), office.world
    with office.read() as session:
        mine, other = office.of(session, "theory"), office.of(session, "skills")
        held = session.get_one(Seat, other.seat_id).number
        room = session.get_one(SittingRoom, mine.sitting_room_id)
        place = session.get_one(Room, room.room_id).name
        afternoon_room = session.scalars(select(SittingRoom).where(SittingRoom.ref == later)).one()
        there = session.get_one(Room, afternoon_room.room_id).name
        facts = [getattr(mine, name) for name in ("sitting_room_id", "seat_id", "paper", "extra")]
    ref = world.sitters["theory"].registration_ref
    for changed, said in (
        ({"seat": held}, ("person.seat_held", {"field": "seat", "room": place, "number": held})),
        ({"seat": 99}, ("person.no_such_seat", {"field": "seat", "room": place, "number": 99})),
        ({"seat": 0}, ("person.no_such_seat", {"field": "seat", "room": place, "number": 0})),
        (
            {"room_ref": later, "seat": 99},
            ("person.no_such_seat", {"field": "seat", "room": there, "number": 99}),
        ),
        ({"room_ref": "sr-none"}, ("sitting.room_unknown", {})),
        ({"reason": " "}, ("candidates.reason", {"field": "reason"})),
        ({"seen": "0"}, ("person.changed", {})),
        ({}, ("person.nothing", {})),
    ):
        order = order_of(office, "theory", **changed)
        code, params = what(office, change.change, registration_ref=ref, order=order)
        assert (code, said[1].items() <= params.items()) == (said[0], True), (code, params)
    order = order_of(office, "theory", seat=held)
    assert what(office, change.change, registration_ref="rg-none", order=order)[0] == "registration.unknown"
    version = order.version_id
    for sent in (f"{version}.none", "none", f"{version}.", "99.theory"):
        assert office.change("theory", paper=sent).status_code in {404, 422}, sent
    assert office.add(9, "none").status_code == 422
    with office.write() as session:
        assert [getattr(office.of(session, "theory"), one) for one in (
            "sitting_room_id", "seat_id", "paper", "extra"
        )] == facts  # fmt: skip
        assert acts(session) == []
        office.of(session, "skills").arrived_at = world.clock.now()
    swap = order_of(office, "theory", seat=held, swap=True)
    assert what(office, change.change, registration_ref=ref, order=swap) == (
        "person.other_met",
        {"field": "seat"},
    )
    away = order_of(office, "skills", room_ref=later)
    code, params = what(
        office, change.change, registration_ref=world.sitters["skills"].registration_ref, order=away
    )
    with office.read() as session:
        name = session.get_one(Sitting, office.of(session, "skills").sitting_id).name
    assert (code, params) == ("person.met", {"sitting": name})


@pytest.mark.once
def test_another_room_of_the_sitting_keeps_what_the_door_knew_and_another_sitting_does_not(
    office: Office,
) -> None:
    """Only where the sitting was cancelled has the door met somebody whom the office still moves."""
    later, world = afternoon(office), office.world
    now, ref = world.clock.now(), world.sitters["theory"].registration_ref
    with office.read() as session:
        row = office.of(session, "theory")
        own = session.get_one(SittingRoom, row.sitting_room_id)
        beside = session.scalars(
            select(SittingRoom).where(SittingRoom.sitting_id == own.sitting_id, SittingRoom.id != own.id)
        ).one()
        taken = set(session.scalars(select(Registration.seat_id)))
        batch = session.get_one(Batch, session.get_one(Sitting, own.sitting_id).batch_id)
        numbers = {
            room.id: [seat.number for seat in free_seats(session, room)]
            for room in session.scalars(select(SittingRoom).order_by(SittingRoom.id))
        }
        for room in session.scalars(select(SittingRoom)):
            seats = session.scalars(
                select(Seat).where(Seat.room_id == room.room_id).order_by(Seat.number)
            ).all()
            held = taken if room.sitting_id == own.sitting_id else set()
            assert numbers[room.id] == [one.number for one in seats if one.id not in held]
        assert batch.ref == world.batch_ref

    def moved(room: str) -> tuple[Any, Any]:
        with world.app.app_context():
            change.change(
                batch_ref=world.batch_ref,
                registration_ref=ref,
                order=order_of(office, "theory", room_ref=room, accepted=True),
                now=now,
                actor="staff:st-7",
            )
        with office.read() as session:
            row = office.of(session, "theory")
            entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
            assert entry is not None
            assert (entry.act, entry.actor, entry.reason) == ("registration.change", "staff:st-7", "本人申请")
            assert entry.subject == f"registration:{ref}"
            return session.get_one(SittingRoom, row.sitting_room_id).ref, row.arrived_at

    with office.write() as session:
        office.of(session, "theory").arrived_at = None
    assert moved(beside.ref) == (beside.ref, None)
    of_the_door = [
        column
        for column in Registration.__table__.columns
        if column.nullable and not column.name.startswith("violation")
    ]
    blanks = {str: "x", bytes: b"x", object: now}
    with office.write() as session:
        for column in of_the_door:
            setattr(office.of(session, "theory"), column.name, blanks[column.type.python_type])
        for room in session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == own.sitting_id)):
            room.state = "cancelled"
        session.get_one(Sitting, own.sitting_id).state = "cancelled"
    assert moved(later) == (later, None)
    with office.read() as session:
        row = office.of(session, "theory")
        assert [column.name for column in of_the_door if getattr(row, column.name) is not None] == []


@pytest.mark.once
def test_what_is_withdrawn_and_brought_back_is_on_record_whole(office: Office) -> None:
    """Whose it is, which room and seat, by whom; a code for each thing that is not there."""
    world, path = office.world, office.person("theory")[1:]
    ref, now = world.sitters["theory"].registration_ref, world.clock.now()
    take = {"candidate_ref": path, "registration_ref": ref, "reason": "本人放弃"}
    assert what(office, change.withdraw, **take | {"reason": " "}) == (
        "candidates.reason",
        {"field": "reason"},
    )
    other = world.sitters["skills"].registration_ref
    for wrong, code in (
        ({"registration_ref": other}, "registration.unknown"),
        ({"registration_ref": "rg-none"}, "registration.unknown"),
        ({"candidate_ref": "cd-none"}, "person.unknown"),
    ):
        assert what(office, change.withdraw, **take | wrong)[0] == code
    with office.read() as session:
        row = office.of(session, "theory")
        held = (row.sitting_id, row.sitting_room_id, row.seat_id, row.paper, row.kind, row.blueprint_ref)
        seat = session.get_one(Seat, row.seat_id).number
        ticket = row.ticket_id
    with world.app.app_context():
        took = change.withdraw(batch_ref=world.batch_ref, now=now, actor="staff:st-7", **take)
    assert took == 1
    with office.read() as session:
        gone = session.scalars(select(Withdrawal)).one()
        assert (
            gone.sitting_id, gone.sitting_room_id, gone.seat_id, gone.paper, gone.kind, gone.blueprint_ref,
        ) == held  # fmt: skip
        assert (gone.by, gone.at, gone.registration_ref, gone.back_at) == ("staff:st-7", now, ref, None)
        left = session.get_one(AdmissionTicket, ticket)
        assert (left.printed_at, left.reprint_since) == (None, None), "nothing is on it any more"
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.act, entry.actor, entry.subject) == (
            "registration.withdraw", "staff:st-7", f"registration:{ref}",
        )  # fmt: skip
        assert json.loads(entry.before)["seat"] == seat
        assert json.loads(entry.after).keys() == {"form"}
        room = session.get_one(SittingRoom, gone.sitting_room_id).ref
    back = {"withdrawal_ref": gone.ref, "room_ref": room, "seat": None, "reason": "又来了", "accepted": True}
    for wrong, code in (
        ({"withdrawal_ref": "wd-none"}, "registration.unknown"),
        ({"room_ref": "sr-none"}, "sitting.room_unknown"),
        ({"seat": 99}, "person.no_such_seat"),
        ({"reason": ""}, "candidates.reason"),
    ):
        assert what(office, change.bring_back, **back | wrong)[0] == code
    with world.app.app_context():
        change.bring_back(batch_ref=world.batch_ref, now=now, actor="staff:st-8", **back)
    assert what(office, change.bring_back, **back)[0] == "person.not_withdrawn"
    with office.read() as session:
        gone = session.scalars(select(Withdrawal)).one()
        assert (gone.back_at, gone.back_by) == (now, "staff:st-8")
        row = office.of(session, "theory")
        assert (
            row.sitting_id, row.sitting_room_id, row.seat_id, row.paper, row.kind, row.blueprint_ref,
        ) == held  # fmt: skip
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert (entry.act, entry.actor, entry.reason) == ("registration.bring_back", "staff:st-8", "又来了")
        assert json.loads(entry.after)["seat"] == seat


@pytest.mark.once
def test_the_first_room_with_a_seat_is_suggested_for_each_paper_in_turn(office: Office) -> None:
    """A seat that is given to one paper is no more free for the next; too near comes after a strange sitting."""
    afternoon(office)
    afternoon(office, timedelta(hours=8))
    with office.write() as session:
        batch = session.scalars(select(Batch)).one()
        version = office.of(session, "theory").blueprint_version_id
        level = level_of(session, batch, version)
        rooms = {(one.sitting.name, n): one for n, one in enumerate(rooms_of(session, batch))}
        papers = list(level.papers)
        late = [one for (name, _n), one in rooms.items() if name == "下午场"]

        def offered(free: list[int], taken: list[Span] | None = None) -> dict[str, str]:
            given = [replace(room, free=left) for room, left in zip(late, free, strict=True)]
            found = suggested(given, level, papers, terms=PaperTerms(), taken=taken or [])
            return {paper: offer.sitting_room.ref for paper, offer in found.items()}

        other = Batch(ref="ba-other", name="另一批次", created_at=office.world.clock.now(), occupation="")
        session.add(other)
        session.flush()
        assert rooms_of(session, other) == []
        assert {one.sitting.batch_id for one in rooms.values()} == {batch.id}
        whole = [paper.code for paper in papers]
        session.add(BatchLevel(batch_id=batch.id, blueprint_version_id=version, level="3", papers=whole[1]))
        session.flush()
        assert [[paper.code for paper in one.papers] for one in levels_of(session, batch)] == [whole[1:2]]
        refs, first, second = [one.sitting_room.ref for one in late], papers[0].code, papers[1].code
        assert len(refs) == 4
        assert offered([1, 0, 1, 0]) == {first: refs[0], second: refs[2]}
        assert offered([0, 1, 0, 1]) == {first: refs[1], second: refs[3]}
        assert offered([2, 0, 0, 0]) == {first: refs[0]}, "two at one time"
        assert offered([0, 0, 0, 0]) == {}
        assert offered([-1, 0, 1, 0]) == {first: refs[2]}
        start = late[0].sitting.planned_start_at
        span = paper_span(start, papers[0], factor=Decimal(1), extra=timedelta())
        assert offered([1, 1, 1, 1], [span]) == {first: refs[2]}


@pytest.mark.once
def test_nobody_is_put_where_no_one_sits_any_more_or_into_a_trial(office: Office) -> None:
    """A cancelled room, a room of another batch, a sitting of another purpose, a paper not examined there."""
    later, world = afternoon(office), office.world
    ref = world.sitters["theory"].registration_ref
    with office.write() as session:
        room = session.scalars(select(SittingRoom).where(SittingRoom.ref == later)).one()
        sitting = session.get_one(Sitting, room.sitting_id)
        there, own = session.get_one(Room, room.room_id).name, sitting.batch_id
        other = Batch(ref="ba-other", name="另一批次", created_at=world.clock.now(), occupation="")
        session.add(other)
        session.flush()
        number = other.id
    order = order_of(office, "theory", room_ref=later, accepted=True)
    closed = {"field": "room", "sitting": "下午场", "room": there}
    for values, said in (
        ({"state": "cancelled"}, ("person.room_closed", closed)),
        ({"state": "running"}, ("person.room_closed", closed)),
        ({"purpose": "trial"}, ("person.other_purpose", {"field": "room", "sitting": "下午场"})),
        ({"batch_id": number}, ("sitting.room_unknown", {})),
        ({"mode": "none"}, ("person.paper_mode", {"field": "room", "sitting": "下午场"})),
    ):
        with office.write() as session:
            row = session.scalars(select(SittingRoom).where(SittingRoom.ref == later)).one()
            sitting = session.get_one(Sitting, row.sitting_id)
            before = {name: getattr(sitting, name) for name in ("purpose", "batch_id", "mode")}
            state = row.state
            for name, value in values.items():
                setattr(row if name == "state" else sitting, name, value)
        code, params = what(office, change.change, registration_ref=ref, order=order)
        assert (code, said[1].items() <= params.items()) == (said[0], True), (code, params)
        with office.write() as session:
            row = session.scalars(select(SittingRoom).where(SittingRoom.ref == later)).one()
            row.state = state
            for name, value in before.items():
                setattr(session.get_one(Sitting, row.sitting_id), name, value)
    with office.read() as session:
        assert office.of(session, "theory").sitting_room_id == world.sitting_room_id
        assert acts(session) == []
    assert own != number


@pytest.mark.once
def test_what_is_taken_back_is_of_this_batch_alone(office: Office) -> None:
    """All papers of somebody here stay theirs in another batch; what stands in a log of a room stays too."""
    later, world = afternoon(office), office.world
    path, now = office.person("theory")[1:], world.clock.now()
    with office.write() as session:
        row, room = office.of(session, "theory"), session.scalars(
            select(SittingRoom).where(SittingRoom.ref == later)
        ).one()  # fmt: skip
        sitting = session.get_one(Sitting, room.sitting_id)
        other = Batch(ref="ba-other", name="另一批次", created_at=now, occupation="")
        session.add(other)
        session.flush()
        sitting.batch_id = other.id
        taken = SeatedPaper(row.blueprint_version_id, row.blueprint_ref, "skills", room.id, row.seat_id)
        kept = register(
            session, sitting, session.get_one(AdmissionTicket, row.ticket_id), taken, PaperTerms()
        )
        session.flush()
        noted = Incident(sitting_room_id=row.sitting_room_id, registration_id=row.id, at=now, kind="x")
        noted.params, noted.by = "{}", "staff:st-7"
        session.add(noted)
        session.flush()
        elsewhere, incident = kept.ref, noted.id
    take = {"candidate_ref": path, "registration_ref": "", "reason": "本人放弃"}
    assert (
        what(office, change.withdraw, **take | {"registration_ref": elsewhere})[0] == "registration.unknown"
    )
    assert what(office, change.withdraw, **take)[0] == "person.on_record"
    with office.write() as session:
        session.delete(session.get_one(Incident, incident))
    with world.app.app_context():
        assert change.withdraw(batch_ref=world.batch_ref, now=now, actor="staff:st-7", **take) == 1
    assert what(office, change.withdraw, **take)[0] == "registration.unknown"
    with office.read() as session:
        assert session.scalars(select(Withdrawal.registration_ref)).all() == [
            world.sitters["theory"].registration_ref
        ]
        ticket = session.scalars(select(Registration.ticket_id).where(Registration.ref == elsewhere)).one()
        assert session.get_one(AdmissionTicket, ticket).reprint_reasons == "papers"


@pytest.mark.once
def test_whoever_has_no_form_gets_one_where_the_others_of_the_sitting_have_theirs(office: Office) -> None:
    """Moved into such a sitting, or brought back into it; in one nobody has a form of there is none."""
    later, world = afternoon(office), office.world
    path, ref = office.person("theory")[1:], world.sitters["theory"].registration_ref
    with office.write() as session:
        row = office.of(session, "theory")
        morning = session.get_one(SittingRoom, row.sitting_room_id).ref
        session.delete(session.get_one(Attempt, world.sitters["theory"].attempt_id))

    def forms() -> int:
        with office.read() as session:
            drawn = select(func.count()).select_from(Attempt)
            return (
                session.scalar(drawn.where(Attempt.registration_id == office.of(session, "theory").id)) or 0
            )

    assert office.change("theory", minutes="5").status_code == 303
    assert forms() == 0, "nothing was asked of where and what it is"
    for room, drawn in ((later, 0), (morning, 1)):
        assert office.change("theory", room=room, accepted="1").status_code == 303
        assert forms() == drawn, room
    for room, drawn in ((later, 0), (morning, 1)):
        taken = office.post(f"/{path}/withdraw", registration=ref, reason="本人放弃")
        assert taken.status_code == 303
        with office.write() as session:
            gone = session.scalars(select(Withdrawal).where(Withdrawal.back_at.is_(None))).one()
            gone.form_id, withdrawal = None, gone.ref
        back = {"withdrawal": withdrawal, "room": room, "reason": "又来了", "accepted": "1"}
        assert office.post(f"/{path}/back", **back).status_code == 303
        assert forms() == drawn, room


@pytest.mark.once
def test_a_paper_that_the_batch_does_not_examine_is_nobodys_there(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The level has it, the shape of the batch has not; and whoever was moved meanwhile is looked at anew."""
    world, none = office.world, {"field": "paper"}
    ref = world.sitters["theory"].registration_ref
    with office.write() as session:
        row = office.of(session, "theory")
        version, batch = row.blueprint_version_id, session.scalars(select(Batch)).one()
        session.add(BatchLevel(batch_id=batch.id, blueprint_version_id=version, level="3", papers="theory"))
    order = order_of(office, "theory", paper="skills", accepted=True)
    assert what(office, change.change, registration_ref=ref, order=order) == ("person.no_paper", none)
    for papers in (["skills"], ["theory", "skills"], []):
        answer = office.add(44, *papers)
        assert (answer.status_code, "请选择本批次的科目。" in answer.text) == (422, True), papers
    real = placement.hold_rooms

    def moved_meanwhile(session: Session, batch: Batch, ids: Any) -> Any:
        held = real(session, batch, ids)
        other = select(SittingRoom.id).where(SittingRoom.ref == world.other_room_ref).scalar_subquery()
        session.execute(update(Registration).where(Registration.ref == ref).values(sitting_room_id=other))
        return held

    stay = order_of(office, "theory", terms=PaperTerms("retake"))
    take = {"candidate_ref": office.person("theory")[1:], "registration_ref": ref, "reason": "本人放弃"}
    monkeypatch.setattr(placement, "hold_rooms", moved_meanwhile)
    assert what(office, change.change, registration_ref=ref, order=stay)[0] == "person.changed"
    assert what(office, change.withdraw, **take)[0] == "person.changed"
    with office.read() as session:
        assert acts(session) == []


@pytest.mark.once
def test_whoever_has_no_form_gets_the_one_of_a_paper_they_change_to(office: Office) -> None:
    with office.write() as session:
        session.delete(session.get_one(Attempt, office.world.sitters["theory"].attempt_id))
        version = office.of(session, "theory").blueprint_version_id
    assert office.change("theory", paper=f"{version}.skills", accepted="1").status_code == 303
    with office.read() as session:
        row = office.of(session, "theory")
        attempt = session.scalars(select(Attempt).where(Attempt.registration_id == row.id)).one()
        assert session.get_one(Form, attempt.form_id).paper == "skills"


@pytest.mark.once
def test_nobody_is_brought_back_into_a_batch_they_were_not_withdrawn_from(office: Office) -> None:
    world, path = office.world, office.person("theory")
    ref = world.sitters["theory"].registration_ref
    assert office.post(f"{path}/withdraw", registration=ref, reason="本人放弃").status_code == 303
    with office.write() as session:
        session.add(Batch(ref="ba-other", name="另一批次", created_at=world.clock.now(), occupation=""))
        gone = session.scalars(select(Withdrawal)).one()
        room, withdrawn = session.get_one(SittingRoom, gone.sitting_room_id).ref, gone.ref
    with world.app.app_context(), pytest.raises(CbtError) as error:
        change.bring_back(
            batch_ref="ba-other",
            withdrawal_ref=withdrawn,
            room_ref=room,
            seat=None,
            reason="又来了",
            accepted=True,
            now=world.clock.now(),
            actor="staff:st-8",
        )
    assert error.value.code == "registration.unknown"


@pytest.mark.once
def test_a_paper_is_in_the_way_of_itself_until_its_own_room_is_gone(office: Office) -> None:
    with office.write() as session:
        row = office.of(session, "theory")
        rooms = session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == row.sitting_id)).all()
        assert len(rooms) > 1

        def refused(**changed: Any) -> str:
            asked = {"ticket_id": row.ticket_id, "version_ref": row.blueprint_ref, "paper": row.paper}
            try:
                addition.not_twice(session, **asked | changed)
            except CbtError as error:
                return error.code
            return ""

        for own, others, taken in (("planned", "cancelled", "person.already"), ("cancelled", "planned", "")):
            for room in rooms:
                room.state = own if room.id == row.sitting_room_id else others
            session.flush()
            assert refused() == taken, own
        for room in rooms:
            room.state = "planned"
        session.flush()
        assert refused()
        assert not refused(paper="skills")
        assert not refused(version_ref="another-level")
        assert not refused(ticket_id=office.of(session, "skills").ticket_id)
        session.rollback()


def test_how_a_paper_is_taken_is_refused_at_its_field() -> None:
    good = {"term": "retake", "minutes": " 10 ", "factor": "1.25", "note": "轮椅"}
    terms = terms_of(MultiDict(good))
    assert (terms.kind, terms.factor, terms.extra) == ("retake", Decimal("1.25"), timedelta(minutes=10))
    assert terms_of(MultiDict()) == PaperTerms("first", Decimal(1), timedelta(), "", tools="")
    assert terms_of(MultiDict(good | {"note": "长" * 200, "minutes": str(MOST_MINUTES)})).extra == timedelta(
        minutes=MOST_MINUTES
    )
    for changes, code, field in (
        ({"term": "other"}, "person.kind", "term"),
        ({"note": "长" * 201}, "person.note", "note"),
        ({"minutes": str(MOST_MINUTES + 1)}, "person.minutes", "minutes"),
        ({"minutes": "-1"}, "person.minutes", "minutes"),
        ({"factor": "x"}, "person.factor", "factor"),
        ({"factor": "0.99"}, "person.factor", "factor"),
        ({"factor": "NaN"}, "person.factor", "factor"),
        ({"factor": "4.01"}, "person.factor", "factor"),
    ):
        with pytest.raises(CbtError) as error:
            terms_of(MultiDict(good | changes))
        assert (error.value.code, error.value.params.get("field")) == (code, field), changes
