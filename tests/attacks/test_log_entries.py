"""What is an entry of the log, and that nobody can drown it, nor read a person from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.audit.flood_limit import WINDOW, settle_tallies
from cbt.audit.models import AuditEntry, AuditTally
from cbt.audit.verification import verify
from cbt.candidates.models import Registration
from cbt.items.models import Item, ItemBank
from cbt.personal import SHOWN
from cbt.storage.crypto import open_sealed
from cbt.storage.unit_of_work import reading
from tests.world import PASSWORD, World

Entry = tuple[str, str, str]


def entries(world: World, act: str) -> list[AuditEntry]:
    with world.app.app_context(), reading() as session:
        assert verify(session).broken_at is None
        return list(session.scalars(select(AuditEntry).where(AuditEntry.act == act).order_by(AuditEntry.id)))


def told(world: World, act: str) -> list[tuple[str, str]]:
    return [(entry.actor, entry.subject) for entry in entries(world, act)]


def count(world: World) -> int:
    with world.app.app_context(), reading() as session:
        return len(session.scalars(select(AuditEntry.id)).all())


def settle(world: World) -> None:
    world.clock.advance(WINDOW)
    with world.app.app_context():
        settle_tallies(now=world.clock.now())


def sign_in(world: World, login: str, password: str) -> int:
    data = {"login": login, "password": password}
    return world.app.test_client().post("/staff/sign-in", data=data).status_code


def of(world: World, role: str) -> str:
    return f"staff:{world.people[role].ref}"


def test_signing_in_and_out_are_entries(world: World) -> None:
    client, officer = world.app.test_client(), world.people["officer"]
    client.post("/staff/sign-in", data={"login": officer.login, "password": PASSWORD})
    client.post("/staff/sign-out")
    mine = (of(world, "officer"), of(world, "officer"))
    assert told(world, "staff.sign_in") == [mine]
    assert told(world, "staff.sign_out") == [mine]


@pytest.mark.parametrize("tries", [1, 2, 5])
def test_failed_sign_ins_are_told_once_and_then_in_sum(world: World, tries: int) -> None:
    for _ in range(tries):
        assert sign_in(world, world.people["officer"].login, "guess") == 403
    assert told(world, "staff.sign_in_failed") == [("anonymous", of(world, "officer"))]
    settle(world)
    sums = [json.loads(entry.after)["more"] for entry in entries(world, "staff.sign_in_failed")[1:]]
    assert sums == ([tries - 1] if tries > 1 else [])


def test_a_success_tells_how_many_failed_before_it(world: World) -> None:
    officer = world.people["officer"]
    for _ in range(3):
        sign_in(world, officer.login, "guess")
    assert sign_in(world, officer.login, PASSWORD) == 303
    assert json.loads(entries(world, "staff.sign_in")[0].after) == {"failed_before": 2}


def test_a_thousand_names_that_are_nobodys_are_one_subject(world: World) -> None:
    before = count(world)
    for number in range(12):
        sign_in(world, f"nobody{number}", "guess")
    assert told(world, "staff.sign_in_failed") == [("anonymous", "staff:unknown")]
    assert count(world) == before + 1


@pytest.mark.parametrize("path", ["/audit", "/staff", "/office", "/bank", "/results", "/no-such-page"])
def test_an_unsigned_machine_writes_no_entry(world: World, path: str) -> None:
    before = count(world)
    for _ in range(5):
        world.app.test_client().get(path)
        world.app.test_client().post(path)
    assert count(world) == before


@pytest.mark.parametrize(
    ("role", "path", "view"),
    [
        pytest.param("proctor", "/audit", "accounts.audit.log", id="a proctor at the log"),
        pytest.param("author", "/results", "results.index", id="an author at the scores"),
        pytest.param("marker", "/staff/people", "accounts.people", id="a marker at the staff"),
        pytest.param("officer", "/bank", "bank.banks", id="an officer at the bank"),
    ],
)
def test_a_page_of_another_role_is_an_entry_once_a_window(
    world: World, role: str, path: str, view: str
) -> None:
    client = world.staff(role)
    for _ in range(4):
        assert client.get(path).status_code == 403
    assert told(world, "refused") == [(of(world, role), f"view:{view}:web.not_allowed")]
    settle(world)
    assert [json.loads(entry.after)["more"] for entry in entries(world, "refused")[1:]] == [3]


def test_a_candidate_at_a_page_of_staff_is_an_entry(world: World) -> None:
    """Its login is not read there, so the page leads to the sign-in; whose browser asked is told all the same."""
    client = world.candidate("theory")
    led = client.get("/audit")
    assert (led.status_code, led.location) == (303, "/staff/sign-in?next=/audit")
    assert client.get("/audit", headers={"Accept": "application/json"}).status_code == 403
    candidate = f"candidate:{world.sitters['theory'].registration_ref}"
    assert told(world, "refused") == [(candidate, "view:accounts.audit.log:web.not_allowed")]
    settle(world)
    assert [json.loads(entry.after)["more"] for entry in entries(world, "refused")[1:]] == [1]


def test_what_is_asked_where_staff_signed_in_is_not_said_of_a_candidate(world: World) -> None:
    """One browser may hold both logins: what the other asks for is none of the candidate's doing."""
    client = world.candidate("theory")
    client.get("/audit?poll=1")  # a page of staff that was left open asks by itself
    assert world.app.test_client().get("/audit").status_code == 303  # nobody at all
    typed = {"login": world.people["proctor"].login, "password": PASSWORD}
    assert client.post("/staff/sign-in", data=typed).status_code == 303
    assert client.get("/staff").status_code == 200
    world.clock.advance(timedelta(minutes=31))
    assert client.get("/staff").location == "/staff/sign-in?next=/staff&over=idle"
    assert told(world, "refused") == []


@pytest.mark.parametrize(
    ("second", "password", "code", "status"),
    [
        pytest.param("chief_proctor", "guess", "second.wrong", 422, id="a wrong password"),
        pytest.param("author", PASSWORD, "second.not_here", 403, id="a person without the role"),
        pytest.param("officer", PASSWORD, "second.same", 422, id="the first person again"),
    ],
)
def test_a_refused_second_person_is_an_entry(
    world: World, second: str, password: str, code: str, status: int
) -> None:
    world.start()
    sitter = world.sitters["theory"]
    answer = world.staff("officer").post(
        f"/office/registrations/{sitter.registration_ref}/correct",
        data={
            "name": "王晓明",
            "evidence": "户口簿",
            "second_login": world.people[second].login,
            "second_password": password,
        },
    )
    assert answer.status_code == status
    assert told(world, "refused") == [(of(world, "officer"), f"view:candidates.correct:{code}")]


def item_of(world: World) -> tuple[str, str]:
    with world.app.app_context(), reading() as session:
        query = select(ItemBank.ref, Item.ref).join(Item, Item.bank_id == ItemBank.id).limit(1)
        bank, item = session.execute(query).one()
    return bank, item


def test_who_saw_an_answer_key_is_on_record(world: World) -> None:
    bank, item = item_of(world)
    author, reviewer = world.staff("author"), world.staff("reviewer")
    for client in (author, author, reviewer):
        assert client.get(f"/bank/{bank}/items/{item}").status_code == 200
    assert told(world, "item.view_key") == [
        (of(world, "author"), f"item:{item}"),
        (of(world, "reviewer"), f"item:{item}"),
    ]


def test_a_key_is_not_shown_when_its_view_cannot_be_put_on_record(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise RuntimeError

    bank, item = item_of(world)
    monkeypatch.setattr("cbt.audit.flood_limit.count", failing)
    world.app.testing = world.app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = world.staff("author").get(f"/bank/{bank}/items/{item}")
    assert answer.status_code == 500
    assert "标准答案" not in answer.text


def test_views_in_the_next_window_are_told_anew_with_the_sum_of_the_former(world: World) -> None:
    bank, item = item_of(world)
    for advance in (timedelta(), timedelta(minutes=1), WINDOW):
        world.clock.advance(advance)
        world.staff("author").get(f"/bank/{bank}/items/{item}")
    lines = [json.loads(entry.after or "{}") for entry in entries(world, "item.view_key")]
    assert [line.get("more") for line in lines] == [None, 1, None]


def test_sums_are_settled_once(world: World) -> None:
    sign_in(world, "nobody", "guess")
    sign_in(world, "nobody", "guess")
    settle(world)
    written = count(world)
    settle(world)
    assert count(world) == written
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(AuditTally)).all() == []


# Nobody can be read from the log.


def checked_in(world: World) -> None:
    world.admit_all()


def corrected(world: World) -> None:
    sitter = world.sitters["theory"]
    data = {
        "name": "王晓明",
        "document_type": "passport",
        "document_number": "E12345678",
        "evidence": "王晓明的护照",
    }
    answer = world.staff("officer").post(
        f"/office/registrations/{sitter.registration_ref}/correct", data=data
    )
    assert answer.status_code == 303


def revealed(world: World) -> None:
    path = f"/office/registrations/{world.sitters['theory'].registration_ref}/reveal"
    assert world.staff("officer").post(path, data={"reason": "核对"}).status_code == 200


def exported(world: World) -> None:
    path = f"/office/sittings/{world.sitting_ref}/export"
    data = {"reveal": "1", "reason": "报送"}
    assert world.staff("officer").post(path, data=data).status_code == 200


@pytest.mark.parametrize("does", [checked_in, corrected, revealed, exported], ids=lambda does: does.__name__)
def test_nothing_personal_is_in_the_log(world: World, does: Callable[[World], None]) -> None:
    before = count(world)
    does(world)
    with world.app.app_context(), reading() as session:
        lines = session.scalars(select(AuditEntry)).all()
    said = "\n".join(" ".join(line.fields) for line in lines)
    assert len(lines) > before
    people = world.sitters.values()
    for personal in [
        *(person.name for person in people),
        *(person.document for person in people),
        *(person.ticket for person in people),
        "王晓明",
        "E12345678",
    ]:
        assert personal not in said
    assert '"last_four"' not in said
    assert "0001" not in [
        json.loads(line.after or "{}").get("shown") for line in lines if line.act == "door.check_in"
    ]


def test_the_last_four_are_sealed_on_the_registration(world: World) -> None:
    world.admit_all()
    with world.app.app_context(), reading() as session:
        rows = session.scalars(select(Registration).where(Registration.document_shown.is_not(None))).all()
        assert rows
        for row in rows:
            assert row.document_last_four_sealed is not None
            assert b"0001" not in row.document_last_four_sealed
            assert open_sealed(row.document_last_four_sealed, SHOWN) == row.document_last_four == "0001"


def test_a_changed_document_shows_in_the_log_without_being_told(world: World) -> None:
    """Two check-ins with other characters leave other digests; equal ones of two people do not look alike."""
    world.admit_all()
    with world.app.app_context(), reading() as session:
        lines = session.scalars(select(AuditEntry).where(AuditEntry.act == "door.check_in")).all()
    digests = [json.loads(line.after)["shown"] for line in lines]
    assert len(set(digests)) == len(digests) > 1
