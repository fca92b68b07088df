"""Where lines go, what is summed up, and that a log nobody can write to stops nothing."""

from __future__ import annotations

import io
import json
import logging
import os
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cbt.config import Settings
from cbt.errors import CbtError
from cbt.ops.logs import (
    WINDOW_SECONDS,
    JsonLines,
    Keeper,
    LogFile,
    Repeats,
    check_log_file,
    refusals_told,
    shown_settings,
    unwritten,
)


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


class Written:
    """A logger whose lines are kept, and the calls that wait for their time."""

    def __init__(self) -> None:
        self.seconds = Seconds()
        self.waiting: list[tuple[float, Callable[[], None]]] = []
        self._stream = io.StringIO()
        out = logging.StreamHandler(self._stream)
        out.setFormatter(JsonLines())
        self.keeper = Keeper(out, Repeats(self.seconds), lambda *call: self.waiting.append(call))
        self.log = logging.Logger("cbt.test")
        self.log.addHandler(self.keeper)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was written so far."""
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    def told(self) -> list[tuple[str, int | None]]:
        """Return the event of each line, and for how many more it stands."""
        return [(line["event"], line.get("repeated")) for line in self.lines]

    def come(self) -> None:
        """Let the time of the next call come."""
        seconds, call = self.waiting.pop(0)
        self.seconds.now += seconds
        call()


@pytest.fixture
def written() -> Written:
    """A logger whose lines are kept."""
    return Written()


def test_the_same_within_a_minute_is_one_line_and_one_with_a_count(written: Written) -> None:
    for batch in range(1, 42):
        written.log.warning("batch of %d rolled back", batch)
    assert written.told() == [("batch of 1 rolled back", None)]
    [(seconds, _)] = written.waiting
    assert seconds == WINDOW_SECONDS
    written.come()
    assert written.told()[1:] == [("batch of 41 rolled back", 40)]
    assert written.lines[1]["since"] == written.lines[0]["at"]
    assert written.waiting == []


def test_after_the_minute_it_is_a_first_line_again(written: Written) -> None:
    written.log.warning("full")
    written.seconds.now += WINDOW_SECONDS
    written.log.warning("full")
    assert written.told() == [("full", None), ("full", None)]


def test_what_waits_is_told_before_what_comes_late_and_when_the_process_ends(written: Written) -> None:
    for _ in range(3):
        written.log.warning("full")
    written.seconds.now += WINDOW_SECONDS
    written.log.warning("something else")
    assert written.told() == [("full", None), ("full", 2), ("something else", None)]
    written.log.warning("something else")
    written.keeper.tell_sums(all_of_them=True)
    assert written.told()[3:] == [("something else", 1)]


def test_what_differs_is_not_summed_up(written: Written) -> None:
    written.log.warning("one")
    written.log.error("one")
    written.log.warning("two")
    for error in (ValueError(), TypeError()):
        written.log.warning("one", exc_info=error)
    for endpoint in ("attempts.answers", "attempts.start"):
        written.log.warning("slow_request", extra={"told": {"endpoint": endpoint}})
    for _ in range(2):
        written.log.info("start")
    assert len(written.lines) == 9


def test_a_file_that_was_moved_away_is_opened_anew_for_the_next_line(tmp_path: Path) -> None:
    path = tmp_path / "cbt.log"
    with closing(LogFile(path)) as handler:
        log = logging.Logger("cbt.test")
        log.addHandler(handler)
        log.warning("before")
        path.rename(tmp_path / "cbt.log.1")
        log.warning("after")
    assert (tmp_path / "cbt.log.1").read_text() == "before\n"
    assert path.read_text() == "after\n"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_the_file_is_made_0640_whatever_the_umask_and_so_is_the_one_after_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "cbt.log"
    before = os.umask(0o077)
    try:
        with closing(LogFile(path)) as handler:
            log = logging.Logger("cbt.test")
            log.addHandler(handler)
            log.warning("before")
            path.rename(tmp_path / "cbt.log.1")
            os.umask(0)
            log.warning("after")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "cbt.log.1", path)]
    assert modes == [0o640, 0o640]
    path.chmod(0o600)
    LogFile(path)._open().close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "who closed it further has their reason"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_a_full_disk_of_the_log_is_told_raises_nowhere_and_ends_with_the_first_line_that_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cbt.log"
    path.symlink_to("/dev/full")
    root = logging.getLogger()
    with closing(LogFile(path)) as handler:
        monkeypatch.setattr(root, "handlers", [Keeper(handler, Repeats())])
        logging.warning("a line")
        assert unwritten() == ["log.unwritten"]
        assert "a line" in capsys.readouterr().err
        with (
            monkeypatch.context() as deaf,
            Path("/dev/null").open("r", encoding="utf-8") as not_to_be_written,
        ):
            deaf.setattr(sys, "stderr", not_to_be_written)
            logging.error("nobody can hear this one")
        path.unlink()
        logging.warning("room again")
        assert unwritten() == []
    assert path.read_text("utf-8") == "room again\n"


def test_a_line_that_cannot_be_written_goes_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    with closing(LogFile(folder / "cbt.log")) as handler:
        log = logging.Logger("cbt.test")
        log.addHandler(handler)
        log.warning("before")
        (folder / "cbt.log").unlink()
        folder.rmdir()
        log.warning("after")
        assert capsys.readouterr().err == "after\n"
        folder.mkdir()
        log.warning("later")
    assert (folder / "cbt.log").read_text() == "later\n"


def test_a_file_that_cannot_be_written_is_refused_before_anybody_is_served(tmp_path: Path) -> None:
    check_log_file(Settings())
    check_log_file(Settings(log_file=tmp_path / "cbt.log"))
    with pytest.raises(CbtError) as error:
        check_log_file(Settings(log_file=tmp_path / "not" / "there.log"))
    assert (error.value.code, error.value.params["detail"]) == ("serve.log_file", os.strerror(2))


def test_settings_are_told_without_the_password_of_the_database() -> None:
    settings = Settings(database_url="postgresql+psycopg://cbt:geheim@db/cbt", port=8001)
    shown = shown_settings(settings)
    assert shown["CBT_DATABASE_URL"] == "postgresql+psycopg://cbt:***@db/cbt"
    assert shown["CBT_PORT"] == "8001"
    assert "geheim" not in str(shown)


def test_a_refused_start_stands_in_the_file_too(tmp_path: Path) -> None:
    log = logging.getLogger("cbt.life")
    handler = LogFile(tmp_path / "cbt.log")
    handler.setFormatter(JsonLines())
    log.addHandler(handler)
    settings = Settings(log_file=tmp_path / "cbt.log")
    try:
        for one in (settings, replace(settings, log_file=None)):
            with pytest.raises(CbtError), refusals_told(one):
                raise CbtError("db.key_missing", path="database.key")
    finally:
        log.removeHandler(handler)
        handler.close()
    [line] = (tmp_path / "cbt.log").read_text().splitlines()
    assert json.loads(line)["code"] == "db.key_missing"
