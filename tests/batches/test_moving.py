"""A sitting is moved with all that belongs to it, withdrawn or cancelled; everybody is told, nothing is lost."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta

import pytest
from click.testing import CliRunner, Result
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.batches import sitting_change
from cbt.batches.commands import sitting as sitting_commands
from cbt.batches.sitting_change import MovedPlan, MoveWish
from cbt.candidates import prints
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.prints import of_again
from cbt.candidates.store import entries_of_sitting
from cbt.demo.world import add_staff
from cbt.door.admission import room_refusal
from cbt.door.store import doors_of
from cbt.errors import CbtError
from cbt.http.app_context import register_factory
from cbt.personal import DETAILS
from cbt.proctoring.acts.room_start import start_armed_rooms
from cbt.rules.roles import Role
from cbt.runner.models import Attempt
from cbt.sittings.models import Batch, Centre, Room, RoomStaff, Sitting, SittingChange, SittingRoom
from cbt.sittings.places import create_centre, create_room
from cbt.sittings.room_clock import open_doors
from cbt.sittings.service import arm_room, publish_sitting
from cbt.sittings.store import changes_of, former_starts, rooms_of_sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.batches.plans import planning
from tests.helpers import count_queries, sign_in_as
from tests.sittings.conftest import OFFICER, PLANNED, Day
from tests.sittings.test_planning import browser, minutes
from tests.world import World

NEXT_DAY = PLANNED + timedelta(days=1, hours=1)


@pytest.fixture
def published(day: Day) -> dict[str, str]:
    """Five people in the day's room at 1 to 4 and 6, one proctor, armed, published; rooms by name."""
    with planning(day) as plan:
        small, large = plan.room("三座", 3), plan.room("大机房", 5)
        last = [plan.enter(f"考生{who}", plan.sitting) for who in range(5)][-1]
        last.seat_id += 1  # number 6
        proctor = add_staff(plan.session, Role.PROCTOR, login="li", name="李监考", now=plan.now)
        _, room = day.work(plan.session)
        plan.session.add(RoomStaff(sitting_room_id=room.id, staff_id=proctor.id, duty="proctor"))
        publish_sitting(plan.session, plan.sitting, now=plan.now, actor=OFFICER)
        arm_room(plan.session, room, armed=True, now=plan.now, actor=OFFICER)
        plan.session.scalars(select(AdmissionTicket)).first().printed_at = plan.now  # type: ignore[union-attr]
        return {"small": small.ref, "large": large.ref, "proctor": proctor.ref}


def wish(day: Day, *, room: str = "", **changes: object) -> MoveWish:
    given = {"name": "上午", "start_at": PLANNED, "reason": "台风"} | changes
    rooms = {day.sitting_room_ref: room} if room else {}
    return MoveWish(rooms=rooms, **given)  # type: ignore[arg-type]


def move(day: Day, wanted: MoveWish) -> MovedPlan:
    with day.app.app_context():
        now = day.clock.now()
        seen = sitting_change.preview(sitting_ref=day.sitting_ref, wish=wanted, now=now)
        done = sitting_change.move(sitting_ref=day.sitting_ref, wish=wanted, now=now, actor=OFFICER)
    assert (seen.told.tickets, seen.new_seats, seen.rooms) == (done.told.tickets, done.new_seats, done.rooms)
    return done


def refused(day: Day, wanted: MoveWish) -> str:
    with pytest.raises(CbtError) as error:
        move(day, wanted)
    return error.value.code


def at_the_door(day: Day) -> str:
    """Return what the first candidate is told who tries to sign in."""
    with day.read() as session:
        (door,) = doors_of(session, list(session.scalars(select(Registration.ref).limit(1))))
        return str(room_refusal(door))


def test_everything_goes_with_a_sitting_that_is_moved(day: Day, published: dict[str, str]) -> None:
    done = move(day, wish(day, room=published["large"], start_at=NEXT_DAY, name="改到次日"))
    assert [(one.name, one.former, one.number) for one in done.new_seats] == [("考生4", 6, 5)]
    assert (done.told.people, done.told.phones, done.told.units) == (5, 5, (("甲公司", 5),))
    assert ([one.staff.name for one in done.told.staff], done.told.printed) == (["李监考"], 1)
    with day.read() as session:
        sitting, room = day.work(session)
        assert (sitting.name, sitting.state, sitting.planned_start_at) == ("改到次日", "published", NEXT_DAY)
        assert sitting.check_in_opens_at == NEXT_DAY - minutes(40)
        assert (sitting.report_at, sitting.late_cutoff_at) == (NEXT_DAY - minutes(30), NEXT_DAY - minutes(15))
        assert room.armed
        assert [view.room.name for view in rooms_of_sitting(session, sitting.id)] == ["大机房"]
        assert [entry.seat.number for entry in entries_of_sitting(session, sitting.id)] == [1, 2, 3, 4, 5]
        assert {entry.seat.room_id for entry in entries_of_sitting(session, sitting.id)} == {room.room_id}
        assert session.scalars(select(RoomStaff.sitting_room_id)).one() == room.id
        changes = changes_of(session, [sitting.id])[sitting.id]
        assert [(one.kind, one.reason, one.rooms) for one in changes] == [
            ("move", "台风", "一号机房 → 大机房")
        ]
        assert former_starts(sitting, changes) == [PLANNED]
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "sitting.move")).one()
        assert entry.reason == "台风"
        (ticket,) = session.scalars(select(AdmissionTicket).where(AdmissionTicket.reprint_since.is_not(None)))
        assert ticket.reprint_reasons == "time,place"
        with day.app.test_request_context():
            (shown,) = prints.ticket_pages(of_again(session, day.sitting_ref))["tickets"]
        assert (shown["lines"][0]["moved"], shown["lines"][0]["former"]) == ("改期", ["11-24 09:00"])
    day.clock.set(PLANNED + minutes(5))
    with day.app.app_context():
        assert open_doors(now=day.clock.now()) == 0, "the doors follow the new time"
        assert start_armed_rooms(now=day.clock.now()) == 0
        assert open_doors(now=NEXT_DAY - minutes(40)) == 1
    move_back = wish(day, start_at=NEXT_DAY + timedelta(days=1), name="改到次日")
    day.clock.set(NEXT_DAY - minutes(30))
    assert refused(day, move_back) == "moving.admitting"


def test_a_move_that_cannot_be_leaves_everything_as_it_was(day: Day, published: dict[str, str]) -> None:
    with planning(day) as plan:
        later = plan.at(timedelta(hours=2), "已占", plan.session.scalars(
            select(Room).where(Room.ref == published["large"])
        ).one())  # fmt: skip
        plan.enter("考生0", later, "skills")
        for number in range(2):
            plan.released("考生1", "failed", days_ago=50 + number)
    assert refused(day, wish(day, room=published["small"])) == "moving.seats"
    assert refused(day, wish(day, start_at=PLANNED + timedelta(hours=2))) == "planning.stopped"
    assert refused(day, wish(day)) == "moving.nothing"
    assert refused(day, wish(day, start_at=PLANNED - timedelta(days=1))) == "sitting.in_the_past"
    assert refused(day, wish(day, start_at=NEXT_DAY, reason=" ")) == "sitting.reason"
    assert refused(day, wish(day, room="rm-nothing")) == "room.unknown"
    day.clock.set(PLANNED - minutes(40))
    assert refused(day, wish(day, start_at=NEXT_DAY)) == "moving.admitting", (
        "doors are due, though nobody opened them"
    )
    with day.read() as session:
        sitting, room = day.work(session)
        assert (sitting.planned_start_at, sitting.name) == (PLANNED, "上午")
        assert rooms_of_sitting(session, sitting.id)[0].room.ref == day.room_ref
        assert session.scalars(select(SittingChange)).all() == []
        assert room.state == "published"


def test_publishing_is_withdrawn_until_the_check_in_opens(day: Day, published: dict[str, str]) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    assert client.post(f"{page}/withdraw", data={"reason": ""}, follow_redirects=True).status_code == 200
    with day.read() as session:
        assert day.work(session)[0].state == "published"
    shown = client.post(f"{page}/withdraw", data={"reason": "名单有误"}, follow_redirects=True).text
    assert "已撤回发布：名单有误" in shown
    with day.read() as session:
        sitting, room = day.work(session)
        assert (sitting.state, room.state) == ("draft", "draft")
    day.clock.set(PLANNED - minutes(15))
    assert at_the_door(day) == "door.not_published"
    proctor = sign_in_as(day.app, kind="staff", subject_ref=published["proctor"], machine="m-li")
    assert "上午" not in proctor.get("/proctor").text


def test_a_cancelled_sitting_says_why_wherever_it_is_seen(day: Day, published: dict[str, str]) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    done = client.post(f"{page}/cancel", data={"reason": "机房停电检修"}, follow_redirects=True).text
    assert "考生 5 人（5 人有电话）、监考人员 1 人" in done
    proctor = sign_in_as(day.app, kind="staff", subject_ref=published["proctor"], machine="m-li")
    for seen in (
        done,
        client.get(f"/office/batches/{day.batch_ref}").text,
        client.get(f"{page}/print").text,
        proctor.get("/proctor").text,
    ):
        assert "已取消：机房停电检修" in seen
    assert at_the_door(day) == "door.cancelled_because (reason=机房停电检修)"


def test_the_pages_of_a_move_say_what_it_does_before_it_is_done(day: Day, published: dict[str, str]) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    with count_queries(day.app) as seen:
        assert 'value="2026-11-24T09:00"' in client.get(f"{page}/move").text
    assert len(seen) <= 14
    sent = {
        "name": "上午", "start": "2026-11-25T10:00", "reason": "台风", f"room-{day.sitting_room_ref}": day.room_ref,
    }  # fmt: skip
    look = client.post(f"{page}/move", data=sent | {"act": "preview"})
    assert look.status_code == 200
    for said in ("5 人，其中 5 人有电话", "甲公司", "李监考", "已打印的 1 张须重打", "确认改动"):
        assert said in look.text
    again = client.post(f"{page}/move", data=sent | {"act": "edit"}).text
    assert 'value="2026-11-25T10:00"' in again
    assert "台风" in again
    bad = client.post(f"{page}/move", data=sent | {"act": "preview", "start": "soon"})
    assert bad.status_code == 422
    assert "日期时间看不懂" in bad.text
    done = client.post(f"{page}/move", data=sent | {"act": "move"}, follow_redirects=True).text
    assert "改期：原定 2026-11-24 09:00，改为 2026-11-25 10:00。原因：台风" in done
    assert "1 张准考证打印之后有变动" in done
    with count_queries(day.app) as seen:
        listed = client.get(f"/office/batches/{day.batch_ref}/print/again").text
    assert len(seen) <= 10
    assert "打印这 1 张" in listed
    assert "考生0" in listed
    pdf = client.get(f"{page}/print/tickets/again.pdf")
    assert pdf.data.startswith(b"%PDF")
    assert client.get(f"{page}/print/tickets/again.pdf").status_code == 404, "they are right now"
    assert "没有需要重打" in client.get(f"/office/batches/{day.batch_ref}/print/again").text
    client.set_cookie("locale", "en")
    for path in ("", "/move", "/print"):
        assert ">batches." not in client.get(page + path).text
    assert "Moved from" in client.get(page).text


def test_neighbours_of_another_room_with_one_case_are_warned_of(world: World) -> None:
    """Seats 2 and 5 stand far apart in a line, and one behind the other where a row has three; the forms stay."""
    with world.app.app_context(), unit_of_work() as session:
        one, other = (session.get_one(Attempt, world.sitters[name].attempt_id) for name in ("skills", "late"))
        other.form_id = one.form_id
        centre = session.scalars(select(Centre)).one()
        room = create_room(
            session, centre, name="三列", seats=9, per_row=3, now=world.clock.now(), actor="cli"
        )
        by_seat = {world.sitters[name].seat: name for name in ("skills", "late")}
        goal = room.ref
    wanted = MoveWish("第 1 场", PLANNED, {world.room_ref: goal}, "电检")
    with world.app.app_context():
        plan = sitting_change.preview(sitting_ref=world.sitting_ref, wish=wanted, now=world.clock.now())
        with reading() as session:
            here = select(Registration.id).where(Registration.sitting_room_id == world.sitting_room_id)
            in_the_room, all_of_it = set(session.scalars(here)), set(session.scalars(select(Registration.id)))
    (moved,) = plan.moved
    assert set(moved.seats) == in_the_room < all_of_it, "who sits in another room stays there"
    assert by_seat == {2: "skills", 5: "late"}
    assert [(one.code, one.params["pairs"]) for one in plan.concerns] == [("cases_beside", 1)]


@pytest.mark.once
def test_names_that_say_the_day_follow_it(day: Day, published: dict[str, str]) -> None:
    with planning(day) as plan:
        batch = plan.session.get_one(Batch, plan.sitting.batch_id)
        plan.sitting.name, batch.name = "11月24日上午场", "2026年11月24日批次"
        batch.starts_on = batch.ends_on = date(2026, 11, 24)
    afternoon = PLANNED + timedelta(days=1, hours=5)
    done = move(day, wish(day, name="11月24日上午场", start_at=afternoon))
    assert (done.former_name, done.sitting.name) == ("11月24日上午场", "11月25日下午场")
    with day.read() as session:
        sitting, _room = day.work(session)
        batch = session.get_one(Batch, sitting.batch_id)
        assert (sitting.name, batch.name) == ("11月25日下午场", "2026年11月25日批次")
        assert (batch.starts_on, batch.ends_on) == (date(2026, 11, 25), date(2026, 11, 25))
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "batch.change")).one()
        assert (entry.reason, "2026年11月25日批次" in entry.after) == ("台风", True)
    with planning(day) as plan:
        other = plan.at(timedelta(days=1), "同一天的另一场", plan.room("另一间", 3))
        other.planned_start_at = afternoon
    # A name that somebody writes anew stays as it was written; a batch with another sitting on the day stays, too.
    done = move(day, wish(day, name="补一场 11月25日", start_at=afternoon + timedelta(days=1)))
    assert (done.sitting.name, done.batch) == ("补一场 11月25日", None)


@pytest.mark.once
def test_a_batch_of_the_day_alone_is_of_the_new_one_whatever_it_is_called(
    day: Day, published: dict[str, str]
) -> None:
    """One whose name says no day keeps it; one of several days stays as it is."""
    former, later = date(2026, 11, 24), date(2026, 11, 25)
    for starts_on, ends_on, name, follows in (
        (former, former, "秋季批次", later),
        (former, former, "2026年11月24日批次", later),
        (former, later, "秋季批次", None),
        (None, None, "秋季批次", None),
        (former, later, "2026年11月24日批次", None),
    ):
        with planning(day) as plan:
            batch = plan.session.get_one(Batch, plan.sitting.batch_id)
            batch.name, batch.starts_on, batch.ends_on = name, starts_on, ends_on
        with day.app.app_context():
            seen = sitting_change.preview(
                sitting_ref=day.sitting_ref, wish=wish(day, start_at=NEXT_DAY), now=day.clock.now()
            )
        named = name.replace("24", "25")
        if follows is None and named == name:
            assert seen.batch is None, name
        else:
            assert seen.batch is not None
            assert (seen.batch.former_name, seen.batch.name, seen.batch.day) == (name, named, follows)


@pytest.mark.once
def test_whom_to_tell_is_a_workbook_with_phones(day: Day, published: dict[str, str]) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    assert "下载通知名单" not in client.get(page).text
    assert client.post(f"{page}/inform").status_code == 409
    move(day, wish(day, room=published["large"], start_at=NEXT_DAY))
    assert "下载通知名单" in client.get(page).text
    answer = client.post(f"{page}/inform")
    assert answer.status_code == 200
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    people, units, staff = (book.get_sheet_by_name(name).to_python() for name in book.sheet_names)
    head = next(number for number, row in enumerate(people) if row[:2] == ["姓名", "手机"])
    told = {row[0]: row[1] for row in people[:head]}
    assert (told["原定开考"], told["现定开考"]) == ("2026-11-24 09:00", "2026-11-25 10:00")
    rows = people[head + 1 :]
    assert [(row[0], row[5], row[6]) for row in rows] == [
        (f"考生{who}", "大机房", f"{who + 1:02d}") for who in range(5)
    ]
    with day.read() as session:
        phones = [
            DETAILS["phone"].value_of(one.candidate)
            for one in entries_of_sitting(session, day.work(session)[0].id)
        ]
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "sitting.inform_list")).one()
    assert [row[1] for row in rows] == phones
    assert json.loads(entry.after) == {"rows": 5, "phones": 5}
    assert [row[:2] for row in units[1:]] == [["甲公司", "5"]]
    assert [row[:2] for row in staff[1:]] == [["李监考", "监考员"]]
    assert browser(day.app, day.clock, "du", Role.INSPECTOR).post(f"{page}/inform").status_code == 403


@pytest.mark.once
def test_the_command_moves_a_sitting_as_the_page_does(day: Day, published: dict[str, str]) -> None:
    with planning(day) as plan:
        plan.sitting.name = "11月24日上午场"

    def typed(*more: str) -> Result:
        register_factory(lambda: day.app)
        return CliRunner().invoke(
            sitting_commands, ["move", day.sitting_ref, "--reason", "台风", *more, "--json"]
        )

    looked = typed("--start", "2026-11-25T10:00", "--room", "一号机房=大机房", "--dry-run")
    told = json.loads(looked.output)
    assert (looked.exit_code, told["moved"], told["people"], told["new_seats"]) == (0, False, 5, 1)
    with day.read() as session:
        assert day.work(session)[0].planned_start_at == PLANNED
    assert typed("--room", "没有=大机房").exit_code != 0
    assert typed("--start", "2026-11-25T10:00", "--room", "一号机房=大机房").exit_code == 0
    with day.read() as session:
        sitting, _room = day.work(session)
        assert (sitting.name, sitting.planned_start_at) == ("11月25日上午场", NEXT_DAY)
        assert [view.room.name for view in rooms_of_sitting(session, sitting.id)] == ["大机房"]
        assert session.scalars(select(SittingChange.by)).all() == ["cli"]


def told(day: Day, wanted: MoveWish) -> tuple[str, dict[str, object]]:
    """Return what a move is refused with, and what that says."""
    with pytest.raises(CbtError) as error:
        move(day, wanted)
    return error.value.code, error.value.params


@pytest.mark.once
def test_a_refused_move_names_the_room_and_how_many_do_not_fit(day: Day, published: dict[str, str]) -> None:
    """A sitting of two rooms: two into one, into two centres, into each other's, into one of somebody else."""
    with planning(day) as plan:
        second = plan.room("二号机房", 4)
        taken = SittingRoom(
            ref="sr-second", sitting_id=plan.sitting.id, room_id=second.id, state="published", armed=False
        )
        plan.session.add(taken)
        plan.session.flush()
        small = plan.session.scalars(select(Room).where(Room.ref == published["small"])).one()
        elsewhere = create_centre(plan.session, name="西区", address="", now=plan.now, actor=OFFICER)
        far = [
            create_room(plan.session, elsewhere, name=name, seats=9, now=plan.now, actor=OFFICER)
            for name in ("西一", "西二")
        ]
        rooms, second_ref = [room.ref for room in far], second.ref
        assert small.name == "三座"
    own, large = day.sitting_room_ref, published["large"]

    def into(*places: tuple[str, str]) -> MoveWish:
        return MoveWish("上午", PLANNED, dict(places), "台风")

    at_rooms = {"field": "rooms"}
    for wanted, said in (
        (into((own, large), ("sr-second", large)), ("moving.room_twice", at_rooms)),
        (into((own, rooms[0])), ("moving.two_centres", at_rooms)),
        (into((own, second_ref)), ("sitting.has_room", at_rooms | {"room": "二号机房"})),
        (into(("sr-none", large)), ("moving.room_gone", at_rooms)),
        (
            into((own, published["small"])),
            ("moving.seats", at_rooms | {"room": "三座", "people": 5, "seats": 3}),
        ),
        (into((own, "")), ("moving.nothing", {"field": "start"})),
        (MoveWish(" ", NEXT_DAY, {}, "台风"), ("sitting.name", {"field": "name"})),
    ):
        code, params = told(day, wanted)
        assert (code, said[1].items() <= params.items()) == (said[0], True), (code, params)
    done = move(day, into((own, rooms[0]), ("sr-second", rooms[1])))
    assert (done.rooms, done.kept_seats) == ((("一号机房", "西一"), ("二号机房", "西二")), 5)
    with day.read() as session:
        sitting, _room = day.work(session)
        assert session.get_one(Centre, sitting.centre_id).name == "西区"
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "sitting.move")).one()
        before, after = json.loads(entry.before), json.loads(entry.after)
        assert (entry.actor, entry.subject, entry.at) == (OFFICER, sitting.logged_as, day.clock.now())
        assert before == {
            "name": "上午", "planned_start_at": PLANNED.isoformat(), "rooms": "一号机房, 二号机房",
        }  # fmt: skip
        assert after == {
            "name": "上午", "planned_start_at": PLANNED.isoformat(), "rooms": "西一, 西二",
            "people": 5, "new_seats": {},
        }  # fmt: skip
        (kept,) = changes_of(session, [sitting.id])[sitting.id]
        assert (kept.former_start_at, kept.former_name) == (None, "")
        page = sitting_change.move_page(session, day.sitting_ref, now=day.clock.now())
        assert [(view.room.name, page.people.get(view.sitting_room.id)) for view in page.rooms] == [
            ("西一", 5),
            ("西二", None),
        ]
        assert {centre.name: [room.name for room in of_it] for centre, of_it in page.choices} == {
            "东区考点": ["一号机房", "三座", "二号机房", "大机房"],
            "西区": ["西一", "西二"],
        }
        west = {room.name: page.seats[room.id] for _centre, of_it in page.choices for room in of_it}["西一"]
        assert (page.too_late, page.batch.ref, west.seats) == ("", day.batch_ref, 9)


@pytest.mark.once
def test_a_move_names_whom_it_seats_elsewhere_and_a_batch_keeps_the_day_of_another_sitting(
    day: Day, published: dict[str, str]
) -> None:
    """A sitting of the batch that is cancelled, or of the day before, keeps no batch where it was."""
    with planning(day) as plan:
        batch = plan.session.get_one(Batch, plan.sitting.batch_id)
        batch.starts_on = batch.ends_on = date(2026, 11, 24)
        other = plan.at(timedelta(hours=5), "下午", plan.room("另一间", 3))
        other_ref = other.ref
        unit = plan.enter("没有单位", plan.sitting, "skills")
        candidate = plan.session.get_one(Candidate, unit.candidate_id)
        candidate.employer, candidate.phone_sealed = "", None
        wide = plan.room("宽", 9)
        wide_ref = wide.ref

    def seen(**changes: object) -> MovedPlan:
        with day.app.app_context():
            return sitting_change.preview(
                sitting_ref=day.sitting_ref, wish=wish(day, start_at=NEXT_DAY, **changes), now=day.clock.now()
            )

    plan_now = seen(room=wide_ref)
    assert plan_now.batch is None, "the afternoon is of that day"
    assert (plan_now.told.units, plan_now.told.phones) == ((("甲公司", 5), ("", 1)), 5)
    assert plan_now.told.counts == {"people": 6, "phones": 5, "staff": 1}
    with planning(day) as plan:
        for state, planned, follows in (
            ("cancelled", PLANNED, True),
            ("draft", PLANNED - timedelta(days=1), True),
            ("draft", PLANNED + timedelta(days=1), True),
            ("draft", PLANNED + timedelta(hours=14, minutes=59), False),
            ("draft", PLANNED + timedelta(hours=15), True),
            ("draft", PLANNED - timedelta(hours=9), False),
            ("draft", PLANNED - timedelta(hours=9, seconds=1), True),
        ):
            row = plan.session.scalars(select(Sitting).where(Sitting.ref == other_ref)).one()
            row.state, row.planned_start_at = state, planned
            plan.session.flush()
            own = plan.sitting
            former, own.planned_start_at = own.planned_start_at, NEXT_DAY
            found = sitting_change._following_batch(plan.session, own, former)
            own.planned_start_at = former
            assert (found is not None) is follows, (state, planned)
        strange = Batch(ref="ba-other", name="另一批次", created_at=plan.now, occupation="")
        plan.session.add(strange)
        plan.session.flush()
        row.planned_start_at, row.batch_id = PLANNED, strange.id
        plan.session.flush()
        own.planned_start_at = NEXT_DAY
        assert sitting_change._following_batch(plan.session, own, former) is not None, "of another batch"
        plan.session.rollback()


@pytest.mark.once
def test_a_cancelled_sitting_has_the_tickets_of_other_papers_printed_again(
    day: Day, published: dict[str, str]
) -> None:
    """Of who has a paper elsewhere: not in a sitting that is cancelled, nor where this was the only one."""
    with planning(day) as plan:
        later = plan.at(timedelta(hours=5), "下午")
        gone = plan.at(timedelta(days=1), "次日")
        for who, sitting in (("考生0", later), ("考生1", gone), ("别人", later)):
            plan.enter(who, sitting, "skills")
        for ticket in plan.session.scalars(select(AdmissionTicket)):
            ticket.printed_at = plan.now
        (room,) = plan.session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == gone.id))
        gone.state = room.state = "cancelled"
    now, ref = day.clock.now(), day.sitting_ref
    with day.app.app_context():
        with pytest.raises(CbtError, match=r"^sitting\.reason"):
            sitting_change.cancel(sitting_ref=ref, reason=" ", now=now, actor=OFFICER)
        notified = sitting_change.cancel(sitting_ref=ref, reason=" 停  电 ", now=now, actor=OFFICER)
    assert (notified.people, notified.printed, len(notified.staff)) == (5, 5, 1)
    with day.read() as session:
        marked = select(Candidate.name, AdmissionTicket.reprint_reasons).join(
            AdmissionTicket, AdmissionTicket.candidate_id == Candidate.id
        )
        rows = session.execute(marked.where(AdmissionTicket.reprint_since.is_not(None))).all()
        assert [tuple(row) for row in rows] == [("考生0", "papers")]
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "sitting.cancel")).one()
        assert (entry.reason, entry.actor) == ("停 电", OFFICER)
    with day.app.app_context():
        for act, code in (
            (sitting_change.cancel, "sitting.transition"),
            (sitting_change.withdraw, "moving.over"),
        ):
            with pytest.raises(CbtError) as error:
                act(sitting_ref=ref, reason="再来", now=now, actor=OFFICER)
            assert error.value.code == code


@pytest.mark.once
def test_check_in_s_first_instant_ends_what_the_office_may_do_with_a_sitting(
    day: Day, published: dict[str, str]
) -> None:
    opens = PLANNED - minutes(40)
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    day.clock.set(opens - timedelta(seconds=1))
    assert 'name="start"' in client.get(f"{page}/move").text
    with day.app.app_context():
        seen = sitting_change.preview(
            sitting_ref=day.sitting_ref, wish=wish(day, start_at=NEXT_DAY), now=day.clock.now()
        )
        assert seen.moved_in_time
        day.clock.set(opens)
        for act in (
            lambda now: sitting_change.preview(
                sitting_ref=day.sitting_ref, wish=wish(day, start_at=NEXT_DAY), now=now
            ),
            lambda now: sitting_change.withdraw(
                sitting_ref=day.sitting_ref, reason="x", now=now, actor=OFFICER
            ),
        ):
            with pytest.raises(CbtError) as error:
                act(opens)
            assert (error.value.code, error.value.params) == ("moving.admitting", {"at": opens})
    late = client.get(f"{page}/move").text
    assert 'name="start"' not in late
    assert "2026-11-24 08:20" in late
    client.post(f"{page}/withdraw", data={"reason": "x"})
    with day.read() as session:
        assert day.work(session)[0].state == "published"


@pytest.mark.once
def test_who_has_to_hear_is_counted_by_unit_those_of_none_last(day: Day, published: dict[str, str]) -> None:
    with day.write() as session:
        people = session.scalars(select(Candidate).order_by(Candidate.id)).all()
        for person, employer in zip(people, ("", "", "", "乙", "甲"), strict=True):
            person.employer = employer
        people[0].phone_sealed = None
        tickets = session.scalars(select(AdmissionTicket).order_by(AdmissionTicket.id)).all()
        tickets[1].printed_at = day.clock.now()
        session.flush()
        told = sitting_change.told_of(session, day.work(session)[0])
        assert told.units == (("乙", 1), ("甲", 1), ("", 3))
        assert told.counts == {"people": 5, "phones": 4, "staff": 1}
        assert told.printed == len([one for one in tickets if one.printed_at is not None]) == 2
        people[0].employer = "甲"
        session.flush()
        assert sitting_change.told_of(session, day.work(session)[0]).units == (("甲", 2), ("乙", 1), ("", 2))
        assert set(told.tickets) == {one.id for one in tickets}
