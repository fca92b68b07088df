"""Disks after a power cut: what was acknowledged is on them, and a missing sync is found."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cbt.storage.engine import DATABASE_NAME
from torture.power_cut.images import Recording, cut_power, record
from torture.power_cut.recording import SECTOR, Disk, Event, read_recording

IMAGES = 60
WAL = f"{DATABASE_NAME}-wal"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A recorded process in which people start, save, hand in and are closed."""
    assert shutil.which("strace"), "strace is missing: apt-get install strace"
    return record(tmp_path_factory.mktemp("recorded"), saves=40, seed=1)


def test_every_image_recovers_with_everything_acknowledged(recording: Recording) -> None:
    cut = cut_power(recording, images=IMAGES, seed=2)
    assert cut.broken == []
    assert cut.images == IMAGES
    assert min(cut.acknowledged, cut.compared, cut.verified) > 0


def test_a_log_that_is_not_synced_before_the_acknowledgement_is_found(recording: Recording) -> None:
    careless = [one for one in recording.events if not (one.what == "sync" and one.file.endswith(WAL))]
    cut = cut_power(replace(recording, events=careless), images=8, seed=2)
    assert any("I1" in one for one in cut.broken)


def test_the_recording_holds_starts_saves_and_closings(recording: Recording) -> None:
    marks = [one.data for one in recording.events if one.what == "mark"]
    assert {mark.split(b'"')[1] for mark in marks} == {b"start", b"save", b"close"}
    whats = {(one.what, Path(one.file).name) for one in recording.events}
    assert {("write", WAL), ("sync", WAL), ("write", DATABASE_NAME), ("sync", DATABASE_NAME)} <= whats


def test_a_log_of_two_threads_is_read_in_the_order_the_calls_ended() -> None:
    a, marks = r"\x2f\x61", r"\x2f\x6d"  # the file /a, the marks file /m
    lines = [
        f"11 lseek(3<{a}>, 4096, SEEK_SET) = 4096",
        f'11 write(3<{a}>, "\\x01\\x02", 2 <unfinished ...>',
        f'12 write(4<{marks}>, "\\x5b", 1) = 1',
        "11 <... write resumed>) = 2",
        f'11 pwrite64(3<{a}>, "\\x09\\x09", 2, 8) = 1',
        f"11 fdatasync(3<{a}>) = -1 EIO (Input/output error)",
        f"11 ftruncate(3<{a}>, 10) = 0",
        f"11 fsync(3<{a}>) = 0",
        '11 unlink("\\x2f\\x61") = 0',
        "11 +++ exited with 0 +++",
    ]
    assert list(read_recording(lines, marks=Path("/m"))) == [
        Event("mark", "/m", data=b"["),
        Event("write", "/a", 4096, b"\x01\x02"),
        Event("write", "/a", 8, b"\x09"),
        Event("truncate", "/a", 10),
        Event("sync", "/a"),
        Event("unlink", "/a"),
    ]


def test_what_was_synced_is_on_every_disk_and_what_was_not_may_be_torn() -> None:
    disk = Disk.of({})
    disk.see(Event("write", "/a", 0, b"x" * 2 * SECTOR))
    disk.see(Event("sync", "/a"))
    disk.see(Event("write", "/a", SECTOR, b"y" * 2 * SECTOR))
    seen = {disk.cut(random.Random(seed))["/a"] for seed in range(60)}
    assert all(content.startswith(b"x" * SECTOR) for content in seen)
    whole = b"x" * SECTOR + b"y" * 2 * SECTOR
    assert {b"x" * 2 * SECTOR, whole, whole[: 2 * SECTOR]} <= seen
    assert b"x" * 2 * SECTOR + b"y" * SECTOR in seen, "a later sector without the earlier one"
