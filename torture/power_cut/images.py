"""Power cuts: a process saves through the real writer, its writes are recorded, and disks are made of them.

Each image is what a disk may hold when the power goes at one point of the recording. It is opened as the
product would, recovers by itself, and is checked: everything acknowledged before the cut is there.

Source: I1, I4, I7, I8.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.demo.world import Entrant, Variant
from cbt.ops.backup.verification import verify_everything
from cbt.storage.crypto import load_key
from cbt.storage.engine import DATABASE_NAME
from cbt.storage.types import db
from torture.arena import arena, settings_in
from torture.power_cut.recording import Disk, Event, read_recording, strace_command

SITTERS = 8
VERIFY_EVERY = 12
"""So many images apart, the whole of `cbt verify` is run on one."""
FILES = (DATABASE_NAME, f"{DATABASE_NAME}-wal")


@dataclass(slots=True)
class Recording:
    """An installation before anything was written, and everything written after."""

    folder: Path
    base: dict[str, bytes]
    events: list[Event]


@dataclass(slots=True)
class Cut:
    """What the images showed, and what was broken."""

    images: int = 0
    acknowledged: int = 0
    """How many acknowledgements the recording holds."""
    compared: int = 0
    """How many of them the images had to hold, all images together."""
    verified: int = 0
    broken: list[str] = field(default_factory=list)


def record(folder: Path, *, saves: int, seed: int) -> Recording:
    """Build an installation below `folder`, let its people start, make `saves` saves each and finish."""
    rng = random.Random(seed)
    wanted = [Entrant(0, Variant("customer-service-l3", "theory")) for _ in range(SITTERS)]
    settings = settings_in(folder)
    with arena(settings, wanted, rng=rng) as built:
        sitters = [
            {"id": one.attempt_id, "ref": one.ref, "registration": one.registration_ref}
            for one in built.sitters
        ]
    base = _files(settings)
    plan, marks, log = folder / "plan.json", folder / "marks", folder / "strace.log"
    plan.write_text(
        json.dumps({"folder": str(folder), "sitters": sitters, "saves": saves, "seed": seed}), "utf-8"
    )
    watched = [*(settings.data_dir / name for name in FILES), marks]
    driver = [sys.executable, "-m", "torture.power_cut.driver", str(plan), str(marks)]
    subprocess.run(strace_command(log, watched, driver), check=True, timeout=600, stdin=subprocess.DEVNULL)
    with log.open(encoding="ascii") as lines:
        return Recording(folder, base, list(read_recording(lines, marks=marks)))


def cut_power(recording: Recording, *, images: int, seed: int) -> Cut:
    """Make `images` images of random points of the recording, open each and check it."""
    rng = random.Random(seed)
    points = sorted(rng.randrange(len(recording.events) + 1) for _ in range(images))
    cut = Cut(acknowledged=sum(event.what == "mark" for event in recording.events))
    settings = settings_in(recording.folder / "image")
    shutil.rmtree(settings.keys, ignore_errors=True)
    shutil.copytree(settings_in(recording.folder).keys, settings.keys)
    names = {str(settings_in(recording.folder).data_dir / name): name for name in FILES}
    for files, acknowledged in _images(recording, points, rng):
        shutil.rmtree(settings.data_dir, ignore_errors=True)
        settings.data_dir.mkdir(parents=True)
        for path, content in files.items():
            (settings.data_dir / names[path]).write_bytes(content)
        cut.images += 1
        cut.compared += len(acknowledged)
        broken = _check(settings, acknowledged)
        if cut.images % VERIFY_EVERY == 0 and not broken:
            cut.verified += 1
            broken = _verify(settings)
        cut.broken += [f"image {cut.images} of seed {seed}: {one}" for one in broken]
    return cut


def _images(
    recording: Recording, points: Sequence[int], rng: random.Random
) -> Iterator[tuple[dict[str, bytes], list[list[Any]]]]:
    disk = Disk.of(recording.base)
    acknowledged: list[list[Any]] = []
    done = 0
    for point in points:
        for event in recording.events[done:point]:
            disk.see(event)
            if event.what == "mark":
                acknowledged.append(json.loads(event.data))
        done = point
        yield disk.cut(rng), list(acknowledged)


def _files(settings: Settings) -> dict[str, bytes]:
    paths = [settings.data_dir / name for name in FILES]
    return {str(path): path.read_bytes() for path in paths if path.exists()}


def _check(settings: Settings, acknowledged: Sequence[Sequence[Any]]) -> list[str]:
    """Open an image and return what is wrong with it."""
    key = load_key(settings.keys, "database", may_create=False)
    connection = sqlcipher3.dbapi2.connect(settings.data_dir / DATABASE_NAME, isolation_level=None)
    try:
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        found = [f"I8: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"I8: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
        # The cipher's check reads the file beneath the log: what the log repairs is repaired first.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        found += [f"I8: {row[0]}" for row in connection.execute("PRAGMA cipher_integrity_check")]
        return found + _missing(connection, acknowledged)
    except sqlcipher3.dbapi2.DatabaseError as error:
        return [f"I8: {error}"]
    finally:
        connection.close()


def _missing(connection: Any, acknowledged: Sequence[Sequence[Any]]) -> list[str]:
    """Return every acknowledgement that the database does not keep."""
    journal = {
        (row[0], row[1], row[2]): (row[3], row[4])
        for row in connection.execute("SELECT attempt_id, lease_epoch, seq, position, value FROM journal")
    }
    attempts = {
        row[0]: (row[1], row[2], row[3])
        for row in connection.execute("SELECT id, lease_epoch, started_at, receipt FROM attempt")
    }
    found = []
    for what, attempt_id, *facts in acknowledged:
        if what == "save":
            epoch, seq, position, value = facts
            kept = journal.get((attempt_id, epoch, seq)) == (position, json.dumps(value))
        elif what == "start":
            epoch, started_at, _ = attempts[attempt_id]
            kept = epoch >= facts[0] and started_at is not None
        else:
            kept = attempts[attempt_id][2] == facts[0]
        if not kept:
            found.append(f"{'I4' if what == 'close' else 'I1'}: {what} {attempt_id} {facts} is not there")
    return found


def _verify(settings: Settings) -> list[str]:
    app = create_app(settings)
    with app.app_context():
        try:
            return [f"{check.name}: {check.findings}" for check in verify_everything() if not check.ok]
        finally:
            db.engine.dispose()
