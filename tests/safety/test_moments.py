"""A moment is had back from the second copy's logs: what was saved by then, and nothing later."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cbt.application.app import create_app
from cbt.errors import CbtError
from cbt.ops.backup.restore import Rebuilt, rebuild
from cbt.storage import mirror
from cbt.storage.log_times import read_times, times_path
from cbt.storage.mirror import base_number, read_copy
from tests.conftest import close_engine
from tests.delivery.driver import Page
from tests.safety.conftest import begin_exam, settings_of
from tests.safety.harm import run_cbt
from tests.safety.test_journal_copy import copy_of, journal
from tests.world import World

# Only there: PostgreSQL has moments back by its own means.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
SECOND = timedelta(seconds=1)
ZONE = ZoneInfo("Asia/Shanghai")


def answer_each_second(world: World, page: Page, count: int, *, first: int = 1) -> list[datetime]:
    """Save answers at known instants, every third in a log of its own; return the instants."""
    instants = []
    for position in range(first, first + count):
        world.clock.advance(SECOND)
        if position % 3 == 0:
            copy_of(world)._log._empty_at = 1
        assert page.answer(position, "A").status_code == 200
        instants.append(world.clock.now())
    return instants


def look_back(world: World, copy: Path, place: Path, at: datetime | None = None) -> Rebuilt:
    """Rebuild a copy apart, up to a moment."""
    return rebuild(settings_of(world), copy, into=place / "data", at=at)


def saved_in(world: World, place: Path, done: Rebuilt) -> int:
    """Return how many answers a place that was rebuilt has, which has to be whole."""
    assert not done.torn
    assert not done.damaged
    apart = replace(settings_of(world), data_dir=place / "data", key_dir=None, journal_copy_dir=None)
    app = create_app(apart, clock=world.clock)
    rows = journal(app)
    close_engine(app)
    return len(rows)


def test_between_two_saves_only_the_earlier_ones_are_there(copied: World, tmp_path: Path) -> None:
    page = begin_exam(copied)
    instants = answer_each_second(copied, page, 8)
    with copy_of(copied)._log._tidying():
        shutil.copytree(tmp_path / "copy", tmp_path / "taken")
    assert len(list((tmp_path / "taken").glob("*.log"))) >= 3, "several logs are gone through"
    for number, instant in enumerate(instants, start=1):
        last = number == len(instants)
        for asked in (instant, *(() if last else (instant + SECOND / 2, instant + SECOND * 0.999))):
            place = tmp_path / f"{asked:%H%M%S%f}"
            done = look_back(copied, tmp_path / "taken", place, asked)
            assert saved_in(copied, place, done) == number
            assert done.until == instant


def test_in_place_the_copy_is_put_aside_and_another_moment_can_be_had_from_it(
    copied: World, tmp_path: Path
) -> None:
    page = begin_exam(copied)
    instants = answer_each_second(copied, page, 4)
    close_engine(copied.app)
    settings = settings_of(copied)
    settings.data_dir.rename(tmp_path / "data.kept")
    for asked, code in (("gestern", "safety.moment"), ("2026-01-01 00:00", "copy.moment")):
        refused = run_cbt(settings, "restore", "--at", asked, "--json")
        assert (refused.returncode, code in refused.stdout) == (2, True)
    assert "2026-" in refused.stdout
    moment = f"{instants[1].astimezone(ZoneInfo(settings.timezone)):%Y-%m-%d %H:%M:%S}"
    told = run_cbt(settings, "restore", "--at", moment)
    assert told.returncode == 0, told.stderr
    assert f"截至 {moment}" in told.stdout
    [aside] = (tmp_path / "copy").glob("until-*")
    assert str(aside) in told.stdout
    app = create_app(settings, clock=copied.clock)
    page.go_on_at(app)
    assert page.answer(9, "B").status_code == 200, "the start goes on, with a copy of its own"
    assert len(journal(app)) == 3
    close_engine(app)
    whole = look_back(copied, aside, tmp_path / "whole")
    assert whole.facts.journal == 4, "nothing was lost with what was left out"
    assert look_back(copied, tmp_path / "copy", tmp_path / "new").facts.journal == 3


def test_while_the_copy_was_away_no_moment_is_claimed(copied: World, tmp_path: Path) -> None:
    copy_of(copied)._required = False
    page = begin_exam(copied)
    instants = answer_each_second(copied, page, 2)
    (tmp_path / "copy").rename(tmp_path / "unplugged")
    unseen = answer_each_second(copied, page, 2, first=4)
    (tmp_path / "unplugged").rename(tmp_path / "copy")
    after = answer_each_second(copied, page, 1, first=7)
    for asked in unseen:
        with pytest.raises(CbtError, match=r"copy\.moment_gap") as refused:
            look_back(copied, tmp_path / "copy", tmp_path / "gap", asked)
    named = refused.value.params
    before, later = (
        datetime.fromisoformat(str(named[end])).replace(tzinfo=ZONE) for end in ("before", "after")
    )
    assert (before, later) == (instants[-1], after[0])
    for number, (asked, saved) in enumerate(((before, 2), (later, 5))):
        place = tmp_path / str(number)
        done = look_back(copied, tmp_path / "copy", place, asked)
        assert saved_in(copied, place, done) == saved


def test_what_cannot_be_noted_stops_no_save(
    copied: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = begin_exam(copied)
    copy_of(copied)._log._times.close()
    assert page.answer(1, "A").status_code == 200
    assert page.answer(2, "A").status_code == 200
    assert caplog.text.count("cannot be noted") == 1
    assert look_back(copied, tmp_path / "copy", tmp_path / "whole").facts.journal == 2


def test_logs_are_kept_for_as_long_as_is_set_and_no_longer(
    copied: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, folder = begin_exam(copied), tmp_path / "copy"
    answer_each_second(copied, page, 9)
    key, now = copy_of(copied)._source.key, copied.clock.now()
    copy = read_copy(folder)
    assert copy is not None

    def fold(since: datetime | None) -> int | None:
        with copy_of(copied)._log._tidying():
            mirror.fold(folder, key, keep_from=since)
        return base_number(folder, copy.newest)

    first = fold(now - timedelta(hours=1))
    assert first == 1
    before = fold(now - 4 * SECOND)
    assert before is not None
    assert first < before < copy.newest
    assert read_times(folder, before)[-1].at >= now - 4 * SECOND
    assert not times_path(folder, first).exists()
    with monkeypatch.context() as fuller:
        fuller.setattr(mirror, "MOST_KEPT", 1)
        assert fold(now - 4 * SECOND) == copy.newest - 1
    monkeypatch.setattr(mirror, "ROOM_BYTES", 1 << 60)
    assert fold(now - 4 * SECOND) == copy.newest, "the copy comes before its history"
