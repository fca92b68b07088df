"""Candidates who sit down: seat page, sign-in, the page that asks whether it is them; each at its own fixed time.

The latency counts from when somebody was due, so a server that stalls is seen by all who were due meanwhile.
"""

from __future__ import annotations

import gzip
import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode

from sqlalchemy import select

from bench.installation import Installation, Sitter
from bench.traffic.client import HOST
from bench.traffic.loads import Ledger
from bench.traffic.paced import Paced, run_paced
from cbt.candidates.models import Registration
from cbt.demo.world import numbered
from cbt.http.auth.machine import MACHINE_COOKIE, token_hash
from cbt.runner.models import Attempt
from cbt.sittings.models import Seat
from cbt.storage.unit_of_work import unit_of_work

AT_ONCE = 64
"""So many browsers are on their way at most; more who are due wait, and their latency says so."""
SAVES_PER_S = 500
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_GIVEN = {"Accept": "text/html", "Accept-Encoding": "gzip", "User-Agent": "bench"}


@dataclass(slots=True)
class SignIns:
    """How long whoever signed in waited in all, and how many were not let in."""

    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0
    saves: Paced = field(default_factory=Paced)


def bind_seats(built: Installation) -> None:
    """Have every seat its machine: the one its candidate is signed in at."""
    with unit_of_work() as session:
        seats = select(Attempt.id, Seat).join(Registration, Registration.id == Attempt.registration_id)
        for attempt, seat in session.execute(seats.join(Seat, Seat.id == Registration.seat_id)):
            seat.machine_hash = token_hash(f"m{attempt}")


def run_sign_ins(
    port: int,
    sitters: Sequence[Sitter],
    savers: Sequence[Sitter],
    ledger: Ledger,
    *,
    per_minute: int,
    seconds: float,
) -> SignIns:
    """Let `per_minute` of `sitters` sign in anew for `seconds`, each at its seat, beside the saves of `savers`.

    The first comes when the first saves: by then all savers are connected, who sit there already in a room.
    """
    found, lock, sitting = SignIns(), threading.Lock(), threading.Event()
    step = 60 / per_minute
    many = round(seconds / step)

    def save() -> None:
        every, begin = len(savers) / SAVES_PER_S, [(0.0, sitting.set)]
        try:
            found.saves = run_paced(port, savers, ledger, every=every, seconds=seconds, events=begin)
        finally:
            sitting.set()

    def come(place: int, due: float) -> None:
        index = place % len(sitters)
        came = _sign_in(port, sitters[index], index + 1)
        with lock:
            found.latencies.append(time.perf_counter() - due)
            found.refused += not came

    beside = threading.Thread(target=save)
    beside.start()
    sitting.wait()
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for place in range(many):
            due = began + place * step
            time.sleep(max(due - time.perf_counter(), 0))
            pool.submit(come, place, due)
    found.seconds = time.perf_counter() - began
    beside.join()
    return found


def _sign_in(port: int, sitter: Sitter, number: int) -> bool:
    person = numbered(number)
    machine = next(one for one in sitter.cookie.split("; ") if one.startswith(f"{MACHINE_COOKIE}="))
    line = HTTPConnection(HOST, port, timeout=30)
    try:
        reply, page = _ask(line, "GET", "/", machine)
        token = _TOKEN.search(page)
        if reply.status != 200 or token is None:
            return False
        kept = _kept(reply, machine)
        fields = {"csrf_token": token.group(1), "ticket": person.ticket, "document": person.document[-6:]}
        reply, _ = _ask(line, "POST", "/sign-in", kept, urlencode(fields))
        if reply.status != 303:
            return False
        reply, _ = _ask(line, "GET", reply.headers["Location"], _kept(reply, machine))
        return reply.status in {200, 303}
    finally:
        line.close()


def _ask(
    line: HTTPConnection, method: str, path: str, cookie: str, body: str = ""
) -> tuple[HTTPResponse, str]:
    headers = {**_GIVEN, "Cookie": cookie}
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    line.request(method, path, body.encode() or None, headers)
    reply = line.getresponse()
    content = reply.read()
    if reply.headers.get("Content-Encoding") == "gzip":
        content = gzip.decompress(content)
    return reply, content.decode("utf-8", "replace")


def _kept(reply: HTTPResponse, machine: str) -> str:
    """Return the cookies a browser sends after a reply: that of its machine, and what was set."""
    given = [one.partition(";")[0] for one in reply.headers.get_all("Set-Cookie") or ()]
    return "; ".join([machine, *(one for one in given if not one.startswith(f"{MACHINE_COOKIE}="))])
