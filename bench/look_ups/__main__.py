"""`python -m bench.look_ups`: do look-ups of certificates take as long for what is wrong as for what is right?

One process, a register of 20,000: right pairs, wrong names and numbers that nobody has are timed in turn, and the
medians told as ratios. Below that, how long the pages of the register take.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import flask

from bench.look_ups.register import NOW, fill, number_of
from cbt.application.app import create_app
from cbt.certificates import look_up
from cbt.demo.world import add_staff
from cbt.rules.roles import Role
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.unit_of_work import unit_of_work
from tests.conftest import base_settings, close_engine
from tests.helpers import sign_in_as

CERTIFICATES = 20_000
TIMES, PAGE_TIMES = 3_000, 7
PAGES = {
    "the register": "/office/certificates/register",
    "its last page": f"/office/certificates/register?page={CERTIFICATES // 50}",
    "a name in it": "/office/certificates/register?q=持证人12",
    "a number in it": "/office/certificates/register?q=S000031000001263012345",
    "upload files": "/office/certificates/uploads",
}


def timed(call: Callable[[], object]) -> float:
    """Return how long a call takes, in microseconds."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1e6


def answers(app: flask.Flask, rng: random.Random) -> Mapping[str, float]:
    """Return the median time of an answer by what was asked, in microseconds."""
    found: dict[str, list[float]] = {"right": [], "wrong name": [], "unknown number": []}
    with app.app_context():
        for _turn in range(TIMES):
            place = rng.randint(1, CERTIFICATES)
            pairs = {
                "right": (number_of(place), f"持证人{place}"),
                "wrong name": (number_of(place), f"持证人{place}0"),
                "unknown number": (number_of(place + CERTIFICATES), f"持证人{place}"),
            }
            for kind in rng.sample(sorted(pairs), len(pairs)):
                found[kind].append(timed(partial(look_up.answer_of, *pairs[kind])))
    return {kind: median(times) for kind, times in found.items()}


@contextmanager
def installed(folder: Path) -> Iterator[flask.Flask]:
    """Make an installation in a folder, and close it again."""
    settings = base_settings(folder)
    begin_installation(settings)
    app = create_app(settings)
    with app.app_context():
        migrate()
    try:
        yield app
    finally:
        close_engine(app)


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as folder, installed(Path(folder)) as app:
        fill(app, range(1, CERTIFICATES + 1))
        with app.app_context(), unit_of_work() as session:
            officer = add_staff(session, Role.OFFICER, login="officer", name="考务", now=NOW).ref
        medians = answers(app, random.Random(94))
        for kind, microseconds in medians.items():
            print(
                f"{kind:16} {microseconds:8.0f} µs  {microseconds / medians['unknown number']:.2f} × unknown"
            )
        client = sign_in_as(app, kind="staff", subject_ref=officer, machine="m-bench")
        for name, page in PAGES.items():
            client.get(page)
            times = [timed(partial(client.get, page)) for _ in range(PAGE_TIMES)]
            print(f"{name:16} {median(times) / 1000:8.1f} ms")


if __name__ == "__main__":
    main()
