"""The board: who sees it, what it costs, when it changes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.accounts.models import StaffRole
from cbt.candidates.models import Registration
from cbt.demo.world import Entrant, Variant, seat_everybody
from cbt.http.auth.login import Principal
from cbt.proctoring.acts.room_end import ending
from cbt.proctoring.board.display import counts, todos
from cbt.proctoring.board.live import load_board
from cbt.runner.close.closure import expire_overdue
from cbt.sittings.models import Room, Seat, SittingRoom
from cbt.sittings.store import room_view_for
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries
from tests.proctoring.desk import Desk, attempt, change, refused, registration, running
from tests.world import PLANNED, World

pytestmark = pytest.mark.once


def board_of(world: World):  # type: ignore[no-untyped-def]  # what it returns is private to the room
    chief = world.people["chief_proctor"]
    principal = Principal("staff", chief.id, chief.ref, "主考", frozenset({"chief_proctor"}))
    with world.app.app_context(), reading() as session:
        return load_board(session, room_view_for(session, world.room_ref, principal), now=world.clock.now())


def more_sitters(world: World, count: int) -> None:
    """Fill the room with further candidates of the first one's paper."""
    theory = Variant("customer-service-l3", "theory")
    paper = replace(world.papers[theory], forms=(attempt(world, "theory").form_id,))
    with world.app.app_context(), unit_of_work() as session:
        session.add_all(
            Seat(room_id=world.room_id, number=number, spare=False, undelivered=0)
            for number in range(20, 20 + count)
        )
        room = session.get_one(SittingRoom, world.sitting_room_id)
        more = [Entrant(0, theory)] * count
        seat_everybody(session, more, {theory: paper}, [room], now=world.clock.now())


def test_a_poll_asks_the_same_few_queries_however_many_sit_there(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    desk.client.get(f"{desk.url}/live")
    with count_queries(world.app) as few:
        assert desk.client.get(f"{desk.url}/live").status_code == 200
    more_sitters(world, 40)
    with count_queries(world.app) as many:
        assert desk.client.get(f"{desk.url}/live").text.count('class="pick"') == 46
    assert len(few) == len(many) <= 18


def test_the_map_stands_as_the_room_does_and_no_filter_moves_a_seat(world: World) -> None:
    desk = Desk(world)
    with world.app.app_context(), unit_of_work() as session:
        room = session.get_one(Room, world.room_id)
        numbers = list(
            session.scalars(select(Seat.number).where(Seat.room_id == room.id).order_by(Seat.number))
        )
        back = numbers[2:][::-1]
        room.plan = f"{numbers[0]} - {numbers[1]} -\n{' '.join(map(str, back))}"
        room.door = "back_left"
    page = desk.page()
    tiles = re.findall(r'<li class="(?:seat|gap)[^"]*" id="[^"]*"|<span class="no">(\d+)</span>', page)
    assert [int(number) for number in tiles if number] == [*numbers[:2], *back]
    assert page.count('<li class="gap') == 2 * len(back) - len(numbers)
    assert re.search(r'id="plan-back">\s*<span class="plan-door">', page)
    assert "planned" in page
    filtered = desk.page(show="absent" if "absent" in page else "arrived", view="map")
    assert "nobody" in filtered
    change(world, "theory", arrived_at=world.clock.now())
    filtered = desk.page(show="arrived")
    places = re.findall(r'<li class="seat[^>]*>', page)
    assert [re.search(r'id="([^"]+)"', one)[1] for one in places] == [
        re.search(r'id="([^"]+)"', one)[1] for one in re.findall(r'<li class="seat[^>]*>', filtered)
    ], "every seat stands where it stood"
    assert filtered.count("left-out") == len(numbers) - 1


def test_an_unchanged_board_answers_304_and_a_changed_one_does_not(world: World) -> None:
    pages = running(world, "theory")
    desk = Desk(world)
    etag = desk.client.get(f"{desk.url}/live").headers["ETag"]
    again = desk.client.get(f"{desk.url}/live", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    world.clock.advance(timedelta(seconds=2))
    assert desk.client.get(f"{desk.url}/live", headers={"If-None-Match": etag}).status_code == 304
    assert pages["theory"].answer(1, "A").status_code == 200
    changed = desk.client.get(f"{desk.url}/live", headers={"If-None-Match": etag})
    assert (changed.status_code, "1/100" in changed.text) == (200, True)


def test_silence_alone_changes_the_board(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    etag = desk.client.get(f"{desk.url}/live").headers["ETag"]
    world.clock.advance(timedelta(seconds=30))
    changed = desk.client.get(f"{desk.url}/live", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    found = todos(board_of(world))
    assert [(todo.kind, [seat.name for seat in todo.seats]) for todo in found] == [
        ("offline", ["王小明"]),
        *(("waits", [name]) for name in ("李娜", "赵敏", "孙浩", "陈静", "周杰")),
    ]
    assert [(way.act, way.label, way.main) for way in found[0].ways][:2] == [
        ("detail", "look", True),
        ("move", "move", False),
    ], "first somebody goes there"
    assert "去机位看" in desk.page()


def test_who_still_waits_is_told_of_only_while_the_clock_runs(world: World) -> None:
    running(world, "theory", "skills", "extra", "factor", "late")
    world.clock.advance(timedelta(seconds=29))
    assert "waits" not in {todo.kind for todo in todos(board_of(world))}
    world.clock.advance(timedelta(seconds=1))
    (waits,) = [todo for todo in todos(board_of(world)) if todo.kind == "waits"]
    assert [seat.name for seat in waits.seats] == ["周杰"]
    desk = Desk(world)
    assert desk.act("hold", since="now", reason_code="power").status_code == 303
    assert "waits" not in {todo.kind for todo in todos(board_of(world))}


def test_a_seat_names_the_acts_that_apply_to_it(world: World) -> None:
    """The page hides the others by what the server says here, and `Act.refuses` holds at the post."""
    running(world, "theory")
    desk = Desk(world)
    assert desk.act("suspend", "theory", reason="核对身份").status_code == 303
    offered = {
        name: set(
            re.search(
                rf'value="{world.sitters[name].registration_ref}"[^>]*data-acts="([^"]*)"', desk.page()
            )[1].split()
        )
        for name in ("theory", "skills")
    }
    assert "resume" in offered["theory"]
    assert "suspend" not in offered["theory"]
    assert "reopen" not in offered["theory"]
    assert offered["skills"].isdisjoint({"suspend", "resume", "adjust", "leave"})
    assert "violation" in offered["skills"]


def test_what_was_done_to_many_is_one_line_with_the_list_behind_it(world: World) -> None:
    running(world, "theory", "skills", "extra")
    desk = Desk(world)
    assert desk.act("suspend", "theory", "skills", reason="核对身份").status_code == 303
    assert (
        desk.act(
            "adjust", "extra", kind="general", minutes="5", reason_code="other", reason="核对"
        ).status_code
        == 303
    )
    (line,) = [line for line in board_of(world).log if line.kind == "suspend"]
    assert [(one.seat, one.name) for one in line.people] == [("01", "王小明"), ("02", "李娜")]
    page = desk.page()
    assert "2 人 暂停（核对身份）" in page
    assert re.search(r'<details id="log-suspend-\d+">', page)
    person = desk.client.get(f"{desk.url}/seats/{world.sitters['skills'].registration_ref}").text
    assert "02 李娜 暂停（核对身份）" in person


def test_present_means_one_thing_at_the_board_and_at_the_end(world: World) -> None:
    """应考 = 实考 + 缺考, whether somebody was entered at the door or only let sign in. R-61."""
    running(world, "theory", "skills")
    change(world, "extra", arrived_at=None)  # let in without the door
    change(world, "late", arrived_at=None, signed_in_at=None, pledged_at=None, absent_at=world.clock.now())
    world.clock.advance(timedelta(hours=2))
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
    board = board_of(world)
    line = {count.key: count.number for count in counts(board, shown="expected")}
    found = ending(board, now=world.clock.now())
    assert (line["present"], line["absent"]) == (5, 1)
    assert line["expected"] == line["present"] + line["absent"] == found.counts.expected
    assert found.balance.present + found.counts.not_begun == line["present"]


def test_views_and_filters_have_their_own_tags(world: World) -> None:
    desk = Desk(world)
    tags = {
        desk.client.get(f"{desk.url}/live", query_string=query).headers["ETag"]
        for query in ({}, {"view": "list"}, {"show": "absent"}, {"view": "nonsense", "show": "nonsense"})
    }
    assert len(tags) == 3


def test_a_filter_leaves_only_its_seats(world: World) -> None:
    world.clock.set(PLANNED - timedelta(minutes=35))
    desk = Desk(world)
    assert desk.act("arrive", "theory", "extra").status_code == 303
    shown = desk.page(show="present")
    assert "王小明" in shown
    assert "赵敏" in shown
    assert "李娜" not in shown.split('id="live-side"')[0]


def test_the_count_line_counts_each_once(world: World) -> None:
    running(world, "theory", "skills")
    line = {count.key: count.number for count in counts(board_of(world), shown="expected")}
    assert line["expected"] == line["present"] == line["signed_in"] == 6
    assert (line["answering"], line["closed"], line["absent"]) == (2, 0, 0)


def test_each_paper_shows_one_end_and_only_differing_seats_their_own(world: World) -> None:
    running(world, "theory", "skills", "extra", "factor")
    board = board_of(world)
    ends = {paper.label: paper.closes_at for paper in board.papers}
    assert set(ends.values()) == {PLANNED + timedelta(minutes=45), PLANNED + timedelta(minutes=60)}
    differs = {seat.name: seat.differs for seat in board.seats if seat.differs}
    assert differs == {"赵敏": timedelta(minutes=15), "孙浩": timedelta(minutes=22, seconds=30)}


def test_seats_of_nobody_are_shown_as_free(world: World) -> None:
    assert [(seat.label, seat.spare) for seat in board_of(world).free] == [("07", True), ("08", True)]


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("proctor", 200),
        ("chief_proctor", 200),
        ("officer", 200),
        ("inspector", 200),
        ("admin", 200),
        ("proctor_elsewhere", 404),
        ("author", 403),
        ("marker", 403),
    ],
)
@pytest.mark.parametrize("path", ["", "/live", "/seats/{ref}", "/seats/{ref}/photo"])
def test_who_may_read_a_room(world: World, role: str, status: int, path: str) -> None:
    path = path.format(ref=world.sitters["theory"].registration_ref)
    got = world.staff(role).get(f"/proctor/rooms/{world.room_ref}{path}", headers={"HX-Request": "true"})
    expected = 302 if status == 200 and path.endswith("photo") else status
    assert got.status_code == expected


@pytest.mark.parametrize(
    ("role", "status"),
    [("officer", 403), ("inspector", 403), ("admin", 403), ("proctor_elsewhere", 404)],
)
def test_who_only_reads_changes_nothing(world: World, role: str, status: int) -> None:
    world.clock.set(PLANNED - timedelta(minutes=35))
    desk = Desk(world, role)
    assert desk.act("arrive", "theory").status_code == status
    assert desk.ask("arrive", "theory").status_code == status
    assert registration(world, "theory").arrived_at is None


def test_an_officer_who_also_proctors_acts_only_where_assigned(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.add(StaffRole(staff_id=world.people["officer"].id, role="proctor"))
    world.clock.set(PLANNED - timedelta(minutes=35))
    desk = Desk(world, "officer")
    assert "机房 A" in desk.page()
    assert refused(desk.act("arrive", "theory")) == "proctoring.not_assigned"
    assert registration(world, "theory").arrived_at is None


def test_a_reader_gets_no_buttons(world: World) -> None:
    running(world, "theory")
    page = Desk(world, "inspector").page()
    assert "acts/" not in page
    assert 'id="picked"' not in page


def test_a_candidate_of_another_room_cannot_be_named(world: World) -> None:
    world.clock.set(PLANNED - timedelta(minutes=35))
    desk = Desk(world)
    assert desk.act("arrive", "theory", "elsewhere").status_code == 404
    ref = world.sitters["elsewhere"].registration_ref
    assert desk.client.get(f"{desk.url}/seats/{ref}").status_code == 404
    assert desk.client.get(f"{desk.url}/seats/{ref}/photo").status_code == 404
    assert registration(world, "theory").arrived_at is None


def test_my_rooms_lists_only_mine(world: World) -> None:
    assert "机房 A" in world.staff("proctor").get("/proctor").text
    other = world.staff("proctor_elsewhere").get("/proctor").text
    assert "机房 B" in other
    assert "机房 A" not in other


def test_no_number_in_full_stands_on_any_page_of_the_room(world: World) -> None:
    running(world, "theory")
    desk = Desk(world)
    sitter = world.sitters["theory"]
    person = desk.client.get(f"{desk.url}/seats/{sitter.registration_ref}")
    texts = [desk.page(), desk.page(view="list"), person.text]
    assert all(sitter.document not in text and sitter.document[-6:] not in text for text in texts)
    assert sitter.ticket in texts[2]


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_no_raw_message_id_is_shown(world: World, locale: str) -> None:
    running(world, "theory", "skills")
    desk = Desk(world)
    desk.client.set_cookie("locale", locale)
    texts = [desk.page(), desk.page(view="list"), desk.client.get("/proctor").text]
    texts += [desk.ask(code, "theory").text for code in ("check_in", "adjust", "force", "violation", "move")]
    texts += [desk.ask(code).text for code in ("hold", "end", "evacuate", "abort", "adjust_room", "start")]
    assert not [text for text in texts if ">proctoring." in text or " proctoring." in text]


def test_a_room_without_candidates_says_what_to_do(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        from cbt.runner.models import Attempt

        for table in (Attempt, Registration):
            for row in session.scalars(select(table).where(table.sitting_room_id == world.sitting_room_id)):
                session.delete(row)
            session.flush()
    assert "请考务导入名册" in Desk(world).page()
