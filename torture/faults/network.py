"""What networks do to requests and replies, and a network that is gone for a while.

Source: R-26, R-41, R-42; I1, I3, I4, I5, I11.
"""

from __future__ import annotations

import time

from torture.browsers.load import Load
from torture.sites.cable import cable
from torture.sites.proxy import Proxy
from torture.sites.waiting import PATIENCE_SECONDS, pause, wait_for
from torture.trial import Trial

LONGEST_SECONDS = 600.0
AWAY_SECONDS = {False: 2.0, True: 5.0}


def bad_network(trial: Trial) -> None:
    """Lose replies, cut requests, hold, double, reorder and reset; then the network is whole again."""
    site = trial.site()
    with (
        site.serving() as server,
        Proxy(lambda: server.port, trial.rng) as proxy,
        site.load(trial.seed, lambda: proxy.port) as load,
    ):
        came = proxy.wait_for_faults(trial.times, LONGEST_SECONDS)
        trial.expect(came, "X", f"only {proxy.faults} of {trial.times} faults were injected")
        proxy.mend()
        trial.injected(proxy.faults)
        _deliver(trial, load)
    trial.judge(site)


def network_gone(trial: Trial) -> None:
    """Cut everything for some seconds: nobody is closed, everything kept meanwhile is delivered after."""
    site = trial.site()
    with (
        site.serving() as server,
        Proxy(lambda: server.port, trial.rng, rate=0.0) as proxy,
        site.load(trial.seed, lambda: proxy.port) as load,
    ):
        for _ in range(trial.times):
            load.wait_for_saves(30)
            proxy.cut()
            trial.injected()
            before = load.saved
            pause(AWAY_SECONDS[trial.long])
            trial.expect(load.saved - before <= len(load.browsers), "X", "something came through a cut")
            proxy.mend()
            trial.expect(load.wait_for_saves(30), "I12", "nothing is saved after the network came back")
        _deliver(trial, load)
    trial.judge(site)


def cable_pulled(trial: Trial) -> None:
    """Pull the cable for some seconds: what was under way hangs, and goes on or is sent again after."""
    site = trial.site()
    with (
        cable() as line,
        site.serving(ready=False, prefix=line.prefix, extra={"CBT_HOST": line.far}) as server,
        Proxy(lambda: server.port, trial.rng, rate=0.0, host=line.far, port=server.port),
        site.load(trial.seed, lambda: server.port) as load,
    ):
        server.wait_ready()
        for _ in range(trial.times):
            load.wait_for_saves(30)
            line.pull()
            trial.injected()
            pause(AWAY_SECONDS[trial.long])
            line.plug()
            trial.expect(load.wait_for_saves(30), "I12", "nothing is saved after the cable is back")
        _deliver(trial, load)
    trial.judge(site)


def _deliver(trial: Trial, load: Load) -> None:
    """Let everything that waits be delivered, and the load end."""
    began = time.monotonic()
    waiting = [(browser, {entry["seq"] for entry in list(browser.pending)}) for browser in load.browsers]

    def delivered() -> bool:
        return all(
            browser.over or not numbers & {entry["seq"] for entry in list(browser.pending)}
            for browser, numbers in waiting
        )

    trial.expect(wait_for(delivered, PATIENCE_SECONDS), "I1", "what waited was not delivered")
    trial.measure("delivered_s", time.monotonic() - began)
    trial.drain(load)
