"""kill -9 of a worker, the parent, the whole group, mid-save under load; the server is up again unaided.

Source: I1, I3, I4, I6, I8.
"""

from __future__ import annotations

import time

from torture.sites.waiting import pause
from torture.trial import Trial

SAVES_BETWEEN = 30
AWAY_SECONDS = 6.0
"""One of the outages lasts longer than what R-27 overlooks."""


def kill_worker(trial: Trial) -> None:
    """Kill one worker again and again: the other goes on, the parent replaces it."""
    site = trial.site()
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        for _ in range(trial.times):
            load.wait_for_saves(SAVES_BETWEEN)
            server.kill_worker(trial.rng)
            trial.injected()
            trial.measure("ready_s", server.wait_ready())
        trial.drain(load)
    trial.judge(site)


def kill_writer(trial: Trial) -> None:
    """Kill the process that owns the writing: its batch is promised to nobody, the others write meanwhile."""
    site = trial.site()
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        for _ in range(trial.times):
            load.wait_for_saves(SAVES_BETWEEN)
            server.kill_writer()
            trial.injected()
            began = time.monotonic()
            trial.expect(load.wait_for_saves(SAVES_BETWEEN), "I12", "nothing was saved while it was away")
            trial.measure("saved_again_s", time.monotonic() - began)
        trial.drain(load)
    trial.judge(site)


def kill_parent(trial: Trial) -> None:
    """Kill the parent alone: its workers end with it, the port is free, the next start serves."""
    site = trial.site()
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        for _ in range(trial.times):
            load.wait_for_saves(SAVES_BETWEEN)
            began = time.monotonic()
            gone = server.kill_parent()
            trial.measure("gone_s", time.monotonic() - began)
            trial.injected()
            trial.expect(gone, "X", "workers outlived the parent and kept its port")
            server.start()
            trial.measure("ready_s", server.wait_ready())
        trial.drain(load)
    trial.judge(site)


def kill_group(trial: Trial) -> None:
    """Kill everything at once; the last time it stays away for some seconds, which are given back (R-27)."""
    site = trial.site()
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        for number in range(trial.times):
            load.wait_for_saves(SAVES_BETWEEN)
            server.kill_group()
            trial.injected()
            if number == trial.times - 1:
                pause(AWAY_SECONDS)
            server.start()
            trial.measure("ready_s", server.wait_ready())
        trial.drain(load)
    trial.judge(site)
