"""Three nodes on one PostgreSQL behind a proxy: one is killed under load, all are restarted one by one."""

from __future__ import annotations

import http.client
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import func, select

from cbt.sittings.models import RoomHold
from cbt.storage.unit_of_work import reading
from tests.conftest import IN_CI
from tests.torture.balancer import BALANCERS, Front, balancing, configured, passes_on, program
from torture.judging.invariants import judge, settle
from torture.running import Workshop
from torture.sites.server import Server
from torture.sites.site import Site
from torture.sites.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc")
NODES = ("east", "middle", "west")
SEED = 20261124
BROKEN_CONNECTION = re.compile(r" was answered 50[24]: no code$")
"""What a proxy itself says of a node that died with a request in hand; the page tries again."""


@contextmanager
def node(site: Site, name: str) -> Iterator[Server]:
    """Serve the site by one node of one worker, with a data folder of its own and the shared keys."""
    (site.folder / name).mkdir()
    own = {
        "CBT_DATA_DIR": str(site.folder / name),
        "CBT_WORKERS": "1",
        "CBT_TRUSTED_PROXIES": "127.0.0.1",
    }
    server = Server(site.folder, site.environment | own, [], name=name)
    server.start()
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


def leads(server: Server) -> bool:
    """Return whether this node runs the jobs."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        line.request("GET", "/metrics")
        text = line.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
    return any(one.startswith("cbt_leader{") and one.endswith(" 1") for one in text.splitlines())


def leaders(servers: Sequence[Server]) -> list[Server]:
    """Return the nodes that say they lead."""
    return [server for server in servers if leads(server)]


def holds(site: Site) -> int:
    """Return how often the room was held."""
    with site.app(), reading() as session:
        return session.scalar(select(func.count()).select_from(RoomHold)) or 0


@pytest.mark.parametrize("balancer", BALANCERS)
def test_a_killed_node_and_a_rolling_restart_lose_nothing(balancer: str, shop: Workshop) -> None:
    if program(balancer) is None or shop.postgres() is None:
        message = f"{balancer} or PostgreSQL is missing here: several nodes were not tried"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    site = shop.builder.build("postgresql")
    with ExitStack() as stack:
        servers = [stack.enter_context(node(site, name)) for name in NODES]
        ports = [server.port for server in servers]
        port = stack.enter_context(balancing(balancer, ports, site.folder))
        assert not passes_on(port, "/metrics")
        load = stack.enter_context(site.load(SEED, lambda: port))
        assert load.wait_for_saves(60)

        assert wait_for(lambda: len(leaders(servers)) == 1, 20)
        [former] = leaders(servers)
        former.kill_group()
        assert load.wait_for_saves(60), "the other nodes go on"
        others = [server for server in servers if server is not former]
        assert wait_for(lambda: len(leaders(others)) == 1, 20), "another node leads"
        former.start()
        former.wait_ready()

        for server in servers:
            server.stop()
            assert load.wait_for_saves(30), "a node that is restarted holds nobody up"
            server.start()
            server.wait_ready()
        leaving = [one for one in load.browsers if one.person.paper == "theory"]
        assert load.hand_in(leaving), "everything is delivered and everybody has a receipt"
        load.stop()
    assert holds(site) == 0
    settle(site)
    found = [one for verdict in judge(site) for one in verdict.findings]
    assert [one for one in found if not BROKEN_CONNECTION.search(one)] == []
    assert site.ledger.acknowledgements > 200


@pytest.mark.parametrize("balancer", BALANCERS)
def test_the_documented_proxy_repeats_nothing_that_was_sent(balancer: str) -> None:
    text = configured(balancer, [1, 2, 3], Front(4))
    if balancer == "haproxy":
        assert "retry-on conn-failure\n" in text
        assert "option httpchk GET /healthz" in text
    else:
        assert "proxy_next_upstream error timeout;" in text
