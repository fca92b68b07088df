"""The worker's own process: it carries out what pages ask for, goes on after a kill, and is behind."""

from __future__ import annotations

import ctypes
import re
import signal
import sys
from pathlib import Path

import pytest
from sqlalchemy import select, update

from cbt.jobs import answers, queue
from cbt.jobs.models import Job, JobState
from cbt.jobs.registry import job_kinds_of
from cbt.runner.jobs import DRAW
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.file_jobs import wait_until, working
from tests.world import World


@pytest.fixture
def served(world: World) -> World:
    """A world whose pages know that a worker is kept."""
    job_kinds_of(world.app).worker_is_kept = True
    return world


def states(world: World) -> list[str]:
    """Return how all jobs stand, in the order in which they were asked for."""
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(Job.state).order_by(Job.id)))


def test_pages_say_how_far_a_job_is_and_the_worker_does_it(
    served: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    officer, page = served.staff("officer"), f"/office/sittings/{served.sitting_ref}"
    asked = officer.post(f"{page}/draw")
    assert (asked.status_code, asked.location) == (303, page)
    shown = officer.get(page).get_data(as_text=True)
    [card] = re.findall(r'hx-get="(/jobs/[^"]+/card)"', shown)
    assert "排队中" in officer.get(card).get_data(as_text=True)
    assert states(served) == [JobState.WAITING]
    with working(served.app):
        wait_until(lambda: states(served) == [JobState.DONE])
        assert "hx-get" not in officer.get(card).get_data(as_text=True)
        assert "/card" not in officer.get(page).get_data(as_text=True)


def test_a_file_that_is_not_there_at_once_is_fetched_from_the_page_of_its_job(
    served: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    officer = served.staff("officer")
    asked = officer.post(f"/results/{served.sitting_ref}/workbook")
    assert asked.status_code == 303
    waiting = officer.get(asked.location).get_data(as_text=True)
    assert 'http-equiv="refresh"' in waiting
    assert officer.get(f"{asked.location}/file.xlsx").status_code == 404
    with working(served.app):
        wait_until(lambda: states(served)[0] not in (JobState.WAITING, JobState.WORKING))
    over = officer.get(asked.location).get_data(as_text=True)
    assert 'http-equiv="refresh"' not in over
    assert states(served) == [JobState.FAILED]  # the sitting is not over
    assert "没有" in over


def test_what_a_killed_worker_had_begun_is_gone_on_with(served: World) -> None:
    with served.app.app_context(), unit_of_work() as session:
        ref = queue.put(
            session, DRAW, subject="sitting:x", asked={"sitting": served.sitting_ref},
            now=served.clock.now(), actor=f"staff:{served.people['officer'].ref}",
        )  # fmt: skip
        session.flush()
        held = update(Job).where(Job.ref == ref).values(
            state=JobState.WORKING, holder="wo-killed", held_until=served.clock.now(), tries=1
        )  # fmt: skip
        session.execute(held)
    with working(served.app):
        wait_until(lambda: states(served) == [JobState.DONE])


@pytest.mark.skipif(sys.platform != "linux", reason="says to a thread what is for its process")
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_worker_hears_that_it_is_to_end_whichever_thread_takes_the_signal(
    served: World, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    with working(served.app, log) as worker:
        wait_until(lambda: log.exists() and '"role": "jobs"' in log.read_text("utf-8"))
        threads = (int(folder.name) for folder in Path(f"/proc/{worker.pid}/task").iterdir())
        others = [thread for thread in threads if thread != worker.pid]
        assert ctypes.CDLL(None).tgkill(worker.pid, others[0], signal.SIGTERM) == 0
        assert worker.wait(60) == 0
