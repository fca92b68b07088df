"""The worker of an import is killed, in the middle of its check and of its storing; a second try does it."""

from __future__ import annotations

import sys

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from cbt.bank.imports.models import ImportCheck
from cbt.items.models import ImportRun, Item, ItemVersion
from cbt.jobs.models import Job
from cbt.jobs.queue import MOST_TRIES
from cbt.storage.unit_of_work import reading
from tests.bank.sheets import truth, workbook
from tests.bank.test_import_pages import send, text_of, work
from tests.file_jobs import kill, wait_until, working
from tests.helpers import flat
from tests.world import World

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there a process is ended in other ways")
# A check of so many rows takes its seconds: each of the two is killed on one of the databases.
ROWS = [truth(f"第{number}步应当主动问候客户。", answer="√×"[number % 2]) for number in range(200)]


def state_of(world: World) -> str:
    """Return how far the file is."""
    with world.app.app_context(), reading() as session:
        return session.scalars(select(ImportCheck.state)).one()


def is_begun(world: World) -> bool:
    """Return whether a worker has begun the last job."""
    with world.app.app_context(), reading() as session:
        return session.scalars(select(Job.state).order_by(Job.id.desc()).limit(1)).one() == "working"


def stored(world: World) -> int:
    """Return how many items arrived."""
    with world.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).where(Item.state == "in_review")) or 0


def is_over(client: FlaskClient, address: str) -> bool:
    """Return whether the page that waits is told to look again: nobody is to wait any longer."""
    return client.get(f"{address}/progress").headers.get("HX-Refresh") == "true"


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_check_whose_workers_are_killed_is_told_and_can_be_made_again(world: World) -> None:
    client = world.staff("author")
    address = send(client, ("题库.xlsx", workbook(ROWS)))
    with working(world.app) as worker:
        wait_until(lambda: is_begun(world))
        kill(worker, world.app, tries=MOST_TRIES)
    with working(world.app):
        wait_until(lambda: is_over(client, address))
    page = text_of(client, address)
    assert "检查进程意外中止" in page
    assert "请再试一次" in page
    assert client.post(f"{address}/retry").status_code == 303
    work(world, address)
    assert state_of(world) == "ready"
    assert is_over(client, address)
    assert "200" in text_of(client, address)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_storing_that_is_killed_is_told_and_goes_on_without_doubles(world: World) -> None:
    client = world.staff("author")
    address = send(client, ("题库.xlsx", workbook(ROWS)))
    work(world, address)
    assert client.post(address).status_code == 303
    with working(world.app) as worker:
        wait_until(lambda: stored(world))
        kill(worker, world.app, tries=MOST_TRIES)  # it went on by itself before
    assert 0 < stored(world) < len(ROWS)
    with working(world.app):
        wait_until(lambda: is_over(client, address))
    page = text_of(client, address)
    assert "入库进程意外中止" in page
    assert "请继续入库" in page
    assert client.post(f"{address}/retry").status_code == 303
    work(world, address)
    assert "已入库：新增 200 题" in flat(client.get(address, follow_redirects=True).text)

    with world.app.app_context(), reading() as session:
        runs = session.scalars(select(ImportRun).order_by(ImportRun.id.desc())).all()
        kept = session.scalars(
            select(ItemVersion.item_id).where(ItemVersion.import_run_id == runs[0].id)
        ).all()
    assert [run.state for run in runs] == ["stored"] * len(runs)
    assert stored(world) == len(kept) == len(set(kept)) == len(ROWS)
