"""`python -m bench.office_pages`: what the office's pages take with 5,000 applications and 20,000 certificates.

The demo's office, its applications with all that hangs on them and its certificates many times over. Every page
that a link leads to from where an officer and a unit's clerk begin is asked for, one of each address, in one
process and without a network between: the median of several.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
import time
from collections import deque
from pathlib import Path
from statistics import median

import flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from werkzeug.exceptions import HTTPException

from cbt.accounts.models import Staff
from cbt.application.app import create_app
from cbt.certificates.models import Certificate
from cbt.db.engine import WRITE, begin_installation
from cbt.db.migrate import migrate
from cbt.db.types import db
from cbt.db.unit_of_work import unit_of_work
from cbt.demo.build import build_demo
from cbt.enrolment.applications.models import UnitApplication
from tests.conftest import base_settings, close_engine
from tests.growth import grown
from tests.helpers import FakeClock, sign_in_as
from tests.world import START

TIMES = 5
APPLICATIONS, CERTIFICATES = 5_000, 20_000
WHERE = {
    "kaowu": ("/office/units", "/office/applications", "/office/fees", "/office/certificates", "/results"),
    "danwei1": ("/unit",),
}
"""Whose pages are asked for, and where they begin."""
OF_THE_OFFICE = re.compile(
    r"/(office/(units|agreements|body|applications|fees|certificates|retention)|results|unit)\b"
)
_LINK = re.compile(r'href="(/[^"#]*)"')


def measure_office(folder: Path, *, applications: int, certificates: int) -> dict[str, float]:
    """Return the median time of each page in milliseconds."""
    folder.mkdir(parents=True)
    settings, clock = base_settings(folder), FakeClock(START)
    begin_installation(settings)
    app = create_app(settings, clock=clock)
    app.testing = True
    with app.app_context():
        migrate()
        build_demo(settings, now=START, rng=random.Random(4))
        _grow({UnitApplication: applications, Certificate: certificates})
        with unit_of_work() as session:
            for one in session.scalars(select(Staff)):
                one.must_change_password = False
            refs = {one.login: one.ref for one in session.scalars(select(Staff))}
    found: dict[str, float] = {}
    for login, starts in WHERE.items():
        client = sign_in_as(app, kind="staff", subject_ref=refs[login], machine=f"m-{login}")
        found |= _measured(app, client, starts)
    close_engine(app)
    return found


def _grow(tables: dict[type[UnitApplication] | type[Certificate], int]) -> None:
    with db.engine.execution_options(**{WRITE: True}).begin() as connection:
        for table, many in tables.items():
            known = connection.scalar(select(func.count()).select_from(table)) or many
            if known < many:
                grown.grow(connection, (table.__tablename__,), many // known, below=grown.heights(connection))
        # The log is as it was: its next entry follows on the last.
        connection.execute(text("ANALYZE"))


def _measured(app: flask.Flask, client: FlaskClient, starts: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    seen: set[str] = set()
    waiting = deque(starts)
    addresses = app.url_map.bind("localhost")
    while waiting:
        url = waiting.popleft()
        try:
            rule = str(addresses.match(url.partition("?")[0], return_rule=True)[0])
        except HTTPException:
            continue
        if rule in seen or not OF_THE_OFFICE.match(url):
            continue
        seen.add(rule)
        taken = []
        for _ in range(TIMES + 1):
            began = time.perf_counter()
            reply = client.get(url, headers={"Accept": "text/html"})
            taken.append((time.perf_counter() - began) * 1000)
        if reply.status_code != 200:
            raise RuntimeError(f"{url} was answered with {reply.status_code}: that is no page to measure")
        if reply.mimetype != "text/html":
            continue  # a file is made of as much as it holds
        found[rule] = median(taken[1:])
        waiting.extend(_LINK.findall(reply.text.replace("&amp;", "&")))
    return found


def main() -> None:
    """Print the pages, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=APPLICATIONS)
    parser.add_argument("--certificates", type=int, default=CERTIFICATES)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cbt-bench-") as name:
        found = measure_office(
            Path(name) / "office", applications=asked.applications, certificates=asked.certificates
        )
    for rule in sorted(found, key=lambda one: -found[one]):
        print(f"{found[rule]:8.1f} ms  {rule}")


if __name__ == "__main__":
    main()
