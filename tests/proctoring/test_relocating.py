"""整场换机房: who sits where then, what the clocks do, who goes on at which machine, and going back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from cbt.candidates.models import Registration
from cbt.sittings.models import Centre, Room, Seat, SittingRoom
from cbt.sittings.places import create_room
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.proctoring.desk import Desk, attempt, audited, done, refused, room, running
from tests.proctoring.test_board import board_of
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)


def add_room(world: World, name: str, seats: int, *, without: tuple[int, ...] = ()) -> str:
    with world.app.app_context(), unit_of_work() as session:
        centre = session.get_one(Centre, session.get_one(Room, world.room_id).centre_id)
        made = create_room(session, centre, name=name, seats=seats, now=world.clock.now(), actor="cli")
        session.flush()
        session.execute(delete(Seat).where(Seat.room_id == made.id, Seat.number.in_(without)))
        return made.ref


def numbers(world: World) -> dict[str, int]:
    """Where everybody of the first room has their seat, and that they are in one room."""
    with world.app.app_context(), reading() as session:
        rows = session.execute(
            select(Registration.ref, Seat.number, Seat.room_id)
            .join(Seat, Seat.id == Registration.seat_id)
            .where(Registration.sitting_room_id == world.sitting_room_id)
        ).all()
    assert {row.room_id for row in rows} == {room(world).room_id}
    names = {sitter.registration_ref: name for name, sitter in world.sitters.items()}
    return {names[row.ref]: row.number for row in rows}


def test_before_the_start_numbers_stay_where_they_can(world: World) -> None:
    world.admit_all()
    goal, before = add_room(world, "机房 C", 8, without=(2, 5)), numbers(world)
    add_room(world, "小机房", 4)
    desk = Desk(world)
    form = desk.ask("relocate", to_room=goal).text
    assert "机房 C · 6 个机位" in form
    assert "小机房 ·" not in form
    assert "机位号不变 4 人" in form
    assert 'name="clock"' not in form
    assert "还没有绑定机器" in form
    done(desk.act("relocate", to_room=goal, reason="机房停电"))
    after = numbers(world)
    moved = {name for name in before if before[name] != after[name]}
    assert moved == {"skills", "late"}
    assert "机房 C" in desk.page()
    assert "整场换机房：机房 A → 机房 C，6 人（机房停电）" in desk.page()
    assert audited(world)[-1] == "room.relocate"
    world.start()
    assert Page(world, "theory").start().status_code == 200


def test_in_the_middle_the_clock_stands_and_everybody_goes_on_at_another_machine(world: World) -> None:
    pages = running(world, "theory", "skills", "extra")
    assert pages["theory"].answer(1, "A").status_code == 200
    world.clock.set(PLANNED + 10 * MINUTE)
    assert pages["extra"].send().status_code == 200
    goal = add_room(world, "机房 C", 8)
    desk = Desk(world)
    done(desk.act("relocate", to_room=goal, clock="hold", reason="机房停电"))
    assert room(world).state == "held"
    assert [seat.state for seat in board_of(world).seats if seat.name in {"王小明", "李娜", "赵敏"}] == [
        "moving"
    ] * 3
    world.clock.advance(6 * MINUTE)
    done(desk.act("resume_room", reason="全部就座"))
    there = Page(world, "theory", machine="machine-of-c-1")
    assert there.start().status_code == 200
    assert there.answer(2, "B").status_code == 200
    assert pages["theory"].send().status_code in {403, 409, 410}, "the machine left behind writes no more"
    assert attempt(world, "theory").closes_at == PLANNED + 51 * MINUTE
    undo = {ref for ref, act, _count, _until in board_of(world).undo if act == "relocate"}
    assert undo == set(), "six minutes later nothing is taken back"


def test_it_is_taken_back_until_somebody_has_gone_on(world: World) -> None:
    pages = running(world, "theory", "skills")
    home, goal, before = room(world).room_id, add_room(world, "机房 C", 8, without=(1,)), numbers(world)
    desk = Desk(world)
    done(desk.act("relocate", to_room=goal, reason="机房停电"))
    (undo,) = [ref for ref, act, _count, _until in board_of(world).undo if act == "relocate"]
    world.clock.advance(MINUTE)
    done(desk.act("undo", undo=undo))
    assert (room(world).room_id, room(world).state, numbers(world)) == (home, "running", before)
    assert pages["theory"].send().status_code == 200
    assert attempt(world, "theory").closes_at == PLANNED + 46 * MINUTE
    done(desk.act("relocate", to_room=goal, clock="run", reason="机房停电"))
    assert room(world).state == "running"
    assert Page(world, "theory", machine="machine-of-c-1").start().status_code == 200
    undo = board_of(world).undo[0][0]
    assert refused(desk.act("undo", undo=undo)) == "proctoring.undo_moved_on"
    assert room(world).room_id != home


def test_rooms_that_others_need_or_that_are_too_small_are_refused(world: World) -> None:
    world.admit_all()
    small = add_room(world, "小机房", 5)
    desk = Desk(world)
    assert refused(desk.act("relocate", to_room=small, reason="停电")) == "proctoring.relocate_seats"
    with world.app.app_context(), reading() as session:
        mine = session.scalars(select(SittingRoom).where(SittingRoom.ref == world.other_room_ref)).one()
        beside = session.get_one(Room, mine.room_id).ref
    assert refused(desk.act("relocate", to_room=beside, reason="停电")) == "proctoring.relocate_room"
    assert refused(desk.act("relocate", to_room="rm-none", reason="停电")) == "proctoring.relocate_room"
    assert (
        refused(desk.act("relocate", to_room=small, clock="never", reason="停电"))
        == "proctoring.relocate_clock"
    )
