"""The pages from signing in to the waiting room."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from cbt.audit.models import AuditEntry
from cbt.candidates.models import CandidatePhoto
from cbt.door.arrival import clear_query, said_of
from cbt.sittings.models import SittingRoom
from tests.door.door import (
    MINUTE,
    SIGN_IN_OPEN,
    acts,
    bind,
    machine,
    machine_at,
    pass_the_door,
    registration,
    sign_in,
    work,
)
from tests.helpers import count_queries, flat
from tests.world import World

pytestmark = pytest.mark.once
WRONG = {"about": ["name", "photo", "nonsense"], "words": " 王晓明\n<b> "}


@pytest.fixture
def wang(world: World) -> FlaskClient:
    """王小明 at his seat, signed in, at the confirmation page."""
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    sign_in(world, client, "theory")
    return client


def test_each_page_leads_to_the_next_and_its_moment_is_recorded(world: World, wang: FlaskClient) -> None:
    for path in ("/exam/notice", "/exam/wait"):
        assert wang.get(path).location == "/exam/confirm"
    world.clock.advance(MINUTE)
    assert wang.post("/exam/confirm").location == "/exam/notice"
    for path in ("/exam/confirm", "/exam/wait"):
        assert wang.get(path).location == "/exam/notice"
    world.clock.advance(MINUTE)
    assert wang.post("/exam/notice", data={"agree": "1"}).location == "/exam/wait"
    for path in ("/exam/confirm", "/exam/notice"):
        assert wang.get(path).location == "/exam/wait"
    assert wang.get("/exam/wait").status_code == 200
    with work(world) as session:
        row = registration(session, world, "theory")
        assert row.confirmed_at == SIGN_IN_OPEN + MINUTE
        assert row.pledged_at == SIGN_IN_OPEN + 2 * MINUTE
        assert acts(session)[-2:] == ["door.confirm", "door.pledge"]


def test_the_confirmation_shows_the_person_with_a_masked_number(world: World, wang: FlaskClient) -> None:
    page = wang.get("/exam/confirm").text
    sitter = world.sitters["theory"]
    for shown in (sitter.name, sitter.ticket, "理论知识", "机房 A", "照片待补", "310*************1X"):
        assert shown in page
    assert sitter.document not in page
    assert sitter.document[-6:] not in page


def test_the_photo_is_the_candidates_own(world: World, wang: FlaskClient) -> None:
    assert wang.get("/exam/photo").status_code == 404
    with work(world) as session:
        person = registration(session, world, "theory").candidate_id
        session.add(CandidatePhoto(candidate_id=person, mimetype="image/png", image=b"png"))
    assert wang.get("/exam/photo").data == b"png"
    assert 'src="/exam/photo"' in wang.get("/exam/confirm").text
    assert world.app.test_client().get("/exam/photo").status_code == 303


def test_a_query_holds_the_page_until_a_proctor_clears_it(world: World, wang: FlaskClient) -> None:
    assert wang.post("/exam/query", data=WRONG).location == "/exam/confirm"
    held = flat(wang.get("/exam/confirm").text)
    assert "已通知监考员" in held
    assert "姓名、照片；王晓明 &lt;b&gt;" in re.sub(r"</?span[^>]*>", "", held).replace("、 ", "、").replace(
        "片 ；", "片；"
    )
    assert "信息无误" not in held
    assert wang.post("/exam/confirm").status_code == 409
    assert wang.get("/exam/query").status_code == 200
    with work(world) as session:
        row = registration(session, world, "theory")
        assert row.query_at == SIGN_IN_OPEN
        clear_query(session, row, now=SIGN_IN_OPEN, actor="staff:test")
    assert wang.get("/exam/query").headers["HX-Redirect"] == "/exam/confirm"
    assert wang.post("/exam/confirm").location == "/exam/notice"


def test_a_query_is_taken_back_by_who_raised_it(world: World, wang: FlaskClient) -> None:
    assert wang.post("/exam/query/withdraw").location == "/exam/confirm"  # none is open: nothing happens
    wang.post("/exam/query", data=WRONG)
    world.clock.advance(MINUTE)
    assert wang.post("/exam/query/withdraw").location == "/exam/confirm"
    assert wang.get("/exam/query").headers["HX-Redirect"] == "/exam/confirm"
    with work(world) as session:
        row = registration(session, world, "theory")
        assert (row.query_at, said_of(row).about, said_of(row).words) == (None, (), "")
        assert acts(session)[-2:] == ["door.query", "door.withdraw_query"]
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(2)).all()
        assert "王晓明" not in repr([(one.before, one.after) for one in last])
    assert wang.post("/exam/confirm").location == "/exam/notice"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        pytest.param({"words": "x"}, "请至少选一项", id="nothing picked"),
        pytest.param({"about": "other", "words": " \u200b\n"}, "请用几个字说明", id="something else, unsaid"),
    ],
)
def test_a_query_says_what_is_wrong(world: World, wang: FlaskClient, sent: dict[str, str], said: str) -> None:
    reply = wang.post("/exam/query", data=sent)
    assert (reply.status_code, said in reply.text) == (422, True)
    assert 'class="door-wrong" open' in reply.text
    with work(world) as session:
        assert registration(session, world, "theory").query_at is None


def test_an_open_seat_page_is_told_when_it_would_be_another(world: World, wang: FlaskClient) -> None:
    world.clock.set(SIGN_IN_OPEN - MINUTE)
    page, other = wang.get("/"), machine(world)
    told, unbound = wang.get("/seat/state").json, other.get("/seat/state").json
    assert told is not None
    assert unbound is not None
    assert f'data-tag="{told["tag"]}"' in page.text
    assert f'data-now="{told["now"]}"' in page.text
    world.clock.advance(MINUTE)  # the door opens
    again = wang.get("/seat/state").json
    assert again is not None
    assert again["tag"] != told["tag"]
    bind(world, other, 2)
    bound = other.get("/seat/state").json
    assert bound is not None
    assert bound["tag"] != unbound["tag"]
    wang.post("/exam/leave")
    assert f'data-tag="{again["tag"]}"' not in wang.get("/").text


def test_pressing_a_button_twice_records_one_moment(world: World, wang: FlaskClient) -> None:
    for words in ("王晓明", "另外"):
        wang.post("/exam/query", data={**WRONG, "words": words})
        world.clock.advance(MINUTE)
    with work(world) as session:
        row = registration(session, world, "theory")
        assert row.query_at == SIGN_IN_OPEN
        assert said_of(row).words == "王晓明"
        row.query_at = None
    for _ in range(2):
        wang.post("/exam/confirm")
        world.clock.advance(MINUTE)
    with work(world) as session:
        assert registration(session, world, "theory").confirmed_at == SIGN_IN_OPEN + 2 * MINUTE
        assert [act for act in acts(session) if act in {"door.query", "door.confirm"}] == [
            "door.query",
            "door.confirm",
        ]


def test_the_notice_is_filled_from_the_rules(wang: FlaskClient) -> None:
    wang.post("/exam/confirm")
    page = wang.get("/exam/notice").text
    assert "迟到 15 分钟及以上不得入场" in page
    assert "开考 30 分钟后方可交卷离场" in page
    assert "我已阅读并同意" in page


def test_the_pledge_must_be_agreed_to(world: World, wang: FlaskClient) -> None:
    assert wang.post("/exam/notice", data={"agree": "1"}).status_code == 409
    wang.post("/exam/confirm")
    reply = wang.post("/exam/notice")
    assert reply.status_code == 422
    assert "请先勾选" in reply.text
    with work(world) as session:
        assert registration(session, world, "theory").pledged_at is None


def test_a_late_sign_in_is_told_that_the_clock_runs(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    world.start()
    world.clock.advance(5 * MINUTE)
    sign_in(world, client, "theory")
    assert "本场考试已经开始" in client.get("/exam/confirm").text
    client.post("/exam/confirm")
    assert "本场考试已经开始" in client.get("/exam/notice").text
    client.post("/exam/notice", data={"agree": "1"})
    assert client.get("/exam/wait").status_code == 200


def test_the_waiting_room_counts_to_the_planned_start(world: World, wang: FlaskClient) -> None:
    wang.post("/exam/confirm")
    wang.post("/exam/notice", data={"agree": "1"})
    page = wang.get("/exam/wait").text
    assert ">20:00<" in flat(page)
    assert 'data-url="/exam/wait/state"' in page
    assert f'data-now="{SIGN_IN_OPEN.isoformat()}"' in page


@pytest.mark.parametrize(
    ("state", "said"),
    [
        pytest.param("cancelled", "已取消", id="cancelled"),
        pytest.param("aborted", "已中止", id="stopped"),
        pytest.param("ended", "已经结束", id="over"),
    ],
)
def test_a_room_that_is_over_says_so(world: World, wang: FlaskClient, state: str, said: str) -> None:
    with work(world) as session:
        session.execute(
            update(SittingRoom).where(SittingRoom.id == world.sitting_room_id).values(state=state)
        )
    sent = [wang.post(path, data=WRONG) for path in ("/exam/confirm", "/exam/query", "/exam/query/withdraw")]
    for reply in (wang.get("/exam/confirm"), *sent):
        assert reply.status_code == 410
        assert said in reply.text


def test_leaving_the_seat_ends_the_login(world: World, wang: FlaskClient) -> None:
    assert "王小明" in wang.get("/").text
    assert wang.post("/exam/leave").location == "/"
    assert "王小明" not in wang.get("/").text
    assert wang.get("/exam/confirm").location == "/"
    assert wang.post("/exam/leave").location == "/"


def test_signing_in_again_goes_on_where_one_was(world: World, wang: FlaskClient) -> None:
    wang.post("/exam/confirm")
    wang.post("/exam/notice", data={"agree": "1"})
    wang.post("/exam/leave")
    sign_in(world, wang, "theory")
    assert wang.get("/exam/confirm").location == "/exam/wait"


def test_staff_are_no_candidates(world: World) -> None:
    for path in ("/exam/confirm", "/exam/notice", "/exam/wait", "/exam/photo"):
        assert world.staff("proctor").get(path).location == "/"
    assert "继续" not in world.staff("proctor").get("/").text


def test_every_page_is_complete_in_english(world: World, wang: FlaskClient) -> None:
    wang.set_cookie("locale", "en")
    pages = [wang.get("/exam/confirm").text]
    wang.post("/exam/confirm")
    pages.append(wang.get("/exam/notice").text)
    wang.post("/exam/notice", data={"agree": "1"})
    pages.append(wang.get("/exam/wait").text)
    wang.post("/exam/leave")
    pages.append(wang.get("/").text)
    for page in pages:
        assert re.findall(r"\bdoor\.(?!css\b)\w+", page) == []
        assert "Seat" in page
        assert "机位" not in page


@pytest.mark.parametrize(
    ("path", "most"),
    [
        pytest.param("/", 9, id="seat page"),
        pytest.param("/seat/state", 7, id="what an open seat page asks"),
        pytest.param("/exam/confirm", 6, id="confirmation"),
        pytest.param("/exam/query", 6, id="held poll"),
    ],
)
def test_a_page_asks_the_database_little(world: World, wang: FlaskClient, path: str, most: int) -> None:
    if path == "/exam/query":
        wang.post("/exam/query", data=WRONG)
    wang.get(path)
    with count_queries(world.app) as seen:
        assert wang.get(path).status_code == 200
    assert len(seen) <= most, "\n".join(seen)
