"""Slow requests are noted and counted, and no person is in anything that is watched from outside."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any, cast

import flask
import pytest

from cbt.http.request_log import ObservedApp, origin
from cbt.ops.logs import JsonLines
from tests.delivery.driver import Page, opened_page
from tests.watching.scraped import scrape
from tests.world import World


@pytest.fixture
def page(world: World) -> Page:
    """王小明 writes."""
    return opened_page(world)


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """The lines of the request log."""
    written: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(JsonLines().format(record))

    handler, log = Keep(), logging.getLogger("cbt.requests")
    log.addHandler(handler)
    yield written
    log.removeHandler(handler)


class Stopwatch:
    """A timer by which every request takes `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._read = 0

    def __call__(self) -> float:
        """Return the next reading: a request begins at one and ends at the next."""
        self._read += 1
        return self._read // 2 * self.seconds


@pytest.mark.parametrize(
    ("seconds", "noted"), [pytest.param(0.5, 0, id="at the limit"), pytest.param(0.501, 1, id="over it")]
)
def test_a_line_is_written_over_the_limit_only(
    world: World, lines: list[str], seconds: float, noted: int
) -> None:
    app = cast(ObservedApp, world.app)
    app.request_log.timer = Stopwatch(seconds)
    app.test_client().get("/healthz")
    assert len(lines) == noted


def _slow(world: World) -> None:
    app = cast(ObservedApp, world.app)
    app.request_log.timer = Stopwatch(2.0)


def test_a_slow_request_is_one_json_line(page: Page, world: World, lines: list[str]) -> None:
    _slow(world)
    page.answer(1, "A")
    (line,) = lines
    told: dict[str, Any] = json.loads(line)
    assert told.pop("pid") > 0
    assert told == {
        "at": world.clock.now().isoformat(timespec="milliseconds"),
        "level": "warning",
        "logger": "cbt.requests",
        "event": "slow_request",
        "endpoint": "attempts.answers",
        "status": 200,
        "ms": 2000,
        "from": "loopback",
    }


def test_neither_log_nor_metrics_nor_health_hold_anything_of_a_person(
    page: Page, world: World, lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    _slow(world)
    room = {"REMOTE_ADDR": "192.168.37.41"}
    theory = world.sitters["theory"]
    page.answer(1, "A")
    page.client.get(f"/exam/{theory.attempt_ref}", environ_overrides=room)
    world.app.test_client().post(
        "/sign-in", data={"ticket": theory.ticket, "document": theory.document[-6:]}, environ_overrides=room
    )
    staff = world.staff("officer")
    staff.get(f"/office/sittings/{world.sitting_ref}", environ_overrides=room)
    world.staff("proctor").get(f"/proctor/rooms/{world.room_ref}?q={theory.name}", environ_overrides=room)
    client = world.app.test_client()
    health_text = client.get("/healthz").get_data(as_text=True)
    metrics_text = client.get("/metrics", headers={"Host": "localhost"}).get_data(as_text=True)
    assert len(lines) >= 5
    written = "\n".join([*lines, caplog.text, health_text, metrics_text])
    secrets = {"192.168.37.41", world.sitting_ref, world.room_ref, world.room_code, page.lease}
    for sitter in world.sitters.values():
        secrets |= {sitter.name, sitter.document, sitter.document[-6:], sitter.ticket}
        secrets |= {sitter.attempt_ref, sitter.registration_ref}
    for person in world.people.values():
        secrets |= {person.ref, f"{person.login}-老师"}
    assert [one for one in secrets if one in written] == []
    assert '"from": "lan"' in written


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("10.0.0.8", "lan"),
        ("fd00::8", "lan"),
        ("8.8.8.8", "elsewhere"),
        ("", "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_of_an_address_only_its_kind_is_said(address: str, kind: str) -> None:
    assert origin(address) == kind


def test_a_request_that_breaks_is_counted_as_an_error(app: flask.Flask) -> None:
    watched = cast(ObservedApp, app)

    def break_(*_: object) -> Any:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        watched.request_log.watch(break_, {"cbt.endpoint": "broken"}, lambda *_: print)
    assert scrape(app)['cbt_requests_total{endpoint="none",status="5xx"}'] == 1


def test_a_save_that_breaks_before_flask_sees_it_is_no_success(app: flask.Flask) -> None:
    watched = cast(ObservedApp, app)

    def break_(*_: object) -> Any:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        watched.request_log.watch(break_, {}, lambda *_: print)
    samples = scrape(app)
    assert samples['cbt_requests_total{endpoint="attempts.answers",status="5xx"}'] == 1
    assert 'cbt_requests_total{endpoint="attempts.answers",status="2xx"}' not in samples


def test_counting_under_threads_loses_nothing(app: flask.Flask) -> None:
    metrics = app.extensions["cbt_metrics"]
    endpoint = "attempts.answers"
    threads = [
        threading.Thread(target=lambda: [metrics.answered(endpoint, 200, 0.01) for _ in range(500)])
        for _ in range(4)
    ]
    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(former)
    samples = scrape(app)
    assert samples['cbt_requests_total{endpoint="attempts.answers",status="2xx"}'] == 2000
    assert samples['cbt_request_seconds_bucket{kind="save",status="2xx",le="0.01"}'] == 2000
    assert samples['cbt_request_seconds_sum{kind="save",status="2xx"}'] == pytest.approx(20)
