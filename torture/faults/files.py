"""The files of the database are removed, moved away, exchanged or written over under the running server.

Source: I1, I8, I12.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from cbt.clock import SystemClock
from cbt.ops.backup.restore import rebuild
from cbt.ops.reinstatement import put_back
from cbt.ops.salvage import WHOLE, open_rescue
from cbt.storage.engine import DATABASE_NAME
from torture.sites.server import Server
from torture.sites.site import Site
from torture.sites.waiting import wait_for
from torture.trial import Trial

SAVES_BETWEEN = 40
REFUSED_WITHIN = 2.0
"""So long after the fault a save may still be taken, and no longer."""


@dataclass(frozen=True, slots=True)
class Hand:
    """What somebody does to the files: the deed, what `/healthz` then says, and the deed that undoes it."""

    said: str
    do: Callable[[Path, Path], object]
    """Is given the data folder and a folder beside it with older files."""
    undo: Callable[[Path, Path], object] | None = None
    anew: str = ""
    """What SQLite makes anew for whoever opens a connection just then: where it lies there, it is exchanged."""


def _remove(name: str) -> Callable[[Path, Path], object]:
    return lambda data, _older: (data / name).unlink()


def _away(name: str) -> Callable[[Path, Path], object]:
    return lambda data, _older: (data / name).rename(data.parent / f"{name}.away")


def _back(name: str) -> Callable[[Path, Path], object]:
    return lambda data, _older: (data.parent / f"{name}.away").rename(data / name)


REMOVED = (
    Hand("gone", _remove(DATABASE_NAME)),
    Hand("gone", lambda data, _older: shutil.rmtree(data)),
    Hand("gone", _remove(f"{DATABASE_NAME}-wal"), anew=f"{DATABASE_NAME}-wal"),
    Hand("exchanged", lambda data, older: (older / DATABASE_NAME).rename(data / DATABASE_NAME)),
)
MOVED = (
    Hand("gone", _away(DATABASE_NAME), _back(DATABASE_NAME)),
    Hand(
        "gone",
        lambda data, _older: data.rename(data.with_name("data.away")),
        lambda data, _older: data.with_name("data.away").rename(data),
    ),
    Hand("gone", _away(f"{DATABASE_NAME}-wal"), _back(f"{DATABASE_NAME}-wal"), anew=f"{DATABASE_NAME}-wal"),
)
OVERWRITTEN = Hand(
    "overwritten", lambda data, older: shutil.copyfile(older / DATABASE_NAME, data / DATABASE_NAME)
)


def removed(trial: Trial) -> None:
    """Remove the database, the folder, the log, or put another file in the place: all that was saved is rescued."""
    site = trial.site()
    for number in range(trial.times):
        hand = REMOVED[number % len(REMOVED)]
        older = _older(site, f"older-{number}")
        with site.serving() as server, site.load(trial.seed + number, lambda: server.port) as load:
            saved = load.wait_for_saves(SAVES_BETWEEN)
            trial.expect(saved, "I12", "nothing is saved on what was put back")
            hand.do(site.settings.data_dir, older)
            _is_refused(trial, site, server, hand)
            trial.expect(_rescued(site), "I1", f"{hand.said}: nothing was rescued")
            load.stop()
            server.kill_group()
        _put_back(trial, site)
    trial.judge(site, settled=False)


def moved(trial: Trial) -> None:
    """Move the database, the folder, the log away and back: saving stops, and goes on by itself."""
    site = trial.site()
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        for number in range(trial.times):
            hand = MOVED[number % len(MOVED)]
            load.wait_for_saves(SAVES_BETWEEN)
            hand.do(site.settings.data_dir, site.folder)
            _is_refused(trial, site, server, hand)
            assert hand.undo is not None
            hand.undo(site.settings.data_dir, site.folder)
            trial.expect(load.wait_for_saves(SAVES_BETWEEN), "I12", "nothing is saved after it came back")
        load.stop()
    trial.judge(site, settled=False)


def overwritten(trial: Trial) -> None:
    """Copy an older file over the database in its place: it is refused at once; the second copy has everything."""
    for _ in range(trial.times):
        site = trial.site()
        copy = site.folder / "copy"
        site = replace(site, settings=replace(site.settings, journal_copy_dir=copy))
        older = _older(site, "older")
        with site.serving() as server, site.load(trial.seed, lambda: server.port, pause=0.005) as load:
            # Until its log is emptied for the first time the database is the very file that is copied over it.
            trial.expect(
                wait_for(partial(_is_longer, site.settings.data_dir, older)),
                "I12",
                "the log is never emptied",
            )
            load.wait_for_saves(SAVES_BETWEEN)
            OVERWRITTEN.do(site.settings.data_dir, older)
            _is_refused(trial, site, server, OVERWRITTEN)
            load.stop()
            server.kill_group()
        rebuilt = trial.builder.beside(site)
        shutil.copytree(site.settings.keys, rebuilt.settings.keys)
        rebuild(rebuilt.settings, copy)
        trial.judge(rebuilt, settled=False)


def unmounted(trial: Trial) -> None:
    """Unmount the file system of the data folder under the server, which still has it open."""
    for _ in range(trial.times):
        mount = trial.folder / f"mount-{trial.injections}"
        with _mounted(mount):
            site = trial.site(data_dir=mount / "data")
            with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
                load.wait_for_saves(SAVES_BETWEEN)
                subprocess.run(["umount", "-l", mount], check=True)
                _is_refused(trial, site, server, Hand("gone", lambda _data, _older: None))
                trial.expect(_rescued(site), "I1", "nothing was rescued of what was unmounted")
                load.stop()
                server.kill_group()
            _put_back(trial, site)
            trial.judge(site, settled=False)


@contextmanager
def _mounted(folder: Path) -> Iterator[None]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=False, capture_output=True)


def _older(site: Site, name: str) -> Path:
    """Return a folder with the database as it is on disk before the server starts."""
    folder = site.folder / name
    folder.mkdir()
    shutil.copyfile(site.settings.data_dir / DATABASE_NAME, folder / DATABASE_NAME)
    return folder


def _is_longer(data: Path, older: Path) -> bool:
    return (data / DATABASE_NAME).stat().st_size > (older / DATABASE_NAME).stat().st_size


def _is_refused(trial: Trial, site: Site, server: Server, hand: Hand) -> None:
    """Expect that nothing is taken any more, that `/healthz` says why, and somebody was told 503."""
    done = time.monotonic()
    trial.injected()
    told = wait_for(lambda: _said(server) == _to_be_said(site, hand), REFUSED_WITHIN)
    trial.measure("told_s", time.monotonic() - done)
    trial.expect(told, "I12", f"/healthz does not say {hand.said} but {_said(server)}")
    refused = wait_for(lambda: _writes(site, 503, done), REFUSED_WITHIN)
    trial.expect(refused, "I12", f"{hand.said}: nobody was told 503")
    late = _writes(site, 200, done + REFUSED_WITHIN)
    trial.expect(not late, "I12", f"{hand.said}: {late} writes were taken after {REFUSED_WITHIN} s")


def _writes(site: Site, status: int, since: float) -> int:
    return sum(one.status == status for one in site.ledger.copy_writes() if one.sent_at >= since)


def _to_be_said(site: Site, hand: Hand) -> str:
    made = hand.anew and (site.settings.data_dir / hand.anew).exists()
    return "exchanged" if made else hand.said


def _said(server: Server) -> str:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    with contextlib.closing(line):
        try:
            line.request("GET", "/healthz")
            return str(json.loads(line.getresponse().read())["database"])
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__


def _rescued(site: Site) -> bool:
    """Wait until the server has rescued by itself, and verified, what it held."""

    def is_whole() -> bool:
        rescue = open_rescue(site.settings)
        return rescue is not None and rescue.note.state == WHOLE

    return wait_for(is_whole)


def _put_back(trial: Trial, site: Site) -> None:
    """Do what `cbt restore --from-rescue` does, in a process of its own: it keeps the lock until it ends."""
    now = SystemClock().now()
    child = multiprocessing.get_context("fork").Process(
        target=put_back, args=(site.settings, None), kwargs={"now": now}
    )
    child.start()
    child.join()
    trial.expect(child.exitcode == 0, "I1", "the rescue cannot be put back")
