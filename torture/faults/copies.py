"""A backup made under load is brought back elsewhere, and the exam goes on there.

Source: I1, I6, I8.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from cbt.runner.models import JournalEntry
from cbt.storage.unit_of_work import reading
from torture.browsers.local import LocalBrowser
from torture.judging.ledger import Number
from torture.sites import processes
from torture.sites.site import Site
from torture.trial import Trial

SAVES_BEFORE = 60
SAVES_AFTER = 40
PAUSE = 0.2


def backup(trial: Trial) -> None:
    """Whatever was acknowledged before the backup began is in it, and the copy serves."""
    for _ in range(trial.times):
        site = trial.site()
        destination = site.folder / "backups"
        with site.serving() as server, site.load(trial.seed, lambda: server.port, pause=PAUSE) as load:
            load.wait_for_saves(SAVES_BEFORE)
            ledger = site.ledger.copy()
            began = time.monotonic()
            made = _cbt(site, "backup", str(destination))
            trial.measure("backup_s", time.monotonic() - began)
            trial.injected()
            load.wait_for_saves(SAVES_AFTER)
            trial.drain(load)
        trial.judge(site)
        if trial.expect(made.returncode == 0, "X", f"the backup failed: {made.stderr[-500:]}"):
            ledger.sent = site.ledger.copy().sent  # it may hold more than it must
            _go_on_elsewhere(trial, replace(site, ledger=ledger, outages=[]), destination)


def _go_on_elsewhere(trial: Trial, site: Site, destination: Path) -> None:
    copy = next(path for path in destination.iterdir() if path.is_dir())
    elsewhere = trial.builder.beside(site)
    shutil.copytree(site.settings.keys, elsewhere.settings.keys)
    restored = _cbt(elsewhere, "restore", str(copy))
    if not trial.expect(restored.returncode == 0, "X", f"the restore failed: {restored.stderr[-500:]}"):
        return
    trial.judge(elsewhere, settled=False)
    elsewhere.ledger.go_back(_kept(elsewhere))
    _go_on(trial, elsewhere)
    trial.judge(elsewhere)


def _go_on(trial: Trial, elsewhere: Site) -> None:
    """Save on the restored copy: one browser in this process, in the long run everybody on a server of its own."""
    if trial.long:
        with elsewhere.serving() as server, elsewhere.load(trial.seed + 1, lambda: server.port) as load:
            saved = load.wait_for_saves(SAVES_AFTER)
            trial.drain(load)
    else:
        with elsewhere.app() as app:
            browser = LocalBrowser(elsewhere.people[-1], app, elsewhere.ledger, random.Random(trial.seed))
            browser.open()
            browser.write(1)
            saved = browser.save(browser.pending).status == 200
    trial.expect(saved, "X", "nothing could be saved on the restored copy")


def _kept(site: Site) -> dict[int, set[Number]]:
    kept: dict[int, set[Number]] = defaultdict(set)
    with site.app(), reading() as session:
        query = select(JournalEntry.attempt_id, JournalEntry.lease_epoch, JournalEntry.seq)
        for attempt_id, epoch, seq in session.execute(query):
            kept[attempt_id].add((epoch, seq))
    return kept


def _cbt(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    return processes.run_cbt(arguments, site.process_environment, site.folder, seconds=120)
