"""One truth for all processes of a server: whichever answers, and also after one was killed and replaced."""

from __future__ import annotations

import http.client
import random
import sys
from collections.abc import Iterator

import pytest

from tests.watching.scraped import read_samples
from torture.running import Workshop
from torture.sites.server import Server
from torture.sites.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="each process counts for itself elsewhere")
SEED = 20261124
SAVES = 'cbt_requests_total{endpoint="attempts.answers",status="2xx"}'
STARTS = 'cbt_process_starts_total{role="%s"}'
RUNNING = 'cbt_processes{role="%s"}'


def scrape(server: Server) -> dict[str, float]:
    """Return the samples of a new connection, which any of the processes may get."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        line.request("GET", "/metrics")
        return read_samples(line.getresponse().read().decode())
    finally:
        line.close()


def scrapes(server: Server, number: int = 8) -> Iterator[dict[str, float]]:
    """Yield what several connections are told."""
    return (scrape(server) for _ in range(number))


def fallen(before: dict[str, float], after: dict[str, float]) -> list[str]:
    """Return the counters that are less than they were."""
    ends = ("_total", "_count", "_sum", "_bucket")
    counters = [name for name in before if name.partition("{")[0].endswith(ends)]
    return [name for name in counters if after.get(name, 0) < before[name]]


def test_counters_are_kept_when_processes_are_killed(shop: Workshop) -> None:
    site = shop.builder.build("sqlite")
    with site.serving(extra={"CBT_WORKERS": "2"}) as server, site.load(SEED, lambda: server.port) as load:
        assert load.wait_for_saves(60)
        load.stop()
        [saved] = {one[SAVES] for one in scrapes(server)}  # every process tells the same
        before = scrape(server)
        assert 0 < saved <= before["cbt_save_batch_size_sum"]

        server.kill_worker(random.Random(SEED))
        server.kill_writer()
        for one in scrapes(server):
            assert fallen(before, one) == []
            before = one
        server.wait_ready()
        assert wait_for(lambda: server.writer() is not None and scrape(server)["cbt_writer_up"] == 1)
        assert wait_for(lambda: scrape(server)[RUNNING % "server"] == 2)
        for one in scrapes(server):
            assert fallen(before, one) == []
            assert one[SAVES] == saved, "nothing of it is lost, nothing counted twice"
            assert (one[STARTS % "server"], one[STARTS % "writer"]) == (3, 2)
            assert (one[RUNNING % "server"], one[RUNNING % "writer"]) == (2, 1)
            before = one
