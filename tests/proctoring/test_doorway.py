"""The door's page: a line names somebody, one act lets them in, who waits comes next, who never came ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cbt.accounts.models import StaffRole
from cbt.storage.unit_of_work import unit_of_work
from tests.helpers import count_queries
from tests.proctoring.desk import change, log_kinds, registration
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
PART = {"HX-Request": "true"}


class Door:
    """A proctor at the door of the world's first room."""

    def __init__(self, world: World, role: str = "proctor") -> None:
        self.world = world
        self.client: FlaskClient = world.staff(role)
        self.url = f"/proctor/rooms/{world.room_ref}/door"

    def look(self, line: str) -> str:
        """Scan or type a line; return the part of the page that answers."""
        answer = self.client.post(self.url, data={"q": line}, headers=PART)
        assert answer.status_code == 200, answer.text
        return answer.text

    def check_in(self, name: str, last_four: str, document: str = "resident_id", **more: str) -> TestResponse:
        """Send the form of the person who stands there."""
        seat = self.world.sitters[name].registration_ref
        data = {"seat": seat, "document_type": document, "last_four": last_four, **more}
        return self.client.post(f"{self.url}/check-in", data=data, headers=PART)

    def arrive(self, line: str) -> str:
        """Scan somebody in the line before the door."""
        return self.client.post(f"{self.url}/arrive", data={"q": line}, headers=PART).text


@pytest.fixture
def door(world: World) -> Door:
    world.clock.set(PLANNED - 35 * MINUTE)
    return Door(world)


CARD = "31010119900101001X"
CUTOFF = PLANNED - 15 * MINUTE


def test_one_scan_shows_the_person_and_one_act_lets_them_in(world: World, door: Door) -> None:
    sitter = world.sitters["theory"]
    for line in (
        "261100010001",
        CARD.lower(),
        "0001",
        str(sitter.seat),
        "王 小明",
        "小明",
    ):
        shown = door.look(line)
        assert 'id="person-name">王小明<' in shown, line
        assert f'value="{sitter.registration_ref}"' in shown
        assert CARD not in shown
    answer = door.check_in("theory", "001X")
    assert answer.status_code == 200
    assert "王小明" in answer.text
    assert 'id="person-name"' not in answer.text
    entered = registration(world, "theory")
    assert entered.arrived_at == entered.checked_in_at == world.clock.now()
    assert log_kinds(world) == ["check_in"]
    assert "已签到" in door.look("王小明")


@pytest.mark.once
def test_a_scanned_card_fills_in_its_own_end(door: Door) -> None:
    assert 'value="001X"' in door.look(CARD)
    assert 'value="001X"' not in door.look("261100010001")
    page = door.client.get(door.url).text
    assert 'method="get"' not in page  # no address, and no log of a server, has the number of a card


@pytest.mark.once
def test_another_end_of_the_same_document_is_looked_at_twice(world: World, door: Door) -> None:
    assert 'name="sure"' in door.check_in("theory", "0099").text
    assert registration(world, "theory").checked_in_at is None
    assert 'name="sure"' not in door.check_in("theory", "0099", sure="1").text
    assert registration(world, "theory").checked_in_at is not None
    assert 'name="sure"' not in door.check_in("second", "0099", "passport").text
    assert registration(world, "second").document_shown == "passport"


@pytest.mark.once
def test_what_is_refused_is_said_beside_the_person_and_changes_nothing(world: World, door: Door) -> None:
    shown = door.check_in("theory", "1").text
    assert 'id="person-name">王小明<' in shown
    assert 'class="field-error"' in shown
    assert "notice stop" not in shown  # it stands at its field, and nowhere twice
    assert registration(world, "theory").arrived_at is None
    assert "notice stop" in door.check_in("theory", "0001", "a copy").text
    assert registration(world, "theory").checked_in_at is None
    plain = door.client.post(f"{door.url}/check-in", data={"seat": "re-nobody", "last_four": "0001"})
    assert plain.status_code >= 400


def test_the_line_before_the_door_is_in_time_and_comes_in_turn(world: World, door: Door) -> None:
    for line in ("261100010006", "261100010001"):
        door.arrive(line)
        world.clock.advance(MINUTE)
    assert log_kinds(world) == ["arrive", "arrive"]
    assert 'id="person-name">周杰<' in door.look("")
    world.clock.set(CUTOFF + MINUTE)
    door.check_in("second", "006X")
    assert registration(world, "second").checked_in_at == world.clock.now()
    assert 'id="person-name">王小明<' in door.look("")
    late = door.look("261100010005")
    assert "不得入场" in late
    assert "check-in" not in late
    assert registration(world, "late").arrived_at is None
    assert "不得" in door.arrive("261100010005") or "迟到" in door.arrive("261100010005")
    assert registration(world, "late").arrived_at is None


def test_who_belongs_to_another_room_is_shown_the_way_and_nothing_else(world: World, door: Door) -> None:
    shown = door.look("261100010007")
    assert "吴磊" not in shown
    assert "应到" in shown
    assert "应到" not in door.look("吴磊")
    assert "本考场没有" in door.look("<b>0000")
    assert "<b>0000" not in door.look("<b>0000")


def test_who_never_came_is_gone_through_with_a_cause_each(world: World, door: Door) -> None:
    door.check_in("theory", "001X")
    world.clock.set(CUTOFF)
    page = door.client.get(f"{door.url}/absent").text
    assert page.count('name="seat"') == 5
    refs = {name: world.sitters[name].registration_ref for name in ("skills", "extra", "factor", "theory")}
    causes = {"skills": "not_arrived", "extra": "late", "factor": "", "theory": "gave_up"}
    data = {"seat": list(refs.values()), **{f"cause-{refs[name]}": causes[name] for name in refs}}
    answer = door.client.post(f"{door.url}/absent", data=data)
    assert answer.status_code == 303
    assert registration(world, "skills").absent_cause == "not_arrived"
    assert registration(world, "extra").absent_cause == "late"
    assert registration(world, "factor").absent_at is None
    assert registration(world, "theory").absent_at is None, "who came in is not absent"
    assert door.client.get(f"{door.url}/absent").text.count('name="seat"') == 3
    assert door.client.post(f"{door.url}/absent", data={"seat": refs["factor"]}).status_code == 303
    assert registration(world, "factor").absent_at is None


@pytest.mark.once
def test_the_door_is_for_those_who_run_the_room(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:  # who sees every room and proctors another one
        session.add(StaffRole(staff_id=world.people["officer"].id, role="proctor"))
    expected = (("officer", 403), ("inspector", 403), ("proctor_elsewhere", 404), ("chief_proctor", 200))
    for role, code in expected:
        assert Door(world, role).client.get(Door(world, role).url).status_code == code


def test_the_door_asks_the_same_few_queries_whoever_is_looked_up(world: World, door: Door) -> None:
    door.look("")
    with count_queries(world.app) as nobody:
        door.client.get(door.url)
    with count_queries(world.app) as somebody:
        door.look("261100010001")
    with count_queries(world.app) as lines:
        answer = door.client.get(f"{door.url}/lines")
    assert len(nobody) <= 19
    assert len(somebody) <= len(nobody) + 3
    assert len(lines) <= len(nobody)
    again = door.client.get(f"{door.url}/lines", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    change(world, "theory", arrived_at=world.clock.now())
    again = door.client.get(f"{door.url}/lines", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 200
