"""A day that cannot be held is not published, by no way in, and what is published stays holdable."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from cbt.accounts.models import Staff, StaffRole
from cbt.audit.models import AuditEntry
from cbt.batches import publication as publishing
from cbt.candidates.models import Registration
from cbt.errors import Conflict
from cbt.http.app_context import register_factory
from cbt.items.models import ItemBank
from cbt.proctoring.acts.room_start import start_armed_rooms
from cbt.rules.roles import Role
from cbt.runner.models import Attempt
from cbt.runner.paper.draw import draw_for_sitting
from cbt.sittings.models import RoomStaff, Sitting, SittingRoom
from cbt.sittings.service import release_staff
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.proctoring.desk import Desk, log_kinds, refused
from tests.world import PLANNED, World

LACKS = ("rooms", "candidates", "proctors", "chief", "forms")
WORDS = {
    "rooms": "还没有考场",
    "candidates": "还没有考生",
    "proctors": "没有监考员：机房 A、机房 B",
    "chief": "没有主考",
    "forms": "7 人未组卷",
}
POSSIBLE = [
    # Without rooms there is nobody; without anybody there are no forms to miss and no room to watch; where nobody
    # watches, nobody is in charge.
    ("rooms", "candidates"),
    ("candidates",),
    ("chief",),
    ("forms",),
    ("chief", "forms"),
    ("proctors", "chief"),
    ("proctors", "chief", "forms"),
]


def lack(world: World, things: Iterable[str]) -> None:
    """Make a draft of the world's sitting and take these things from it."""
    wanted = set(things)
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(SittingRoom).values(state="draft"))
        session.execute(update(Sitting).values(state="draft"))
        if wanted & {"forms", "candidates"}:
            session.execute(delete(Attempt))
        if "candidates" in wanted:
            session.execute(delete(Registration))
        if wanted & {"proctors", "rooms"}:
            session.execute(delete(RoomStaff))
        if "chief" in wanted:
            session.execute(delete(RoomStaff).where(RoomStaff.duty == "chief_proctor"))
        if "rooms" in wanted:
            session.execute(delete(SittingRoom))


def state(world: World) -> str:
    """Return the state of the world's sitting."""
    with world.app.app_context(), reading() as session:
        return session.scalars(select(Sitting.state).where(Sitting.ref == world.sitting_ref)).one()


MENDED_AT = {
    "rooms": "#rooms",
    "candidates": "/roster",
    "proctors": "#rooms",
    "chief": "#rooms",
    "forms": "#forms",
}


def url(world: World, end: str = "") -> str:
    return f"/office/sittings/{world.sitting_ref}{end}"


def by_command(world: World) -> Result:
    from cbt.cli import build

    register_factory(lambda: world.app)
    return CliRunner().invoke(build(), ["sitting", "publish", world.sitting_ref])


@pytest.mark.once
@pytest.mark.parametrize("things", POSSIBLE, ids=" and ".join)
def test_the_page_refuses_and_names_everything_missing_with_its_page(
    world: World, things: tuple[str, ...]
) -> None:
    lack(world, things)
    officer = world.staff("officer")
    answer = officer.post(url(world, "/publish"))
    assert answer.status_code == 409
    assert state(world) == "draft"
    for thing in LACKS:
        assert (WORDS[thing] in answer.text) is (thing in things), thing
        if thing in things:
            link = url(world, MENDED_AT[thing])
            assert f'href="{link}"' in answer.text
            page, _, anchor = link.partition("#")
            shown = officer.get(page, follow_redirects=True)
            assert shown.status_code == 200
            assert not anchor or f'id="{anchor}"' in shown.text


@pytest.mark.once
@pytest.mark.parametrize("things", POSSIBLE, ids=" and ".join)
def test_the_command_refuses_and_names_everything_missing_with_its_page(
    world: World, things: tuple[str, ...]
) -> None:
    lack(world, things)
    answer = by_command(world)
    assert answer.exit_code == 2
    assert state(world) == "draft"
    for thing in LACKS:
        assert (WORDS[thing] in answer.output) is (thing in things), thing
        assert (url(world, MENDED_AT[thing]) in answer.output) is any(
            MENDED_AT[one] == MENDED_AT[thing] for one in things
        )


@pytest.mark.parametrize("way", ["page", "command"])
def test_a_complete_sitting_is_published(world: World, way: str) -> None:
    lack(world, ())
    if way == "page":
        assert world.staff("officer").post(url(world, "/publish")).status_code == 303
    else:
        assert by_command(world).exit_code == 0
    assert state(world) == "published"


def test_a_refusal_leaves_no_entry_of_a_publication(world: World) -> None:
    with world.app.app_context(), reading() as session:
        before = len(session.scalars(select(AuditEntry).where(AuditEntry.act == "sitting.publish")).all())
    lack(world, ("forms",))
    world.staff("officer").post(url(world, "/publish"))
    with world.app.app_context(), reading() as session:
        assert (
            len(session.scalars(select(AuditEntry).where(AuditEntry.act == "sitting.publish")).all())
            == before
        )


@pytest.mark.once
@pytest.mark.parametrize("role", [role.value for role in Role if role is not Role.OFFICER])
def test_nobody_but_an_officer_publishes(world: World, role: str) -> None:
    lack(world, ())
    assert world.staff(role).post(url(world, "/publish")).status_code == 403
    assert state(world) == "draft"


def test_a_disabled_account_watches_no_room(world: World) -> None:
    lack(world, ())
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(Staff, world.people["proctor_elsewhere"].id).disabled_at = world.clock.now()
    answer = world.staff("officer").post(url(world, "/publish"))
    assert answer.status_code == 409
    assert "没有监考员：机房 B" in answer.text


def test_an_empty_room_needs_nobody_to_watch_it(world: World) -> None:
    lack(world, ())
    with world.app.app_context(), unit_of_work() as session:
        registration = session.get_one(Registration, world.sitters["elsewhere"].registration_id)
        session.execute(delete(Attempt).where(Attempt.registration_id == registration.id))
        session.delete(registration)
        session.execute(delete(RoomStaff).where(RoomStaff.staff_id == world.people["proctor_elsewhere"].id))
    assert world.staff("officer").post(url(world, "/publish")).status_code == 303


# ---- afterwards


def remove(world: World, client: FlaskClient, room_ref: str, person: str) -> str:
    """Take somebody off a room; return what the page then says."""
    client.post(url(world, f"/rooms/{room_ref}/staff/{world.people[person].ref}/remove"))
    return client.get(url(world)).text


@pytest.mark.parametrize("room_state", ["published", "admitting", "running", "held"])
def test_the_last_one_who_watches_a_published_room_stays(world: World, room_state: str) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(SittingRoom).values(state=room_state))
    officer = world.staff("officer")
    assert "只剩这一位监考人员" in remove(world, officer, world.other_room_ref, "proctor_elsewhere")
    with world.app.app_context(), reading() as session:
        kept = select(RoomStaff).where(RoomStaff.staff_id == world.people["proctor_elsewhere"].id)
        assert session.scalars(kept).one().duty == "proctor"


def test_the_only_chief_of_a_published_sitting_stays_and_stays_chief(world: World) -> None:
    officer, chief = world.staff("officer"), world.people["chief_proctor"]
    assert "只有这一位主考" in remove(world, officer, world.room_ref, "chief_proctor")
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(StaffRole).where(StaffRole.staff_id == chief.id).values(role="proctor"))
        session.execute(delete(RoomStaff).where(RoomStaff.staff_id == world.people["proctor"].id))
        session.execute(delete(RoomStaff).where(RoomStaff.staff_id == world.people["proctor_elsewhere"].id))
    officer.post(url(world, f"/rooms/{world.room_ref}/staff"), data={"staff": f"proctor:{chief.ref}"})
    assert "只有这一位主考" in officer.get(url(world)).text
    with world.app.app_context(), unit_of_work() as session:
        assert session.scalars(select(RoomStaff.duty)).all() == ["chief_proctor"]
        other = session.scalars(select(SittingRoom).where(SittingRoom.ref == world.other_room_ref)).one()
        session.add(
            RoomStaff(sitting_room_id=other.id, staff_id=world.people["officer"].id, duty="chief_proctor")
        )
    officer.post(url(world, f"/rooms/{world.room_ref}/staff"), data={"staff": f"proctor:{chief.ref}"})
    with world.app.app_context(), reading() as session:
        assert sorted(session.scalars(select(RoomStaff.duty))) == ["chief_proctor", "proctor"]


@pytest.mark.parametrize("room_state", ["draft", "ended", "scored", "cancelled"])
def test_before_publishing_and_after_the_end_anybody_may_go(world: World, room_state: str) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(SittingRoom).values(state=room_state))
    remove(world, world.staff("officer"), world.other_room_ref, "proctor_elsewhere")
    with world.app.app_context(), reading() as session:
        gone = select(RoomStaff).where(RoomStaff.staff_id == world.people["proctor_elsewhere"].id)
        assert session.scalars(gone).all() == []


def test_somebody_goes_when_another_is_there(world: World) -> None:
    remove(world, world.staff("officer"), world.room_ref, "proctor")
    with world.app.app_context(), reading() as session:
        left = select(RoomStaff.staff_id).join(SittingRoom).where(SittingRoom.ref == world.room_ref)
        assert session.scalars(left).all() == [world.people["chief_proctor"].id]


def test_one_whose_only_colleague_is_disabled_is_the_last(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(Staff, world.people["chief_proctor"].id).disabled_at = world.clock.now()
    assert "只剩这一位监考人员" in remove(world, world.staff("officer"), world.room_ref, "proctor")


@pytest.mark.parametrize("thing", ["proctors", "forms"])
def test_the_page_of_a_published_sitting_says_what_has_gone_missing(world: World, thing: str) -> None:
    lack(world, (thing,))
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(SittingRoom).values(state="published"))
        session.execute(update(Sitting).values(state="published"))
    shown = world.staff("officer").get(url(world, "/readiness")).text
    assert "本场还缺" in shown
    assert WORDS[thing] in shown


def arm(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(SittingRoom, world.sitting_room_id).armed = True


def test_an_armed_room_waits_for_a_missing_form_with_one_alert(world: World) -> None:
    world.admit_all()
    arm(world)
    with world.app.app_context(), unit_of_work() as session:
        session.delete(session.get_one(Attempt, world.sitters["late"].attempt_id))
    world.clock.set(PLANNED)
    with world.app.app_context():
        assert [start_armed_rooms(now=PLANNED), start_armed_rooms(now=PLANNED)] == [0, 0]
    assert log_kinds(world) == ["start_forms"]
    assert "1 人未组卷，不能开考" in Desk(world).page()
    with world.app.app_context():
        draw_for_sitting(world.sitting_ref, now=PLANNED, actor="staff:test", seed=3)
        assert start_armed_rooms(now=PLANNED + timedelta(seconds=1)) == 1


@pytest.mark.parametrize("way", ["by hand", "armed"])
def test_a_room_with_nobody_in_it_does_not_start(world: World, way: str) -> None:
    world.admit_all()
    arm(world)
    with world.app.app_context(), unit_of_work() as session:
        session.execute(delete(Attempt))
        session.execute(delete(Registration))
    world.clock.set(PLANNED)
    if way == "by hand":
        assert refused(Desk(world).act("start")) == "proctoring.nobody"
    else:
        with world.app.app_context():
            assert start_armed_rooms(now=PLANNED) == 0


# ---- drawing


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        pytest.param(
            "bank", "考核方案所用的题库不在系统中：customer-service-l2、customer-service-l3", id="no bank"
        ),
        pytest.param("people", "还没有考生，无从组卷", id="nobody registered"),
        pytest.param("ended", "场次已结束或已取消，不再组卷", id="an ended sitting"),
        pytest.param("cancelled", "场次已结束或已取消，不再组卷", id="a cancelled sitting"),
        pytest.param("released", "场次已结束或已取消，不再组卷", id="a released sitting"),
    ],
)
def test_a_draw_that_cannot_succeed_says_what_to_do_first_on_its_page(
    world: World, spoiled: str, said: str
) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(delete(Attempt))
        if spoiled == "bank":
            session.execute(update(ItemBank).values(ref=ItemBank.ref + "-gone"))
        elif spoiled == "people":
            session.execute(delete(Registration))
        else:
            session.execute(update(Sitting).values(state=spoiled))
    officer = world.staff("officer")
    answer = officer.post(url(world, "/draw"))
    assert answer.status_code == 303
    assert said in officer.get(answer.headers["Location"]).text
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Attempt)).all() == []


def test_a_race_of_publishing_and_leaving_leaves_no_room_unwatched(world: World) -> None:
    """Whoever comes second sees what the first did: the person is gone, or the room is published."""
    lack(world, ())
    with world.app.app_context():
        with unit_of_work() as session:
            room = session.scalars(select(SittingRoom).where(SittingRoom.ref == world.other_room_ref)).one()
            release_staff(
                session, room, staff_id=world.people["proctor_elsewhere"].id, now=PLANNED, actor="staff:test"
            )
        with pytest.raises(Conflict) as refusal:
            publishing.publish(sitting_ref=world.sitting_ref, now=world.clock.now(), actor="staff:test")
    assert refusal.value.code == "sitting.incomplete"
