"""What was changed in a score, a form or a journal is found; what cannot be scored hides no other."""

from __future__ import annotations

import json
import math
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text

from cbt.config import as_environment
from cbt.rules.canonical import canonical_json
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Attempt
from cbt.runner.save.journal import QUIET
from cbt.scoring import service
from cbt.scoring.service import CHUNK, score_closed, shared_evenly, verify_sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.group_commit import GroupWriter
from tests.delivery.driver import Page, opened_page
from tests.fork_server import CAN_FORK
from tests.product_processes import PATIENCE_SECONDS, Forked
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
NAMES = ("theory", "second")


@pytest.fixture
def page(world: World) -> Page:
    return opened_page(world)


def test_a_tampered_sheet_form_or_journal_is_found_by_verify(page: Page, world: World) -> None:
    page.answer(1, "A")
    world.clock.set(PLANNED + 50 * MINUTE)
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
        score_closed(now=world.clock.now())
        assert [one.ok for one in verify_sitting(world.sitting_ref)] == [True]
        with unit_of_work() as session:
            session.execute(text("UPDATE journal SET value = :value"), {"value": canonical_json("B")})
        checked = verify_sitting(world.sitting_ref)[0]
        assert (checked.journal_ok, checked.form_ok) == (False, True)
        with unit_of_work() as session:
            session.execute(
                text('UPDATE form SET content = replace(content, \'"points":"1"\', \'"points":"2"\')')
            )
        checked = verify_sitting(world.sitting_ref)[0]
        assert (checked.form_ok, checked.sheet_ok) == (False, False), (
            "the form is read, not what was prepared of it"
        )


@given(count=st.integers(0, 5000), processes=st.integers(1, 16))
@example(count=3000, processes=2)
def test_processes_share_a_sitting_evenly(count: int, processes: int) -> None:
    chunks = shared_evenly(range(count), processes)
    assert [one for chunk in chunks for one in chunk] == list(range(count))
    assert all(0 < len(chunk) <= CHUNK for chunk in chunks)
    if count > CHUNK:
        longest = max(len(chunk) for chunk in chunks)
        rounds = math.ceil(len(chunks) / processes)
        assert rounds * longest <= count / processes + rounds, "nobody has a chunk more than their share"


@pytest.mark.parametrize(
    ("waiting", "quiet", "commits"),
    [
        pytest.param(0, QUIET, 1, id="alone"),
        pytest.param(1, QUIET, 2, id="beside saves"),
        pytest.param(0, 0.0, 2, id="between two saves"),
    ],
)
def test_scores_are_written_in_small_pieces_while_others_wait_to_write(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch, waiting: int, quiet: float, commits: int
) -> None:
    assert Page(world, "second").start().status_code == 200
    world.clock.set(PLANNED + 90 * MINUTE)
    pieces: list[int] = []
    write = service._put_down

    def written(found: Any, **more: Any) -> bool:
        pieces.append(len(found))
        return write(found, **more)

    monkeypatch.setattr(service, "_put_down", written)
    monkeypatch.setattr(service, "PIECE", 1)
    monkeypatch.setattr(GroupWriter, "unanswered", waiting)
    monkeypatch.setattr(GroupWriter, "quiet_seconds", quiet)
    with world.app.app_context():
        assert expire_overdue(now=world.clock.now()) == 2
        assert score_closed(now=world.clock.now()) == 2
        assert [one.ok for one in verify_sitting(world.sitting_ref)] == [True, True]
    assert len(pieces) == commits


def test_scoring_rests_while_others_wait_to_write_and_leaves_the_rest_to_the_next_sweep(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Page(world, "second").start().status_code == 200
    world.clock.set(PLANNED + 90 * MINUTE)
    rests: list[float] = []
    monkeypatch.setattr(service, "sleep", rests.append)
    monkeypatch.setattr(service, "PIECE", 1)
    monkeypatch.setattr(GroupWriter, "quiet_seconds", QUIET)
    with world.app.app_context():
        assert expire_overdue(now=world.clock.now()) == 2
        with monkeypatch.context() as busy:
            busy.setattr(GroupWriter, "unanswered", 1)
            busy.setattr(service, "LONGEST_SWEEP", -1.0)
            assert (score_closed(now=world.clock.now()), rests) == (0, [])
            busy.setattr(service, "LONGEST_SWEEP", 60.0)
            assert score_closed(now=world.clock.now()) == 2
        assert len(rests) == 4, "one for each piece worked out and one for each written"
        assert all(0 < one <= service.LONGEST_REST for one in rests)
        with unit_of_work() as session:
            session.execute(text("UPDATE attempt SET state = 'closed' WHERE state = 'scored'"))
        monkeypatch.setattr(service, "LONGEST_SWEEP", -1.0)
        assert score_closed(now=world.clock.now()) == 2, "nobody waits, so nothing is left"
    assert len(rests) == 4


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("score = '60.0'", id="the points shown"),
        pytest.param("passed = NOT passed", id="the verdict"),
        pytest.param('sheet = replace(sheet, \'"raw":"\', \'"raw":"9\')', id="the sheet"),
    ],
)
def test_a_score_that_does_not_say_what_its_sheet_says_is_found_by_verify(
    page: Page, world: World, change: str
) -> None:
    page.answer(1, "A")
    world.clock.set(PLANNED + 50 * MINUTE)
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
        score_closed(now=world.clock.now())
        with unit_of_work() as session:
            session.execute(text(f"UPDATE score SET {change}"))
        checked = verify_sitting(world.sitting_ref)[0]
        assert (checked.sheet_ok, checked.journal_ok, checked.form_ok) == (False, True, True)


def test_a_score_that_is_gone_is_found_by_verify_and_hides_no_other(page: Page, world: World) -> None:
    other = Page(world, "second")
    assert other.start().status_code == 200
    world.clock.set(PLANNED + 50 * MINUTE)
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
        score_closed(now=world.clock.now())
        with unit_of_work() as session:
            gone = {"id": world.sitters["theory"].attempt_id}
            session.execute(text("DELETE FROM score WHERE attempt_id = :id"), gone)
        checked = {one.attempt_ref: (one.sheet_ok, one.score) for one in verify_sitting(world.sitting_ref)}
    assert checked == {page.ref: (False, ""), other.ref: (True, "0.0")}


def test_one_attempt_that_cannot_be_scored_does_not_keep_the_others_from_it(page: Page, world: World) -> None:
    other = Page(world, "second")
    assert other.start().status_code == 200
    world.clock.set(PLANNED + 50 * MINUTE)
    with world.app.app_context():
        assert expire_overdue(now=world.clock.now()) == 2
        with unit_of_work() as session:
            poisoned = {"id": world.sitters["theory"].attempt_id}
            its_own = "(SELECT form_id FROM attempt WHERE id = :id)"
            session.execute(text(f"UPDATE form SET content = '{{}}' WHERE id = {its_own}"), poisoned)
            session.execute(text(f"DELETE FROM arrangement WHERE form_id = {its_own}"), poisoned)
        assert score_closed(now=world.clock.now()) == 1
        with reading() as session:
            states = {name: session.get_one(Attempt, world.sitters[name].attempt_id).state for name in NAMES}
    assert states == {"theory": "closed", "second": "scored"}


@pytest.mark.skipif(not CAN_FORK, reason="this system copies no processes: threads look instead")
def test_processes_of_their_own_find_the_same_as_threads(page: Page, world: World, tmp_path: Path) -> None:
    assert Page(world, "second").start().status_code == 200
    world.clock.set(PLANNED + 50 * MINUTE)
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
        score_closed(now=world.clock.now())
        with unit_of_work() as session:
            spoilt = {"id": world.sitters["second"].attempt_id}
            session.execute(text("UPDATE score SET score = '60.0' WHERE attempt_id = :id"), spoilt)
        expected = [[one.attempt_ref, one.ok] for one in verify_sitting(world.sitting_ref)]
    assert [ok for _, ok in expected] == [True, False]
    log, out, err = (tmp_path / name for name in ("log", "out", "err"))
    done = Forked(
        "tests.scoring.apart_scene:main",
        (world.sitting_ref, str(log)),
        environment=os.environ | as_environment(world.app.extensions["cbt_settings"]),
        folder=Path.cwd(),
        out=out,
        err=err,
    )
    assert done.wait(PATIENCE_SECONDS) == 0, err.read_text("utf-8")
    told = json.loads(out.read_text("utf-8").splitlines()[-1])
    looked = dict(line.split() for line in log.read_text("utf-8").splitlines())
    assert told["checked"] == expected
    assert told["raised"] == "attempt.unknown"
    assert len(looked) == 2
    assert str(told["own"]) not in looked
    # What was loaded is left out of their collections: going through it would copy it.
    assert all(int(left_out) > told["left_out"] for left_out in looked.values())
