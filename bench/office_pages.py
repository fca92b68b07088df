"""`python -m bench.office_pages`: what the office's pages take with 5,000 applications and 20,000 certificates.

The demo's office, its applications with all that hangs on them and its certificates many times over. Every page
that a link leads to from where an officer and a unit's clerk begin is asked for, one of each address, in one
process and without a network between: the median of several.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from bench.look_ups.register import give_keys
from cbt.application.app import create_app
from cbt.candidates.models import Candidate
from cbt.certificates.look_up import publish
from cbt.certificates.models import Certificate
from cbt.demo.people import DONE, Enrolment
from cbt.enrolment.models import MemberUnit, UnitApplication
from cbt.storage.engine import WRITE, begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.types import Base, db
from cbt.storage.unit_of_work import reading
from tests.conftest import base_settings, close_engine
from tests.growth import grown
from tests.growth.office import WHERE, build_office, walk
from tests.helpers import FakeClock
from tests.world import START

TIMES = 5
APPLICATIONS, CERTIFICATES = 5_000, 20_000
PEOPLE = 500


@contextmanager
def office_of_years(
    folder: Path, *, applications: int, certificates: int
) -> Iterator[tuple[flask.Flask, dict[str, FlaskClient]]]:
    """Lend the office and a browser of each of its staff."""
    folder.mkdir(parents=True)
    settings = base_settings(folder)
    begin_installation(settings)
    app = create_app(settings, clock=FakeClock(START))
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        migrate()
    clients = build_office(app)
    with app.app_context():
        _grow(applications, certificates)
    yield app, clients
    close_engine(app)


def measure_office(
    app: flask.Flask, clients: dict[str, FlaskClient], *, times: int = TIMES
) -> dict[str, float]:
    """Return the median time of each page in milliseconds, asked for so often."""
    return {
        rule: _taken(clients[login], url, times)
        for login, starts in WHERE.items()
        for rule, url in walk(app, clients[login], starts)
    }


def measure_files(
    app: flask.Flask, clients: dict[str, FlaskClient], folder: Path, *, people: int
) -> dict[str, float]:
    """Return the seconds of a statement of so many people (PDF, workbook), and of publishing, first and again."""
    with app.app_context():
        ref = _large_application(people)
        give_keys()
    found = {}
    for kind in ("pdf", "xlsx"):
        began = time.perf_counter()
        reply = clients["danwei1"].get(f"/unit/fees/statements/{ref}/{kind}")
        found[f"statement_{kind}_s"] = time.perf_counter() - began
        if reply.status_code != 200:
            raise RuntimeError(f"a statement was answered with {reply.status_code}")
    site = folder / "site"
    site.mkdir()
    for name in ("publish_s", "publish_again_s"):
        began = time.perf_counter()
        with app.app_context():
            publish(site, today=START.date(), now=START, actor="cli", tell=lambda *_told: None)
        found[name] = time.perf_counter() - began
    return found


def _large_application(people: int) -> str:
    """Have a unit apply for so many, and the office accept them; return the application's ref."""
    with reading() as session:
        unit = session.scalars(select(MemberUnit.ref).order_by(MemberUnit.id)).first() or ""
    story = Enrolment(START, random.Random(9), units=[unit])
    ref = story.apply(0, DONE[:1] * people, 12)
    story.hand_in(ref, 12)
    story.accept(ref, 10)
    return ref


def _grow(applications: int, certificates: int) -> None:
    """Have so many applications with all that hangs on them, and so many certificates, each of somebody else."""
    with db.engine.execution_options(**{WRITE: True}).begin() as connection:
        first = grown.heights(connection)
        known = connection.scalar(select(func.count()).select_from(UnitApplication)) or 1
        grown.grow(connection, (UnitApplication.__tablename__,), applications // known, below=first)
        held = connection.scalar(select(func.max(Certificate.candidate_id))) or 1
        grown.grow(
            connection,
            (Candidate.__tablename__,),
            certificates // held,
            below=first | {Candidate.__tablename__: held},
            without=Base.metadata.tables.keys() - {Candidate.__tablename__, Certificate.__tablename__},
        )
        connection.execute(text("ANALYZE"))


def _taken(client: FlaskClient, url: str, times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        client.get(url, headers={"Accept": "text/html"})
        taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


def main() -> None:
    """Print the pages, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=APPLICATIONS)
    parser.add_argument("--certificates", type=int, default=CERTIFICATES)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cbt-bench-") as name:
        many = {"applications": asked.applications, "certificates": asked.certificates}
        with office_of_years(Path(name) / "office", **many) as (app, clients):
            found = measure_office(app, clients)
            files = measure_files(app, clients, Path(name), people=PEOPLE)
    for rule in sorted(found, key=lambda one: -found[one]):
        print(f"{found[rule]:8.1f} ms  {rule}")
    for what, seconds in files.items():
        print(f"{seconds:8.2f} s   {what}")


if __name__ == "__main__":
    main()
