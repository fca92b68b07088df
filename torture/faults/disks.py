"""The disk fails, fills up, or changes a bit: nothing is acknowledged that is not kept, and it recovers unaided.

Source: I1, I8, I12.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cbt.storage.engine import DATABASE_NAME
from torture.browsers.driver import driver, tampered
from torture.browsers.load import Load
from torture.judging.invariants import check_refusals
from torture.sites.server import Server
from torture.sites.site import Site
from torture.sites.waiting import pause, wait_for
from torture.trial import Trial

BROKEN_SECONDS = 1.5
SAVES_BETWEEN = 40
SMALL_DISK = "10m"
FULL_SECONDS = 20.0
BALLAST = "ballast"
SECTOR = 4096


def fsync_error(trial: Trial) -> None:
    """Every fsync fails for a while."""
    _failing(trial, "fsync:error=EIO", "fdatasync:error=EIO")


def disk_error(trial: Trial) -> None:
    """Every write to a file fails for a while, as on a full disk."""
    _failing(trial, "pwrite64:error=ENOSPC")


def _failing(trial: Trial, *injections: str) -> None:
    site = trial.site()
    trace = ",".join(one.split(":")[0] for one in injections)
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        for _ in range(trial.times):
            load.wait_for_saves(SAVES_BETWEEN)
            writer = server.writer()
            with tampered(
                [*server.workers(), *([] if writer is None else [writer])], *injections, trace=trace
            ):
                since = time.monotonic()
                _wait_refused(site, since)
                pause(BROKEN_SECONDS)
                until = time.monotonic()
            trial.injected()
            trial.take(check_refusals(site.ledger, since=since, until=until))
            _recovers(trial, site, server, load, since, until)
        trial.drain(load)
    trial.judge(site)


def _wait_refused(site: Site, since: float) -> bool:
    """Wait until somebody was told 503."""
    return wait_for(lambda: _refused(site, since) > 0, FULL_SECONDS)


def _refused(site: Site, since: float) -> int:
    return sum(one.status == 503 for one in site.ledger.copy_writes() if one.sent_at >= since)


def _recovers(trial: Trial, site: Site, server: Server, load: Load, since: float, until: float) -> None:
    back = load.wait_for_saves(SAVES_BETWEEN)
    trial.expect(back, "I12", "nothing was saved again after the disk worked again")
    trial.measure("recovered_s", time.monotonic() - until)
    trial.measure("refused", _refused(site, since))
    trial.expect(server.process is not None and server.process.poll() is None, "I12", "the server ended")


def disk_full(trial: Trial) -> None:
    """A disk of some megabytes is filled to the last byte while everybody answers, then freed."""
    for _ in range(trial.times):
        with _small_disk(trial.folder / f"disk-{trial.injections}") as disk:
            site = trial.site(data_dir=disk / "data")
            with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
                load.wait_for_saves(SAVES_BETWEEN)
                since = time.monotonic()
                _fill(disk / BALLAST)
                told = _wait_refused(site, since)
                trial.injected()
                trial.expect(told, "I12", "the disk is full and nobody was told 503")
                pause(BROKEN_SECONDS)
                (disk / BALLAST).unlink()
                _recovers(trial, site, server, load, since, time.monotonic())
                trial.drain(load)
            trial.judge(site)


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=700", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


def _fill(path: Path) -> None:
    """Write until not one byte more fits."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for size in (65536, SECTOR, 1):
            with contextlib.suppress(OSError):
                while os.write(descriptor, b"x" * size) == size:
                    pass
    finally:
        os.close(descriptor)


def bit_flip(trial: Trial) -> None:
    """One bit of the database file changes while it is not served: `cbt verify` says so, every time."""
    site = trial.site()
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        load.wait_for_saves(10 * SAVES_BETWEEN)
        trial.drain(load)
    trial.judge(site)
    for _ in range(trial.times):
        copy = trial.builder.copy(site)
        place = _flip(copy.settings.data_dir / DATABASE_NAME, trial.rng)
        trial.injected()
        trial.expect(_noticed(copy), "I8", f"a bit flipped at {place} was not noticed")
        trial.builder.discard(copy)


def _flip(path: Path, rng: random.Random) -> int:
    place = rng.randrange(path.stat().st_size)
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ (1 << rng.randrange(8))]))
    return place


def _noticed(site: Site) -> bool:
    with driver(site.settings) as driven:
        return bool(driven.ask("verify"))
