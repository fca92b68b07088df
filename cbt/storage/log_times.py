"""When the commits of the second copy's logs were made, and where a log is cut to have a moment back.

    cbt-00000007.times   a line a commit: frames of log 7 up to it, its instant in microseconds, 1 after a gap

An instant is the product's clock's right after the commit. A gap is told where commits may have been made unseen
since the line before: the copy was behind, or the power went before a line was on disk.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from cbt.errors import InvalidInput
from cbt.storage.private_files import open_private
from cbt.storage.types import from_micros, to_micros

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a log: where it ends, when it was made, and whether others may have been made just before."""

    log: int
    frames: int
    at: datetime
    after_gap: bool = False


def times_path(folder: Path, number: int) -> Path:
    return folder / f"cbt-{number:08d}.times"


def read_times(folder: Path, number: int) -> list[Commit]:
    """Return the commits of a log that were noted, in their order; a line that is not whole is none."""
    try:
        lines = times_path(folder, number).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    commits: list[Commit] = []
    for line in lines:
        try:
            frames, micros, gap = (int(part) for part in line.split())
        except ValueError:  # torn by a power cut
            continue
        # What another process had noted already may be noted again, later.
        if frames > (commits[-1].frames if commits else 0):
            commits.append(Commit(number, frames, from_micros(micros), bool(gap)))
    return commits


class TimesFile:
    """One process's hold on the times of the newest log. What cannot be noted stops no save and is a gap later."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._handle: BinaryIO | None = None
        self._gap = False

    def begin(self, path: Path) -> None:
        """Note into another file from here on; `path` may be there already."""
        self.close()
        try:
            descriptor = open_private(path, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            self._tell(error)
        else:
            self._handle = os.fdopen(descriptor, "ab", buffering=0)

    def note(self, frames: int, *, after_gap: bool = False) -> None:
        """Note that the commit which ends with frame `frames` has just been made."""
        gap = after_gap or self._gap
        # A line begins with its end of line: one that was torn before it spoils nothing.
        line = f"\n{frames} {to_micros(self._now())} {int(gap)}".encode("ascii")
        try:
            if self._handle is None or self._handle.write(line) != len(line):
                raise OSError("not written")
        except OSError as error:
            self._tell(error)
        else:
            self._gap = False

    def _tell(self, error: OSError) -> None:
        if not self._gap:
            log.warning("when commits are made cannot be noted: %s", type(error).__name__)
        self._gap = True

    def close(self) -> None:
        """Let go of the file."""
        if self._handle is not None:
            with suppress(OSError):
                self._handle.close()
        self._handle = None


def commits_of(folder: Path, logs: range, closed: Mapping[str, int]) -> Iterator[Commit]:
    """Yield the commits that were noted of several logs; `closed` has the frames of those that are done."""
    seamless = True
    for number in logs:
        commits = read_times(folder, number)
        for commit in commits:
            yield commit if seamless else replace(commit, after_gap=True)
            seamless = True
        seamless = seamless and bool(commits) and commits[-1].frames == closed.get(str(number))


def reach(folder: Path, logs: range, closed: Mapping[str, int]) -> tuple[datetime, datetime] | None:
    """Return the first and the last moment that logs bring back; None where nothing was noted."""
    commits = list(commits_of(folder, logs, closed))
    return (commits[0].at, max(one.at for one in commits)) if commits else None


def typed(at: datetime, zone: ZoneInfo, *, up: bool = False) -> str:
    """Return an instant as it is typed: whole seconds of the zone, the one before it, or after it with `up`."""
    rounded = at + timedelta(microseconds=999_999) if up else at
    return f"{rounded.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def cut_at(commits: list[Commit], at: datetime, zone: ZoneInfo) -> Commit:
    """Return the last commit before the first that is later than `at`.

    So nothing later than that is in, also where a clock was set back. Raise InvalidInput("copy.no_moments") where
    nothing was noted, ("copy.moment") with the moments that can be had, ("copy.moment_gap") with those nearest,
    each as it would be typed in `zone`.
    """
    if not commits:
        raise InvalidInput("copy.no_moments")
    first, last = commits[0].at, max(one.at for one in commits)
    if not first <= at <= last:
        named = {"first": typed(first, zone, up=True), "last": typed(last, zone)}
        raise InvalidInput("copy.moment", asked=typed(at, zone), **named)
    before = commits[0]
    for commit in commits:
        if commit.at > at:
            if commit.after_gap and before.at < at:
                named = {"before": typed(before.at, zone), "after": typed(commit.at, zone, up=True)}
                raise InvalidInput("copy.moment_gap", asked=typed(at, zone), **named)
            break
        before = commit
    return before
