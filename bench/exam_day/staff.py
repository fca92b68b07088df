"""The proctors of the day: each has the board of a room open, and acts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from bench.exam_day.hall import Desk
from bench.exam_day.people import Examinee
from bench.exam_day.tally import Tally
from bench.exam_day.wire import Browser
from cbt.rehearsal.http_client import WireReply

LOOK_EVERY = 2.0
"""static/proctoring/board: so often an open board asks what changed."""
REMIND_EVERY = 15.0
AGAIN_SECONDS = 0.5
DONE = frozenset({200, 204, 303, 304})
CONFLICT = 409


class Proctor:
    """Somebody at the board of a room; `refused` is what the server did not do."""

    def __init__(
        self, desk: Desk, port: int, tally: Tally, csrf_token: str, clock: Callable[[], float]
    ) -> None:
        self._desk, self._tally, self._csrf, self._clock = desk, tally, csrf_token, clock
        self.cookies = dict(pair.split("=", 1) for pair in desk.cookie.split("; "))
        self.board_path = desk.board
        self._board, self._acting = Browser(port, self.cookies), Browser(port, self.cookies)
        self._hand, self._begun = asyncio.Lock(), asyncio.Event()
        self.refused: list[str] = []

    @property
    def broken(self) -> int:
        """How many connections broke with a request in flight."""
        return self._board.broken + self._acting.broken

    async def watch(self, after: float) -> None:
        """Come after so many seconds, and have the board open: the page, then what changed, every other second."""
        await asyncio.sleep(after)
        await self._sure(self._board, "board", "GET", self.board_path, due=self._clock())
        etag, due = "", self._clock()
        while True:
            due += LOOK_EVERY
            await asyncio.sleep(max(0.0, due - self._clock()))
            headers = {"Accept": "application/json, text/html;q=0.9"} | (
                {"If-None-Match": etag} if etag else {}
            )
            reply = await self._sure(
                self._board, "board_poll", "GET", self._desk.live, headers=headers, due=due
            )
            etag = reply.etag or etag

    def leave(self) -> None:
        """Close the board."""
        self._board.close()
        self._acting.close()

    async def begin(self) -> None:
        """统一开考."""
        await self.does("start", {})
        self._begun.set()

    async def hold(self, seconds: float) -> None:
        """全场暂停, and 恢复 after so many seconds."""
        await self._begun.wait()
        await self.does("hold", {"reason_code": "power", "reason": "跳闸"})
        await asyncio.sleep(seconds)
        await self.does("resume_room", {})

    async def reminds(self, people: Sequence[Examinee], *, first: float, until: float) -> None:
        """提醒 one candidate after the other, of those who sit."""
        due = first
        for one in people:
            if due > until:
                return
            await asyncio.sleep(max(0.0, due - self._clock()))
            if one.lease and not one.account.closed and not one.moved:
                await self.does("remind", {"seat": one.comer.registration, "text": "请注意考试时间"})
                due += REMIND_EVERY

    async def does(self, code: str, fields: Mapping[str, str]) -> None:
        """Do an act; one hand does one thing at a time.

        An act whose answer a killed process took along was done or not: asked for again, it may be refused as done.
        """
        body = urlencode({"csrf_token": self._csrf, **fields}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        due, broken = self._clock(), self._acting.broken
        async with self._hand:
            reply = await self._sure(
                self._acting, "act", "POST", self._desk.acts + code, body=body, headers=headers, due=due
            )
        was_done = reply.status == CONFLICT and self._acting.broken > broken
        if reply.status not in DONE and not was_done:
            self.refused.append(f"{code}.{reply.status}")

    async def _sure(
        self,
        browser: Browser,
        kind: str,
        method: str,
        path: str,
        *,
        due: float,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> WireReply:
        """Send until the server answers."""
        while True:
            reply = await browser.ask(method, path, body, headers or {})
            if reply.status not in (0, 503):
                break
            await asyncio.sleep(AGAIN_SECONDS)
        self._tally.note(kind, self._clock() - due)
        if method == "GET" and reply.status not in DONE:
            self.refused.append(f"{kind}.{reply.status}")
        return reply
