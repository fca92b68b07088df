"""What staff did reaches an open page: in words, under the lease, by a request that waits in the front's loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.proctoring.models import UndoableAct
from cbt.storage.unit_of_work import reading
from tests.delivery.driver import Page
from tests.delivery.fronted import Fronted, play, said
from tests.delivery.starts import refuse_views
from tests.helpers import count_queries
from tests.proctoring.desk import Desk, done, running
from tests.world import World


@pytest.fixture
def page(world: World) -> Page:
    """王小明 answers, and so does somebody else."""
    return running(world, "theory", "skills")["theory"]


def news(page: Page, since: int | None = None, lease: str | None = None) -> TestResponse:
    return page.client.get(
        f"/attempts/{page.ref}/news",
        query_string={} if since is None else {"since": since},
        headers={"X-CBT-Lease": page.lease if lease is None else lease},
    )


class Listener:
    """A page that hears the news one after another."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.number: int = news(page).get_json()["number"]

    def hear(self) -> tuple[list[str], str, str]:
        """Return what is said, and what stands: its kind and who did it why."""
        body = news(self.page, self.number).get_json()
        assert body["number"] >= self.number
        self.number = body["number"]
        stands = body["clock"]["standing"] or {"kind": "", "text": ""}
        return [one["text"] for one in body["news"]], stands["kind"], stands["text"]


SEAT_ACTS: list[tuple[str, dict[str, str], tuple[list[str], str, str]]] = [
    (
        "adjust",
        {"kind": "site_fault", "minutes": "5", "reason_code": "network"},
        (["监考员为您补时 5 分钟：网络"], "", ""),
    ),
    (
        "adjust",
        {"kind": "general", "minutes": "2", "reason_code": "other", "reason": "试卷看不清"},
        (["监考员为您延时 2 分钟：试卷看不清"], "", ""),
    ),
    ("suspend", {"reason": "核对证件"}, ([], "suspended", "监考员暂停了您的考试：核对证件")),
    ("resume", {"reason": "已核对"}, (["监考员恢复了您的考试，计时继续"], "", "")),
    ("leave", {"escort": "周"}, ([], "away", "监考员登记您临时离场")),
    ("return", {}, (["监考员登记您已返回，请继续答题"], "", "")),
    ("remind", {"text": "请安静"}, ([], "", "")),
    (
        "force",
        {"reason": "到点", "second": "chief_proctor"},
        ([], "closed_proctor", "监考员对您强制收卷：到点"),
    ),
]
ROOM_ACTS: list[tuple[str, dict[str, str], tuple[list[str], str, str]]] = [
    (
        "adjust_room",
        {"kind": "general", "minutes": "3", "reason_code": "power", "reason": "跳闸"},
        (["监考员为全场延时 3 分钟：停电，跳闸"], "", ""),
    ),
    ("hold", {"reason_code": "power"}, ([], "held", "监考员暂停了全场考试：停电")),
    ("resume_room", {"reason": "好了"}, (["监考员恢复了全场考试，停止的时间已全部补回"], "", "")),
    ("evacuate", {}, ([], "evacuated", "监考员下令紧急疏散")),
    (
        "resume_room",
        {"reason": "警报解除", "second": "chief_proctor"},
        (["疏散结束，监考员恢复了全场考试，停止的时间已全部补回"], "", ""),
    ),
]


def test_each_act_is_told_with_who_did_it_and_why(page: Page, world: World) -> None:
    listener, desk = Listener(page), Desk(world)
    for code, fields, told in ROOM_ACTS:
        done(desk.act(code, **fields))
        assert (code, listener.hear()) == (code, told)
    for code, fields, told in SEAT_ACTS:
        done(desk.act(code, "theory", **fields))
        assert (code, listener.hear()) == (code, told)


def test_an_act_taken_back_is_told_too(page: Page, world: World) -> None:
    listener, desk = Listener(page), Desk(world)
    for code, names, fields, stood in (
        ("adjust", ["theory"], {"kind": "general", "minutes": "5", "reason_code": "network"}, ""),
        ("suspend", ["theory"], {"reason": "点错"}, "suspended"),
        ("leave", ["theory"], {"escort": "周"}, "away"),
    ):
        done(desk.act(code, *names, **fields))
        assert (code, listener.hear()[1]) == (code, stood)
        with world.app.app_context(), reading() as session:
            undo = session.scalars(select(UndoableAct.ref).order_by(UndoableAct.id.desc())).first()
        done(desk.act("undo", undo=str(undo)))
        said, stands, _ = listener.hear()
        assert (code, len(said) > 0, stands) == (code, True, "")


def test_a_page_that_opens_while_something_stands_is_told_what(page: Page, world: World) -> None:
    done(Desk(world).act("suspend", "theory", reason="核对证件"))
    for knock in (page.start, page.send):
        body = knock().get_json()
        standing = body.get("standing") or body["clock"]["standing"]
        assert (standing["kind"], standing["text"]) == ("suspended", "监考员暂停了您的考试：核对证件")


def test_what_a_whole_room_is_told_is_put_into_words_once(world: World) -> None:
    pages = list(running(world, "theory", "skills").values())
    heard = [news(page).get_json()["number"] for page in pages]
    done(Desk(world).act("adjust_room", kind="general", minutes="3", reason_code="power", reason="跳闸"))
    told, asked = [], []
    for page, number in zip(pages, heard, strict=True):
        with count_queries(world.app) as queries:
            told += [one["text"] for one in news(page, number).get_json()["news"]]
        asked.append(sum("room_staff" in query for query in queries))
    assert told == ["监考员为全场延时 3 分钟：停电，跳闸"] * 2
    assert asked == [1, 0], "who did it is looked up once"
    pages[0].client.set_cookie("locale", "en")
    [english] = news(pages[0], heard[0]).get_json()["news"]
    assert "by 3 min: Power" in english["text"]


def test_what_concerns_others_is_no_news(page: Page, world: World) -> None:
    number = news(page).get_json()["number"]
    done(Desk(world).act("adjust", "skills", kind="general", minutes="5", reason_code="network"))
    body = news(page, number).get_json()
    assert (sorted(body), body["news"], body["number"] > number) == (["news", "number"], [], True)


def test_a_start_says_from_where_the_news_go_on(page: Page, world: World) -> None:
    number = page.start().get_json()["number"]
    assert news(page, number).get_json()["news"] == []
    done(Desk(world).act("adjust", "theory", kind="site_fault", minutes="5", reason_code="network"))
    body = news(page, number).get_json()
    assert [one["text"] for one in body["news"]] == ["监考员为您补时 5 分钟：网络"]


def test_a_number_of_another_log_gets_the_clock_anew(page: Page) -> None:
    body = news(page, 10**9).get_json()
    assert (body["number"] < 10**9, body["news"], body["clock"]["state"]) == (True, [], "interacting")


def test_news_are_for_the_browser_that_writes(page: Page, world: World) -> None:
    known = news(page).get_json()["number"]
    assert news(page, known, lease="").status_code == 403
    assert news(page, known, lease="x" * 32).status_code == 409
    other = Page(world, "theory", machine="another")
    other.lease = page.lease
    assert news(other, known).get_json()["code"] == "machine.other"
    assert page.start().status_code == 200  # a new lease
    assert news(page, known).status_code == 200


# --- waiting -------------------------------------------------------------------------------------------------


def test_a_page_waits_in_no_thread_until_something_happens(page: Page, world: World) -> None:
    """Each of two waits in a front of two threads, and others are answered meanwhile."""
    number = news(page).get_json()["number"]
    desk = Desk(world)

    async def scene(hall: Fronted) -> None:
        hall.watcher.look()
        protocol, asked = hall.listen(number)
        state, seated = hall.poll(f"/exam/wait/state?since={number}")
        await seated  # the room has started: nothing to wait for
        assert '"go":true' in said(state)[1].replace(" ", "")
        await hall.waiting(1)
        done(
            await asyncio.to_thread(
                desk.act, "adjust", "skills", kind="general", minutes="1", reason_code="network"
            )
        )
        hall.watcher.look()
        await asyncio.sleep(0)
        assert protocol.answer is None
        done(await asyncio.to_thread(desk.act, "hold", reason_code="power"))
        hall.watcher.look()
        await asked
        assert (said(protocol)[0], '"kind":"held"' in said(protocol)[1].replace(" ", "")) == (200, True)
        assert len(hall.parking) == 0

    play(page, scene)


def test_who_waited_at_a_process_that_ended_waits_at_the_next_at_once(page: Page, world: World) -> None:
    """What concerned others meanwhile is known there; what concerned them is told, by the view."""
    number = news(page).get_json()["number"]
    desk = Desk(world)
    done(desk.act("adjust", "skills", kind="general", minutes="1", reason_code="network"))

    async def scene(hall: Fronted) -> None:
        refused = world.app.before_request_funcs.setdefault(None, [])
        vars(hall.parking).update(_floor=0, _upto=-1, _changed={})  # as a process begins
        hall.watcher._upto = -1
        hall.watcher.look()  # by whoever comes first
        await asyncio.sleep(0)
        refuse_views(world)
        first, asked = hall.listen(number)
        await hall.waiting(1)
        refused.pop(0)
        done(await asyncio.to_thread(desk.act, "hold", reason_code="power"))
        hall.watcher.look()
        await asked
        assert '"kind":"held"' in said(first)[1].replace(" ", "")
        second, told = hall.listen(number)
        await told
        assert said(second) == said(first)

    play(page, scene)


def test_what_happened_between_answer_and_wait_is_not_missed(page: Page, world: World) -> None:
    number = news(page).get_json()["number"]

    async def scene(hall: Fronted) -> None:
        hall.watcher.look()
        take = hall.parking.take

        def late(held: Any) -> bool:  # the act is committed, and looked at, after the answer was made
            hall.parking.take = take  # type: ignore[method-assign]
            done(Desk(world).act("hold", reason_code="power"))
            hall.parking.wake = at_once  # type: ignore[method-assign]
            hall.watcher.look()
            return take(held)

        def at_once(changes: Any, *, since: int, upto: int, forced: Any) -> None:
            hall.parking._wake(changes, since, upto, tuple(forced))

        hall.parking.take = late  # type: ignore[method-assign]
        protocol, asked = hall.listen(number)
        await asked
        assert '"held"' in said(protocol)[1]

    play(page, scene)


def test_a_second_request_answers_the_first_and_others_beyond_the_number_do_not_wait(
    page: Page, world: World
) -> None:
    number = news(page).get_json()["number"]

    async def scene(hall: Fronted) -> None:
        hall.watcher.look()
        first, answered = hall.listen(number)
        await hall.waiting(1)
        second, asked = hall.listen(number)
        await answered
        assert (said(first), len(hall.parking)) == ((200, f'{{"news":[],"number":{number}}}\n'), 1)
        hall.parking.close()
        await asked
        assert said(second) == said(first)
        third, at_once = hall.listen(number)
        await at_once
        assert said(third) == said(first)

    play(page, scene, _most=1)


def test_a_wait_ends_by_itself_and_a_lost_lease_ends_it_too(page: Page, world: World) -> None:
    number = news(page).get_json()["number"]

    async def scene(hall: Fronted) -> None:
        hall.watcher.look()
        protocol, asked = hall.listen(number)
        await asked
        assert said(protocol) == (200, f'{{"news":[],"number":{number}}}\n')
        assert len(hall.parking) == 0

    play(page, scene, _seconds=0.05)

    async def lost(hall: Fronted) -> None:
        hall.watcher.look()
        await asyncio.sleep(0)  # it knows now what changes are remembered from: the short way is open
        path = f"/attempts/{page.ref}/news?since={number}"
        protocol, refused = hall.poll(path, **{"x-cbt-lease": "x" * 32})
        await refused
        assert said(protocol)[0] == 409
        elsewhere, refused = hall.poll(path, **{"x-cbt-lease": page.lease, "cookie": ""})
        await refused
        assert (said(elsewhere)[0], len(hall.parking)) == (403, 0)
        protocol, asked = hall.listen(number)
        await hall.waiting(1)
        former = page.lease
        assert (await asyncio.to_thread(page.start)).status_code == 200
        done(await asyncio.to_thread(Desk(world).act, "hold", reason_code="power"))
        hall.watcher.look()
        await asked
        assert former != page.lease
        assert said(protocol)[0] == 409

    play(page, lost)
