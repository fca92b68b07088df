"""The page of a job leads back to where it was asked for, to the thing it is about, and to what came of it."""

from __future__ import annotations

import io

from sqlalchemy import select

from cbt.bank.jobs import EXPORT
from cbt.jobs import queue
from cbt.jobs.models import Job
from cbt.jobs.registry import JobKind
from cbt.jobs.worker import run_due
from cbt.runner.jobs import DRAW
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.sheets import truth, workbook
from tests.jobs.test_worker import served
from tests.world import World

__all__ = ["served"]


def put(world: World, kind: JobKind, who: str, subject: str, page: str = "", **asked: str) -> str:
    """Have a job of somebody wait, and return the address of its page."""
    actor = f"staff:{world.people[who].ref}"
    with world.app.app_context(), unit_of_work() as session:
        now = world.clock.now()
        ref = queue.put(session, kind, subject=subject, asked=asked, page=page, now=now, actor=actor)
    return f"/jobs/{ref}"


def carry_out(world: World) -> None:
    with world.app.app_context():
        assert run_due(now=world.clock.now()) == 1


def main_of(page: str) -> str:
    return page.partition("<main")[2]


def test_it_leads_back_while_it_goes_on_and_to_what_came_of_it_once_it_is_done(served: World) -> None:
    thing, page = f"/office/sittings/{served.sitting_ref}", f"/office/batches/{served.batch_ref}"
    sitting = served.sitting_ref
    job, officer = (
        put(served, DRAW, "officer", f"sitting:{sitting}", page, sitting=sitting),
        served.staff("officer"),
    )
    going_on = main_of(officer.get(job).text)
    assert f'<a href="{thing}">' in going_on
    assert f'href="{page}"' in going_on
    assert "返回" in going_on
    assert "查看结果" not in going_on
    assert f'<a href="{thing}">' in main_of(officer.get("/jobs").text)
    carry_out(served)
    done = main_of(officer.get(job).text)
    assert "查看结果" in done
    assert done.count(f'href="{page}"') == 1


def test_one_that_no_page_asked_for_leads_to_what_it_is_about(served: World) -> None:
    sitting = served.sitting_ref
    job = put(served, DRAW, "officer", f"sitting:{sitting}", sitting=sitting)
    shown = main_of(served.staff("officer").get(job).text)
    assert shown.count(f'href="/office/sittings/{sitting}"') == 2


def test_nobody_is_led_to_a_page_that_is_not_theirs(served: World) -> None:
    job = put(served, EXPORT, "author", f"batch:{served.batch_ref}", bank="x", form="text", drawn="")
    shown = main_of(served.staff("author").get(job).text)
    assert "/office/" not in shown
    assert "返回" not in shown


def test_the_check_of_a_file_leads_to_its_import(served: World) -> None:
    author, bank = served.staff("author"), "/bank/customer-service-l3"
    sent = author.post(
        f"{bank}/import", data={"file": (io.BytesIO(workbook([truth("对吗？")])), "题库.xlsx")}
    )
    brought = str(sent.headers["Location"])
    with served.app.app_context(), reading() as session:
        [ref] = session.scalars(select(Job.ref))
    waiting = main_of(author.get(f"/jobs/{ref}").text)
    assert f'href="{brought}"' in waiting
    assert f'href="{bank}"' in waiting
    carry_out(served)
    done = main_of(author.get(f"/jobs/{ref}").text)
    assert "查看结果" in done
    assert done.count(f'href="{brought}"') == 1
