"""The proxies of docs/deploy hold half a request back: a node hears of it when its body is there whole (R-21)."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import IN_CI
from tests.torture.balancer import BALANCERS, balancing, program
from torture.sites.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the proxies' packages")
QUIET_SECONDS = 1.0
"""So long half a body lies at the proxy; a proxy that passes it on does so at once."""


@dataclass
class Node:
    """A node that answers everything by 200 and writes down what it was sent."""

    port: int
    seen: list[bytes] = field(default_factory=list)

    @property
    def posts(self) -> bytes:
        """What came of requests that are no health checks."""
        return b"".join(one for one in self.seen if b"/healthz" not in one)


def _serve(node: Node, line: socket.socket) -> None:
    with closing(line), suppress(OSError):  # a health check hangs up when it has its answer
        kept = b""
        while True:
            while b"\r\n\r\n" not in kept:
                more = line.recv(1 << 16)
                if not more:
                    return
                kept += more
                node.seen.append(more)
            head, _, kept = kept.partition(b"\r\n\r\n")
            lengths = [one for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:")]
            left = int(lengths[0].split(b":")[1]) if lengths else 0
            while len(kept) < left:
                more = line.recv(1 << 16)
                if not more:
                    return
                kept += more
                node.seen.append(more)
            kept = kept[left:]
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@contextmanager
def node() -> Iterator[Node]:
    """Serve a node for the length of the block."""
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        made = Node(door.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    line, _ = door.accept()
                except OSError:
                    return
                threading.Thread(target=_serve, args=(made, line), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield made


@pytest.mark.parametrize("length", [400, 12_000, 40_000])
@pytest.mark.parametrize("balancer", BALANCERS)
def test_a_node_hears_of_a_request_when_it_is_there_whole(balancer: str, length: int, tmp_path: Path) -> None:
    if program(balancer) is None:
        message = f"{balancer} is missing here: that it buffers bodies was not tried"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    head = f"POST /attempts/at-1/answers HTTP/1.1\r\nHost: exam\r\nContent-Length: {length}\r\n\r\n"
    half = b"x" * (length // 2)
    with node() as first, node() as second, node() as third:
        nodes = (first, second, third)
        ports = [one.port for one in nodes]
        with (
            balancing(balancer, ports, tmp_path) as port,
            closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as line,
        ):
            line.sendall(head.encode() + half)
            time.sleep(QUIET_SECONDS)
            assert b"".join(one.posts for one in nodes) == b""
            line.sendall(b"x" * (length - len(half)))
            assert line.recv(1 << 16).startswith(b"HTTP/1.1 200")
            assert wait_for(lambda: b"".join(one.posts for one in nodes).count(b"x") >= length)
