"""`python -m bench.office_pages`: what the office's pages take with 5,000 applications and 20,000 certificates.

The demo's office, its applications with all that hangs on them and its certificates many times over. Every page
that a link leads to from where an officer and a unit's clerk begin is asked for, one of each address, in one
process and without a network between: the median of several.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from cbt.application.app import create_app
from cbt.certificates.models import Certificate
from cbt.db.engine import WRITE, begin_installation
from cbt.db.migrate import migrate
from cbt.db.types import db
from cbt.enrolment.applications.models import UnitApplication
from tests.conftest import base_settings, close_engine
from tests.growth import grown
from tests.growth.office import WHERE, build_office, walk
from tests.helpers import FakeClock
from tests.world import START

TIMES = 5
APPLICATIONS, CERTIFICATES = 5_000, 20_000


def measure_office(folder: Path, *, applications: int, certificates: int) -> dict[str, float]:
    """Return the median time of each page in milliseconds."""
    folder.mkdir(parents=True)
    settings = base_settings(folder)
    begin_installation(settings)
    app = create_app(settings, clock=FakeClock(START))
    app.testing = True
    with app.app_context():
        migrate()
    clients = build_office(app)
    with app.app_context():
        _grow({UnitApplication: applications, Certificate: certificates})
    found = {
        rule: _taken(clients[login], url)
        for login, starts in WHERE.items()
        for rule, url in walk(app, clients[login], starts)
    }
    close_engine(app)
    return found


def _grow(tables: dict[type[UnitApplication] | type[Certificate], int]) -> None:
    with db.engine.execution_options(**{WRITE: True}).begin() as connection:
        for table, many in tables.items():
            known = connection.scalar(select(func.count()).select_from(table)) or many
            if known < many:
                grown.grow(connection, (table.__tablename__,), many // known, below=grown.heights(connection))
        connection.execute(text("ANALYZE"))


def _taken(client: FlaskClient, url: str) -> float:
    taken = []
    for _ in range(TIMES):
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
        found = measure_office(
            Path(name) / "office", applications=asked.applications, certificates=asked.certificates
        )
    for rule in sorted(found, key=lambda one: -found[one]):
        print(f"{found[rule]:8.1f} ms  {rule}")


if __name__ == "__main__":
    main()
