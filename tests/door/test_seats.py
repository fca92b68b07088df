"""Machines and seats: binding, a second claim, what is left on a machine."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cbt.door.seats import clear_claim, give_claimed, move_to_seat, seat_of
from cbt.errors import Conflict
from cbt.http.auth.machine import MACHINE_COOKIE, Machine, token_hash, tokens_of
from cbt.http.auth.rate_limit import MAX_FAILURES
from cbt.storage.unit_of_work import reading
from tests.door.door import (
    MINUTE,
    acts,
    bind,
    let_unbound_in,
    machine,
    machine_at,
    pass_the_door,
    registration,
    seat,
    sign_in,
    work,
)
from tests.world import PLANNED, World


def test_an_unbound_machine_asks_for_its_seat_first(world: World) -> None:
    page = machine(world).get("/").text
    assert 'name="room_code"' in page
    assert 'name="ticket"' not in page
    let_unbound_in(world)
    page = machine(world).get("/").text
    assert 'name="room_code"' in page
    assert 'name="ticket"' in page


def test_a_bound_machine_shows_its_room_and_seat(world: World) -> None:
    page = machine_at(world, 3).get("/").text
    assert "机房 A" in page
    assert '<b class="num">03</b>' in page
    with work(world) as session:
        bound = seat(session, world, 3)
        assert bound.machine_address == "10.0.0.3"
        assert bound.machine_hash is not None
        assert acts(session)[-1] == "seat.bind"


def test_the_seat_page_announces_the_next_sitting(world: World) -> None:
    client = machine_at(world, 3)
    page = client.get("/").text
    assert "09:00" in page
    assert "08:40" in page
    world.clock.set(PLANNED - 10 * MINUTE)
    assert "现在可以登录" in client.get("/").text


def test_the_binding_survives_a_disk_that_restores_itself(world: World) -> None:
    machine_at(world, 3)
    restored = machine(world, address="10.0.0.3")
    assert '<b class="num">03</b>' in restored.get("/").text
    assert bind(world, restored, 3).status_code == 303
    with work(world) as session:
        assert seat(session, world, 3).claim_alert_at is None


def test_the_binding_survives_a_new_address(world: World) -> None:
    client = machine_at(world, 1)
    client.environ_base["REMOTE_ADDR"] = "10.0.0.200"
    pass_the_door(world, "theory")
    assert sign_in(world, client, "theory").status_code == 303
    with work(world) as session:
        assert seat(session, world, 1).machine_address == "10.0.0.200"


def test_a_cookie_seen_at_the_address_of_another_seat_alerts(world: World) -> None:
    """A cloned disk carries one seat's cookie to the machine of another."""
    cloned = machine_at(world, 1)
    machine_at(world, 2)
    cloned.environ_base["REMOTE_ADDR"] = "10.0.0.2"
    pass_the_door(world, "theory")
    sign_in(world, cloned, "theory")
    with work(world) as session:
        assert seat(session, world, 1).claim_alert_at == world.clock.now()
        assert seat(session, world, 1).machine_address == "10.0.0.1"


def test_an_address_that_several_seats_share_says_nothing(world: World) -> None:
    for number in (1, 2):
        assert bind(world, machine(world, address="10.0.0.9"), number).status_code == 303
    assert 'name="room_code" value="" aria' not in machine(world, address="10.0.0.9").get("/").text
    assert "本机还没有绑定机位" in machine(world, address="10.0.0.9").get("/").text


def test_a_second_machine_claiming_a_seat_alerts_the_board_and_is_refused(world: World) -> None:
    first = machine_at(world, 3)
    second = machine(world, address="10.0.0.77")
    reply = bind(world, second, 3)
    assert reply.status_code == 409
    assert 'name="replace"' not in reply.text
    assert '<b class="num">03</b>' in first.get("/").text
    assert "本机还没有绑定机位" in second.get("/").text
    with work(world) as session:
        assert seat(session, world, 3).claim_alert_at == world.clock.now()
        assert acts(session)[-1] == "seat.claim"


def test_a_proctor_gives_the_seat_to_the_machine_that_asked(world: World) -> None:
    first = machine_at(world, 3)
    second = machine(world, address="10.0.0.77")
    bind(world, second, 3)
    with work(world) as session:
        give_claimed(session, seat(session, world, 3), now=world.clock.now(), actor="staff:test")
    assert '<b class="num">03</b>' in second.get("/").text
    assert "本机还没有绑定机位" in first.get("/").text
    with work(world) as session:
        bound = seat(session, world, 3)
        assert (bound.claim_alert_at, bound.claim_hash, bound.claim_address) == (None, None, None)
        with pytest.raises(Conflict, match=r"seat\.no_claim"):
            give_claimed(session, bound, now=world.clock.now(), actor="staff:test")


def test_a_token_of_the_time_before_signatures_is_taken_over(world: World) -> None:
    """Whoever was bound stays bound when the server begins to sign, and from then on has a signed token."""
    with work(world) as session:
        bound = seat(session, world, 3)
        bound.machine_hash, bound.machine_address = token_hash("an-old-random-token"), "10.0.0.3"
    client = machine(world, address="10.0.0.200")
    client.set_cookie(MACHINE_COOKIE, "an-old-random-token")
    assert '<b class="num">03</b>' in client.get("/").text
    cookie = client.get_cookie(MACHINE_COOKIE)
    assert cookie is not None
    assert tokens_of(world.app).read(cookie.value) == token_hash("an-old-random-token")


def test_a_machine_has_one_seat(world: World) -> None:
    client = machine_at(world, 3)
    assert bind(world, client, 4).status_code == 303
    with work(world) as session:
        assert seat(session, world, 3).machine_hash is None
        assert seat(session, world, 4).machine_hash is not None


@pytest.mark.parametrize(
    ("code", "number", "said"),
    [
        pytest.param("ZZZZZZ", "3", "考场绑定码不对", id="wrong code"),
        pytest.param("", "3", "考场绑定码不对", id="no code"),
        pytest.param(None, "99", "没有这个机位号", id="no such seat"),
        pytest.param(None, "七", "机位号应为数字", id="not a number"),
    ],
)
def test_binding_says_what_is_wrong(world: World, code: str | None, number: str, said: str) -> None:
    typed = {"room_code": world.room_code if code is None else code, "number": number}
    reply = machine(world).post("/seat/bind", data=typed)
    assert reply.status_code == 422
    assert said in reply.text


def test_the_code_may_be_typed_small_and_spaced(world: World) -> None:
    spaced = f"{world.room_code[:3].lower()} {world.room_code[3:].lower()}"
    assert machine(world).post("/seat/bind", data={"room_code": spaced, "number": "０３"}).status_code == 303


def test_guessing_room_codes_is_stopped(world: World) -> None:
    for _ in range(MAX_FAILURES):
        machine(world).post("/seat/bind", data={"room_code": "ZZZZZZ", "number": "3"})
    assert bind(world, machine(world), 3).status_code == 429


def test_a_cookie_is_long_lived_and_hidden_from_scripts(world: World) -> None:
    cookie = bind(world, machine(world), 3).headers["Set-Cookie"]
    assert cookie.startswith(f"{MACHINE_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "Max-Age=315360000" in cookie


def test_undelivered_answers_are_listed_at_the_seat(world: World) -> None:
    client = machine_at(world, 3)
    assert client.post("/seat/undelivered", json={"count": 3}).status_code == 204
    assert "本机有 3 题未送达作答" in client.get("/").text
    client.post("/seat/undelivered", json={"count": 3})
    with work(world) as session:
        assert seat(session, world, 3).undelivered == 3
        assert acts(session).count("seat.undelivered") == 1
    client.post("/seat/undelivered", json={"count": 0})
    with work(world) as session:
        assert seat(session, world, 3).undelivered == 0


def test_a_flood_of_reports_is_one_entry_a_minute(world: World) -> None:
    """Whoever holds a machine's cookie can tell another number each time."""
    client = machine_at(world, 3)

    def kept() -> tuple[int, int]:
        with work(world) as session:
            return seat(session, world, 3).undelivered, acts(session).count("seat.undelivered")

    for count in (3, 4, 5, 0, 6, 0, 7):
        client.post("/seat/undelivered", json={"count": count})
    assert kept() == (0, 1), "that nothing is left is kept at once, and without an entry"
    world.clock.advance(timedelta(seconds=59))
    client.post("/seat/undelivered", json={"count": 8})
    assert kept() == (0, 1)
    world.clock.advance(timedelta(seconds=1))
    for count in (8, 9):
        client.post("/seat/undelivered", json={"count": count})
    assert kept() == (8, 2)


def test_a_machine_without_a_seat_has_no_list(world: World) -> None:
    assert machine(world).post("/seat/undelivered", json={"count": 3}).status_code == 204


@pytest.mark.parametrize("count", [-1, 10_001, True, "3", None, 1.5])
def test_a_count_is_a_whole_number(world: World, count: object) -> None:
    assert machine_at(world, 3).post("/seat/undelivered", json={"count": count}).status_code == 422


def test_a_claim_is_answered_once(world: World) -> None:
    machine_at(world, 3)
    bind(world, machine(world, address="10.0.0.77"), 3)
    with work(world) as session:
        claimed = seat(session, world, 3)
        clear_claim(session, claimed, now=world.clock.now(), actor="staff:test")
        assert claimed.claim_alert_at is None
        with pytest.raises(Conflict, match=r"seat\.no_claim"):
            clear_claim(session, claimed, now=world.clock.now(), actor="staff:test")


def test_somebody_moves_to_a_free_seat(world: World) -> None:
    with work(world) as session:
        row, free = registration(session, world, "theory"), seat(session, world, 8)
        assert move_to_seat(session, row, free, now=PLANNED, actor="staff:test") is None
        assert row.seat_id == free.id
        assert move_to_seat(session, row, free, now=PLANNED, actor="staff:test") is None
    with work(world) as session:
        assert acts(session).count("door.seat") == 1


def test_nobody_moves_to_another_room(world: World) -> None:
    with work(world) as session:
        elsewhere = registration(session, world, "elsewhere")
        with pytest.raises(Conflict, match=r"seat\.other_room"):
            move_to_seat(session, elsewhere, seat(session, world, 8), now=PLANNED, actor="staff:test")


def test_a_machine_is_known_by_its_cookie_before_its_address(world: World) -> None:
    client = machine_at(world, 1)
    machine_at(world, 2)
    cookie = client.get_cookie(MACHINE_COOKIE)
    assert cookie is not None
    own = tokens_of(world.app).read(cookie.value)
    with world.app.app_context(), reading() as session:
        found = seat_of(session, Machine(own, "10.0.0.2"))
        assert found is not None
        assert found.number == 1
        by_address = seat_of(session, Machine(None, "10.0.0.2"))
        assert by_address is not None
        assert by_address.number == 2


def test_a_body_nested_beyond_measure_is_refused_like_any_other(world: World) -> None:
    said = machine_at(world, 3).post("/seat/undelivered", data="[" * 20000, content_type="application/json")
    assert said.status_code == 422
