"""The app behind its front, as a server process has it: requests that wait, and looks that are the test's."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, cast

from cbt.http.server.deferred import MOST_WAITING, WAIT_SECONDS, Parking
from cbt.http.server.front import Front
from cbt.http.server.lanes import Lane, LaneOf
from cbt.runner.news.watcher import Watcher
from tests.attacks.test_bodies import Protocol, Scope
from tests.delivery.driver import Page
from tests.loops import run_in_loop


@dataclass
class Fronted:
    """The app behind a front, with a watcher that looks when it is told to."""

    page: Page
    parking: Parking
    watcher: Watcher
    front: Front

    def poll(self, path: str, **headers: str) -> tuple[Protocol, asyncio.Future[None]]:
        """Ask; return where the answer comes."""
        protocol = Protocol()
        cookies = "; ".join(f"{one.key}={one.value}" for one in self.page.client._cookies.values())
        path, _, query = path.partition("?")
        scope = Scope({"cookie": cookies, "host": "localhost", **headers}, path=path, method="GET")
        scope.query_string, scope.client = query, "127.0.0.1:50000"
        scope.authority = "localhost"
        asked = asyncio.ensure_future(self.front.__rsgi__(cast(Any, scope), cast(Any, protocol)))
        return protocol, asked

    def post(self, path: str, body: object, **headers: str) -> tuple[Protocol, asyncio.Future[None]]:
        """Send JSON as the page does, under its lease; return where the answer comes."""
        protocol, raw = Protocol(), json.dumps(body).encode()
        protocol.body.set_result(raw)
        cookies = "; ".join(f"{one.key}={one.value}" for one in self.page.client._cookies.values())
        sent = {"cookie": cookies, "host": "localhost", "content-type": "application/json", **headers}
        scope = Scope({**sent, "content-length": str(len(raw)), "x-cbt-lease": self.page.lease}, path=path)
        scope.client = "127.0.0.1:50000"
        asked = asyncio.ensure_future(self.front.__rsgi__(cast(Any, scope), cast(Any, protocol)))
        return protocol, asked

    def listen(self, since: int) -> tuple[Protocol, asyncio.Future[None]]:
        """Ask for the news of the page."""
        return self.poll(f"/attempts/{self.page.ref}/news?since={since}", **{"x-cbt-lease": self.page.lease})

    async def waiting(self, count: int) -> None:
        """Return once so many wait."""
        while len(self.parking) != count:
            await asyncio.sleep(0.002)


Scene = Callable[[Fronted], Coroutine[Any, Any, None]]


def play(page: Page, scene: Scene, *, lane: LaneOf = lambda _method, _path: Lane.REST, **limits: Any) -> None:
    app = page.world.app

    async def run() -> None:
        parking: Parking = app.extensions["cbt_parking"]
        watcher: Watcher = app.extensions["cbt_news"]
        vars(parking).update(limits)
        parking.begun = lambda: None  # looks are the test's
        watcher.keep_up = lambda: watcher.look() if watcher._looked_at == -math.inf else None  # type: ignore[method-assign]
        front = Front(app, threads=2, now=page.world.clock.now, parking=parking, lane=lane)
        front.__rsgi_init__(asyncio.get_running_loop())
        try:
            await asyncio.wait_for(scene(Fronted(page, parking, watcher, front)), 20)
        finally:
            front.__rsgi_del__(asyncio.get_running_loop())
            vars(parking).update(_most=MOST_WAITING, _seconds=WAIT_SECONDS)

    run_in_loop(run())


def said(protocol: Protocol) -> tuple[int, str]:
    assert protocol.answer is not None
    return protocol.answer[0], protocol.answer[2].decode()
