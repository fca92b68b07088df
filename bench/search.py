"""`python -m bench.search`: how long a search, and a page of coverage or a draw, takes in a bank of 100,000 items.

On either database. The whole answer is timed, from the request to the page, in one process and without a network
between.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import flask
from sqlalchemy import insert, text

from cbt.application.app import create_app
from cbt.bank.changes import save_taxonomy
from cbt.bank.search import words_of
from cbt.blueprints.store import blueprint_text
from cbt.blueprints.versions import store_blueprint
from cbt.demo.world import add_staff
from cbt.interchange.text_bank import read_folder
from cbt.items.models import Item, ItemSearch, ItemVersion
from cbt.paths import product_dir
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.roles import Role
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work
from tests.conftest import base_settings, close_engine
from tests.databases import start_postgres
from tests.helpers import sign_in_as

ITEMS = 100_000
AT_ONCE = 5_000
BANK = "large"
TIMES = 7
QUERIES = {
    "everything": "",
    "the last page": "page={last}",
    "a range": "point=A-B",
    "state and type": "state=draft&type=single_choice",
    "a word in most items": "text=客户",
    "a word of two": "text=停电",
    "three words": "text=客户 投诉 处理",
    "a sentence nobody wrote": "text=没有人写过这句话",
    "one character": "text=客",
    "initials": "text=khts",
    "a word, a range, a state": "text=客户&point=A-B&state=draft",
}
COVERS = {
    "coverage of theory": "paper=large:theory",
    "coverage for three papers": "paper=large:theory&papers=3",
    "coverage of skills": "paper=large:skills",
}
DRAWS = {
    "a theory paper drawn": "paper=large:theory&seed=7",
    "a skills paper drawn": "paper=large:skills&seed=7",
    "a look at some items": "paper=look&seed=7",
}
PAGES = {"bank.bank": QUERIES, "coverage.page": COVERS, "coverage.draw": DRAWS}
ONE_CASE_IN = 100


def build(app: flask.Flask, items: int) -> str:
    """Fill a bank with items whose texts are pieces of the sample bank's; return the ref of its author."""
    found = read_folder(product_dir("question_bank") / "customer-service-l3")
    assert found.taxonomy is not None
    samples = [draft.data for draft in found.items if "stem" in draft.data and "parts" not in draft.data]
    cases = [draft.data for draft in found.items if "parts" in draft.data]
    pieces = [piece for one in samples for piece in str(one["stem"]).split("，")]
    chance, now = random.Random(1), datetime.now(UTC)
    with unit_of_work() as session:
        author = add_staff(session, Role.AUTHOR, login="author", name="命题人", now=now).ref
        save_taxonomy(session, BANK, found.taxonomy, now=now, actor="cli")
        text = blueprint_text(product_dir("blueprints") / "customer-service-l3.toml")
        store_blueprint(session, text.replace('"customer-service-l3"', f'"{BANK}"'), now=now, actor="cli")
    for start in range(0, items, AT_ONCE):
        rows, versions, words = [], [], []
        for number in range(start + 1, start + AT_ONCE + 1):
            stem = "，".join(chance.choices(pieces, k=3))
            if number % ONE_CASE_IN:
                data = {
                    **chance.choice(samples),
                    "stem": stem,
                    "point": chance.choice(found.taxonomy.points).code,
                }
            else:
                data = {**chance.choice(cases), "title": stem}
            said_by, ref = canonical_json(data), f"{data['point']}-{number}"
            fact = {"id": number, "bank_id": 1, "ref": ref, "type": data["type"], "point": data["point"]}
            state = chance.choice(["draft", "in_review", "reviewed", "reviewed"])
            more = {
                "unit": data.get("unit"),
                "difficulty": data.get("difficulty", 3),
                "version": 1,
                "current": 1,
                "state": state,
            }
            rows.append({**fact, **more, "reviewer": "", "author": f"staff:{author}"})
            said = {
                "item_id": number,
                "number": 1,
                "replaces": 0,
                "content": said_by,
                "sha256": digest(said_by),
            }
            versions.append({**said, "import_run_id": None, "actor": "cli", "created_at": now})
            words.append({"item_id": number, "words": words_of(ref, data)})
        with unit_of_work() as session:
            for model, values in ((Item, rows), (ItemVersion, versions), (ItemSearch, words)):
                session.execute(insert(model), values)
    _settle(app)
    return author


def _settle(app: flask.Flask) -> None:
    """Have PostgreSQL look at its tables as it does by itself, after a while."""
    with app.app_context():
        if db.engine.dialect.name == "postgresql":
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))


@contextmanager
def served(folder: Path, url: str) -> Iterator[flask.Flask]:
    """Keep the product on an empty database."""
    settings = base_settings(folder, url)
    begin_installation(settings)
    app = create_app(settings)
    app.testing = True
    with app.app_context():
        migrate()
        yield app
    close_engine(app)


def measure(app: flask.Flask, items: int) -> dict[str, tuple[float, float]]:
    """Return the median and the longest time of each search, in milliseconds."""
    client = sign_in_as(app, kind="staff", subject_ref=build(app, items))
    figures = {}
    pages = [(page, *one) for page, queries in PAGES.items() for one in queries.items()]
    for endpoint, name, query in pages:
        path = f"{flask.url_for(endpoint, ref=BANK)}?{query.format(last=items // 50)}"
        taken = []
        for _ in range(TIMES + 1):
            began = time.perf_counter()
            assert client.get(path).status_code == 200
            taken.append((time.perf_counter() - began) * 1000)
        figures[name] = (median(taken[1:]), max(taken[1:]))
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    asked = parser.parse_args()
    server = start_postgres() if asked.only != "sqlite" else None
    urls = {"sqlite": ""} if asked.only != "postgresql" else {}
    if server is not None:
        urls["postgresql"] = server.create("search")
    for kind, url in urls.items():
        with (
            tempfile.TemporaryDirectory() as folder,
            served(Path(folder), url) as app,
            app.test_request_context(),
        ):
            began = time.monotonic()
            figures = measure(app, asked.items)
            print(f"{kind}: {asked.items} items, {time.monotonic() - began:.0f} s")
            for name, (middle, longest) in figures.items():
                print(f"  {name:28} {middle:7.1f} ms, at most {longest:7.1f} ms")
    if server is not None:
        server.stop()


if __name__ == "__main__":
    main()
