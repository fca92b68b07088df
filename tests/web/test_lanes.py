"""Whose threads answer a request: staff and who only reads have a few of their own, and no save waits for them."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, cast

import flask
import pytest

from cbt.http.auth.access import access_of
from cbt.http.server.deferred import is_promised
from cbt.http.server.front import TEND_SECONDS, Front
from cbt.http.server.lanes import READ_THREADS, STAFF_THREADS, TURN_THREADS, Lane, lane_of
from cbt.rules import overload
from tests.attacks.test_bodies import Protocol, Scope


@pytest.mark.once
def test_each_address_has_its_lane(app: flask.Flask) -> None:
    lane = lane_of(app)
    assert lane("GET", "/proctor/rooms/sr-1/live") is Lane.POLLS
    for path in ("/proctor/rooms/sr-1", "/proctor/rooms/sr-1/start", "/office/nothing-here", "/staff/code"):
        assert lane("GET", path) is lane("POST", path) is Lane.STAFF, path
    assert (lane("GET", "/staff/sign-in"), lane("POST", "/staff/sign-in")) == (Lane.STAFF, Lane.SIGN_INS)
    for path in ("/", "/healthz", "/metrics", "/static/x.js"):
        assert lane("GET", path) is Lane.REST, path
    promised = set()
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        if access is None or access.kind not in {"candidate", "lease", "signed_in"}:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            expected = Lane.READS if method == "GET" and access.kind != "signed_in" else Lane.REST
            if is_promised(app.view_functions[rule.endpoint]):
                expected = Lane.COMMIT
                promised.add(rule.endpoint)
            if rule.endpoint.startswith("door.") and method == "POST":
                expected = Lane.TURNS
            assert lane(method, rule.rule) is expected, rule.rule
    assert promised == {"attempts.start", "attempts.answers", "attempts.submit"}


@pytest.mark.once
def test_all_that_is_written_at_the_door_takes_turns_and_nothing_that_takes_long(app: flask.Flask) -> None:
    lane = lane_of(app)
    door = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("door.") and "POST" in (rule.methods or ())
    }
    assert {"/sign-in", "/sign-in/paper", "/exam/confirm", "/exam/notice", "/exam/query"} < door
    assert {lane("POST", path) for path in door} == {Lane.TURNS}
    for path in ("/my/results/slip", "/preferences"):
        assert lane("POST", path) is Lane.REST, path
    for path in ("/my/results", "/my/results/check", "/verify"):
        assert lane("GET", path) is lane("POST", path) is Lane.PUBLIC, path
    assert lane("GET", "/publicity") is lane("GET", "/publicity/pu-1") is Lane.PUBLIC
    assert lane("GET", "/exam/confirm") is Lane.READS
    assert lane("GET", "/") is Lane.REST


def test_those_who_come_in_a_crowd_go_on_in_the_order_of_their_coming() -> None:
    """A thread for each would be a lottery: whoever drew badly waited for all who came after them."""
    order: list[str] = []
    at_once, most, lock = 0, 0, threading.Lock()

    def work(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        nonlocal at_once, most
        with lock:
            order.append(environ["PATH_INFO"])
            at_once += 1
            most = max(most, at_once)
        together.wait(20)
        with lock:
            at_once -= 1
        start_response("200 OK", [])
        return [b""]

    together, crowd = threading.Barrier(TURN_THREADS), [f"/{number}" for number in range(5 * TURN_THREADS)]

    async def scene() -> None:
        front = Front(
            cast(Any, work),
            threads=64,
            now=lambda: datetime(2026, 11, 24, tzinfo=UTC),
            lane=lambda _method, _path: Lane.TURNS,
        )
        loop = asyncio.get_running_loop()
        front.__rsgi_init__(loop)
        asked = [
            asyncio.ensure_future(
                front.__rsgi__(cast(Any, Scope({}, path=path, method="GET")), cast(Any, Protocol()))
            )
            for path in crowd
        ]
        await asyncio.wait_for(asyncio.gather(*asked), 20)
        front.__rsgi_del__(loop)

    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, scene()).result()
    assert most == TURN_THREADS
    rounds = [order[start : start + TURN_THREADS] for start in range(0, len(order), TURN_THREADS)]
    assert [sorted(one) for one in rounds] == [
        sorted(crowd[start : start + TURN_THREADS]) for start in range(0, len(crowd), TURN_THREADS)
    ]


def test_whoever_waits_for_few_threads_uses_none_of_the_others() -> None:
    go_on, answered = threading.Event(), []

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] != "/seat":
            go_on.wait(20)
        answered.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b""]

    lanes = {"/office": Lane.STAFF, "/live": Lane.POLLS, "/exam": Lane.READS, "/sign-in": Lane.TURNS}
    lanes["/seat"] = Lane.REST

    async def scene() -> None:
        front = Front(
            cast(Any, slow),
            threads=64,
            now=lambda: datetime(2026, 11, 24, tzinfo=UTC),
            lane=lambda _method, path: lanes[path],
        )
        loop = asyncio.get_running_loop()
        front.__rsgi_init__(loop)

        def ask(path: str) -> asyncio.Future[None]:
            scope = Scope({}, path=path, method="GET")
            return asyncio.ensure_future(front.__rsgi__(cast(Any, scope), cast(Any, Protocol())))

        many = [
            ask(path) for path in ("/office", "/live", "/exam", "/sign-in") for _ in range(2 * STAFF_THREADS)
        ]
        await asyncio.wait_for(ask("/seat"), 20)
        assert answered == ["/seat"]
        go_on.set()
        await asyncio.wait_for(asyncio.gather(*many), 20)
        assert len(answered) == 1 + len(many)
        front.__rsgi_del__(loop)

    # A thread of its own: a browser of another test may have left its loop in this one.
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, scene()).result()


class Heard(Protocol):
    """Keeps what was answered."""

    def __init__(self) -> None:
        self.status, self.headers, self.content = 0, dict[str, str](), b""

    def response_bytes(self, status: int, headers: Any, content: bytes) -> None:
        self.status, self.headers, self.content = status, dict(headers), content


def test_what_no_lane_has_room_for_is_refused_at_once_with_a_time_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many come and whatever holds the threads: the line has an end (I14)."""
    monkeypatch.setattr(overload, "MOST_WAITING", 3)
    go_on, heard = threading.Event(), [Heard() for _ in range(READ_THREADS + 5)]
    begun = threading.Semaphore(0)

    def slow(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        begun.release()
        assert go_on.wait(20)
        start_response("200 OK", [])
        return [b""]

    async def scene() -> None:
        front = Front(
            cast(Any, slow),
            threads=64,
            now=lambda: datetime(2026, 11, 24, tzinfo=UTC),
            lane=lambda _method, _path: Lane.READS,
        )
        loop = asyncio.get_running_loop()
        front.__rsgi_init__(loop)
        asked = []
        for number, protocol in enumerate(heard):
            scope = Scope({}, path="/exam", method="GET")
            asked.append(asyncio.ensure_future(front.__rsgi__(cast(Any, scope), cast(Any, protocol))))
            await asyncio.sleep(0)
            if number < READ_THREADS:
                assert await asyncio.to_thread(begun.acquire, timeout=20)
        await asyncio.wait_for(asyncio.gather(*asked[-2:]), 20)
        assert not any(one.done() for one in asked[:-2])
        go_on.set()
        await asyncio.wait_for(asyncio.gather(*asked), 20)
        front.__rsgi_del__(loop)

    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, scene()).result()
    assert [one.status for one in heard] == [200] * (READ_THREADS + 3) + [503] * 2
    for refused in heard[-2:]:
        assert int(refused.headers["retry-after"]) >= 1
        assert "<h1>" in refused.content.decode()


@pytest.mark.parametrize(("lease", "status"), [("x", 503), ("", 200)])
def test_a_page_whose_server_came_to_nothing_for_long_is_told_to_come_again(lease: str, status: int) -> None:
    """What came meanwhile came at nobody knows when, perhaps so long ago that nobody waits any more (I14)."""
    heard, clock = Heard(), [0.0]

    def answer(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b""]

    async def scene() -> None:
        front = Front(
            cast(Any, answer),
            threads=4,
            now=lambda: datetime(2026, 11, 24, tzinfo=UTC),
            lane=lambda _method, _path: Lane.COMMIT,
            timer=lambda: clock[0],
        )
        loop = asyncio.get_running_loop()
        front.__rsgi_init__(loop)
        await asyncio.sleep(4 * TEND_SECONDS)
        scope = Scope({"x-cbt-lease": lease} if lease else {}, path="/exam", method="POST")
        async with asyncio.timeout(20):
            clock[0] += 10.0  # the loop comes to nothing else before it takes this request
            await front.__rsgi__(cast(Any, scope), cast(Any, heard))
        assert heard.status == status
        await asyncio.sleep(4 * TEND_SECONDS)
        async with asyncio.timeout(20):
            await front.__rsgi__(cast(Any, scope), cast(Any, heard))
        assert heard.status == 200, "and then all is as usual"
        front.__rsgi_del__(loop)

    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, scene()).result()
