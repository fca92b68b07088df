"""`python -m bench.results_day`: how many a second read results, look certificates up and sign in.

Served as production does. In one installation candidates sign in at their seats, again and again; in another the
sitting is over, released and shown, with a register of certificates, and each page that everybody asks for on that
day is asked for by a hundred connections at once. The median of several short runs, taken in turns.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from bench.figures import CONNECTIONS
from bench.installation import Installation, installation
from bench.look_ups.over import PUBLICATION, be_over
from bench.look_ups.register import fill, give_keys, number_of
from bench.servers.serve import PRODUCT, Server, running
from bench.traffic.client import Exchange, page_bytes, run_load
from bench.traffic.sign_in import bind_seats
from cbt.demo.world import numbered
from cbt.http.auth.cookies import cookie_signer, cookies_in, session_cookie
from cbt.http.auth.machine import MACHINE_COOKIE, tokens_of
from cbt.rehearsal.http_client import HOST, percentile_ms

PEOPLE, CERTIFICATES = 1_000, 20_000
SECONDS, RUNS = 4.0, 5
MACHINES = 2_000
"""So many machines ask, each at an address of its own: each has a budget of look-ups and of pages."""
BY_A_PROXY = {"CBT_TRUSTED_PROXIES": "127.0.0.1"}
DONE = frozenset({200, 303})
Source = Iterator[Exchange]


@dataclass(slots=True)
class Rate:
    """What the runs of one kind of request came to."""

    per_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    """Of the server's processes, for each request."""
    latencies: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)


class Strangers:
    """Browsers of nobody, each on a machine of its own, with the form token that all of them share."""

    def __init__(self, built: Installation) -> None:
        signer, self.token = cookie_signer(built.app), built.csrf_token
        kept = cookies_in(built.sitters[0].cookie)[session_cookie(built.app, staff=False)]
        field = str(built.app.config["WTF_CSRF_FIELD_NAME"])
        session = signer.dumps({field: signer.loads(kept)[field]})
        machines = [
            f"{MACHINE_COOKIE}={tokens_of(built.app).issue(f's{number}')}" for number in range(MACHINES)
        ]
        self._cookies = cycle(
            f"{session_cookie(built.app, staff=True)}={session}; "
            f"{session_cookie(built.app, staff=False)}={session}; {machine}"
            for machine in machines
        )

    def next(self) -> str:
        """Return the cookies of the next one."""
        return next(self._cookies)


def form_bytes(path: str, cookie: str, fields: dict[str, str], place: int = 0) -> bytes:
    """Return one POST of a form, by way of a proxy from one of a city's addresses."""
    body = urlencode(fields).encode()
    address = f"10.{place >> 16 & 255}.{place >> 8 & 255}.{place & 255}"
    return (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\nAccept: text/html\r\n"
        f"X-Forwarded-For: {address}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def page(path: str, cookie: str) -> bytes:
    """Return one GET of a page."""
    return page_bytes(path, {"Cookie": cookie, "Accept": "text/html"})


def cpu_of(server: Server) -> float:
    """Return the seconds of processor that a server's processes have taken."""
    group, ticks = os.getpgid(server.process.pid), 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            told = stat.read_text().rpartition(")")[2].split()
            ticks += (int(told[11]) + int(told[12])) * (int(told[2]) == group)
    return ticks / os.sysconf("SC_CLK_TCK")


def measured(server: Server, requests: Callable[[], bytes], rate: Rate, *, seconds: float) -> None:
    """Ask for what `requests` returns, a hundred connections at once, each for the next when it has its answer."""
    codes: Counter[int] = Counter()

    def told(status: int, _body: bytes) -> None:
        codes[status] += 1

    def source() -> Source:
        while True:
            yield Exchange(requests(), told)

    before = cpu_of(server)
    load = run_load(server.port, [source() for _ in range(CONNECTIONS)], seconds=seconds)
    rate.per_s.append(sum(codes[status] for status in DONE) / load.seconds)
    rate.cpu_ms.append((cpu_of(server) - before) * 1000 / max(1, codes.total()))
    rate.latencies += load.latencies
    rate.refused += Counter({status: many for status, many in codes.items() if status not in DONE})


def sign_ins(built: Installation) -> Callable[[], bytes]:
    """Return what makes the requests of people who sign in at their seats, one after the other."""
    sitters = cycle(enumerate(built.sitters, 1))

    def request() -> bytes:
        number, sitter = next(sitters)
        person = numbered(number)
        fields = {"csrf_token": sitter.csrf_token, "ticket": person.ticket, "document": person.document[-6:]}
        return form_bytes("/sign-in", sitter.cookie, fields)

    return request


def pages_of_the_day(built: Installation, strangers: Strangers) -> dict[str, Callable[[], bytes]]:
    """Return what makes the requests of each kind of page."""
    mine, looks, people = cycle(built.sitters), count(1), cycle(range(1, len(built.sitters) + 1))
    numbers = cycle(range(1, 1 + max(1, len(built.sitters) // 100)))

    def look_up() -> bytes:
        place = next(looks) % CERTIFICATES + 1
        fields = {"csrf_token": strangers.token, "number": number_of(place), "name": f"持证人{place}"}
        return form_bytes("/verify", strangers.next(), fields, place % MACHINES)

    def asked() -> bytes:
        place = next(people)
        person = numbered(place)
        fields = {"csrf_token": strangers.token, "ticket": person.ticket, "document": person.document[-6:]}
        return form_bytes("/my/results", strangers.next(), fields, place)

    return {
        "my_results": lambda: page("/my/results", next(mine).cookie),
        "results_by_ticket": asked,
        "publicity_index": lambda: page("/publicity", strangers.next()),
        "publicity_list": lambda: page(f"/publicity/{PUBLICATION}?page={next(numbers)}", strangers.next()),
        "look_up": look_up,
        "look_up_form": lambda: page("/verify", strangers.next()),
    }


def rates_of(
    built: Installation, *, signing_in: bool, only: Sequence[str], seconds: float, runs: int
) -> dict[str, Rate]:
    """Return the rates by what is asked for, of those in `only` where it names any.

    Whoever signs in ends the login they had: sign-ins have an installation of their own.
    """
    found: dict[str, Rate] = {}

    def run(server: Server, kinds: dict[str, Callable[[], bytes]]) -> None:
        chosen = {name: make for name, make in kinds.items() if not only or name in only}
        for name, make in chosen.items():
            measured(server, make, Rate(), seconds=seconds / 2)  # what a server meets first does not count
            found[name] = Rate()
        for _ in range(runs):
            for name, make in chosen.items():
                measured(server, make, found[name], seconds=seconds)

    bind_seats(built)
    if signing_in:
        with running(PRODUCT, built.environ) as server:
            run(server, {"sign_in": sign_ins(built)})
        return found
    be_over(built)
    fill(built.app, range(1, CERTIFICATES + 1))
    give_keys()
    strangers = Strangers(built)
    with running(PRODUCT, built.environ | BY_A_PROXY) as server:
        run(server, pages_of_the_day(built, strangers))
    return found


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each run")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--only", default="", help="names, with commas between")
    asked = parser.parse_args()
    only = [name for name in asked.only.split(",") if name]
    found = dict[str, Rate]()
    for signing_in in (True, False):
        if only and not ({*only} - {"sign_in"} if not signing_in else "sign_in" in only):
            continue
        with (
            tempfile.TemporaryDirectory(prefix="cbt-bench-") as name,
            installation(Path(name), attempts=asked.people) as built,
        ):
            found |= rates_of(built, signing_in=signing_in, only=only, seconds=asked.seconds, runs=asked.runs)
    for kind, rate in found.items():
        p99 = percentile_ms(rate.latencies, 0.99) if rate.latencies else None
        refused = ", ".join(f"{many} × {status}" for status, many in sorted(rate.refused.items()))
        print(
            f"{kind:18} {median(rate.per_s):8.0f} /s  ({min(rate.per_s):.0f} … {max(rate.per_s):.0f})"
            + f"  {median(rate.cpu_ms):.2f} ms of processor"
            + (f"  p99 {p99:.0f} ms" if p99 is not None else "")
            + (f"  refused: {refused}" if refused else "")
        )


if __name__ == "__main__":
    main()
