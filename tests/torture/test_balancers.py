"""The proxies of docs/deploy: a node hears of a request when its body is there whole (R-21) and where it came from.

They start as an ordinary user, end TLS, and keep what is not for everybody to themselves.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cbt.http.tls import make_authority, make_server, read_names
from tests.conftest import IN_CI
from tests.torture.balancer import (
    BALANCERS,
    Front,
    answers_anything,
    balancing,
    configured,
    passes_on,
    program,
    running,
)
from torture.sites.waiting import free_port, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the proxies' packages")
QUIET_SECONDS = 1.0
"""So long half a body lies at the proxy; a proxy that passes it on does so at once."""


_WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Node:
    """A node that answers everything by 200, or as it is told, and writes down what it was sent."""

    port: int
    seen: list[bytes] = field(default_factory=list)
    says: bytes | None = _WELL
    """Its answer to what is no health check; b"": it hangs up, None: it keeps silent."""

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
            says = _WELL if b"/healthz" in head else node.says
            if says == b"":
                return
            if says is not None:
                line.sendall(says)


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


def installed(balancer: str) -> None:
    """Skip where the proxy is not installed; in CI that is a failure."""
    if program(balancer) is None:
        message = f"{balancer} is missing here: it was not tried"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)


@pytest.mark.parametrize("length", [400, 12_000, 40_000])
@pytest.mark.parametrize("balancer", BALANCERS)
def test_a_node_hears_of_a_request_when_it_is_there_whole(balancer: str, length: int, tmp_path: Path) -> None:
    installed(balancer)
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


OWN_ERROR = b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nours"


@pytest.mark.parametrize("balancer", BALANCERS)
def test_a_page_is_told_to_come_again_when_nodes_leave(balancer: str, tmp_path: Path) -> None:
    """What the proxy has to say itself is 503, JSON for a script and a page for a person; what a node says stays.

    A node that hangs up, one that keeps silent, and none at all: 502, 504 and 503 in HTML else.
    """
    installed(balancer)
    front = Front(free_port())

    def ask(method: str, accept: str) -> tuple[int, str, str, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", front.clear, timeout=20)) as line:
            body = b"{}" if method == "POST" else None
            line.request(method, "/attempts/at-1/answers", body, {"Accept": accept})
            answer = line.getresponse()
            told = answer.headers["Content-Type"], answer.headers.get("Retry-After", "")
            assert "X-Own-Error" not in answer.headers
            return answer.status, *told, answer.read()

    def comes_again() -> None:
        status, kind, after, body = ask("POST", "*/*")
        assert (status, kind) == (503, "application/json")
        assert int(after) > 0
        said = json.loads(body)
        assert (set(said), said["code"]) == ({"code", "message", "fix"}, "server.away")
        status, kind, after, body = ask("GET", "text/html,application/xhtml+xml,*/*;q=0.8")
        assert (status, kind, after) == (503, "text/html; charset=utf-8", "2")
        assert "请稍候" in body.decode()

    with node() as first, node() as second, node() as third:
        nodes = (first, second, third)
        text = configured(balancer, [one.port for one in nodes], front)
        assert "60s" in text
        with running(balancer, text.replace("60s", "1s"), tmp_path):
            assert wait_for(lambda: passes_on(front.clear), 20)
            for says in (OWN_ERROR, b"", None):
                for one in nodes:
                    one.says = says
                if says == OWN_ERROR:
                    assert ask("POST", "*/*") == (500, "text/plain", "", b"ours")
                else:
                    comes_again()
    front = Front(free_port())
    text = configured(balancer, [free_port() for _ in nodes], front)
    with running(balancer, text, tmp_path):
        assert wait_for(lambda: answers_anything(front.clear), 20)
        comes_again()


@dataclass
class Room:
    """A proxy that ends TLS in front of three nodes, as an ordinary user with 1024 files has it run."""

    front: Front
    nodes: tuple[Node, ...]
    trust: ssl.SSLContext

    def ask(self, path: str, *, tls: bool, **headers: str) -> http.client.HTTPResponse:
        """Return the answer to a GET; what the nodes saw before is forgotten."""
        for one in self.nodes:
            one.seen.clear()
        line = (
            http.client.HTTPSConnection("127.0.0.1", self.front.tls, timeout=10, context=self.trust)
            if tls
            else http.client.HTTPConnection("127.0.0.1", self.front.clear, timeout=10)
        )
        with closing(line):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            line.request("GET", path, headers={"Host": "exam.example.org"} | named)
            answer = line.getresponse()
            answer.read()
            return answer

    def heard(self) -> list[str]:
        """Return what a node was told of where the last request came from, in lower case and order."""
        lines = [
            line.decode().lower() for one in self.nodes for text in one.seen for line in text.split(b"\r\n")
            if b"/healthz" not in text
        ]  # fmt: skip
        return sorted(line for line in lines if line.startswith(("x-forwarded-", "host:")))


def ordinary() -> None:
    """Become an ordinary user who may open 1024 files."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


@contextmanager
def room(balancer: str, *, outer: str = "192.0.2.1") -> Iterator[Room]:
    """Serve a room behind a proxy for the length of the block."""
    names = read_names(["exam.example.org", "127.0.0.1"])
    with tempfile.TemporaryDirectory() as place, node() as one, node() as two, node() as three:
        folder = Path(place)
        make_authority(folder, names, now=datetime.now(UTC))
        make_server(folder, names, now=datetime.now(UTC))
        pem = folder / "exam.pem"
        pem.write_bytes((folder / "server.crt").read_bytes() + (folder / "server.key").read_bytes())
        trust = ssl.create_default_context(cafile=str(folder / "authority.crt"))
        front = Front(free_port(), free_port(), pem)
        text = configured(balancer, [one.port, two.port, three.port], front, outer=outer)
        for path in (folder, pem):
            path.chmod(0o777)
        with running(balancer, text, folder, before=ordinary) as log:
            found = Room(front, (one, two, three), trust)

            def answers() -> bool:
                try:
                    return found.ask("/", tls=True).status < 400
                except OSError:
                    return False

            assert wait_for(answers, 20), log.read_text("utf-8")
            yield found


@pytest.mark.parametrize("balancer", BALANCERS)
def test_it_ends_tls_and_says_where_a_request_comes_from(balancer: str) -> None:
    installed(balancer)
    lies = {"X_Forwarded_For": "10.9.9.9", "X_Forwarded_Proto": "http", "X_Forwarded_Host": "elsewhere"}
    with room(balancer) as served:
        answer = served.ask("/", tls=True, **lies)
        assert answer.status == 200
        assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains"]
        assert served.heard() == [
            "host: exam.example.org", "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: exam.example.org", "x-forwarded-proto: https",
        ]  # fmt: skip
        moved = served.ask("/staff?next=1", tls=False)
        assert (moved.status, moved.headers["Location"]) == (301, "https://exam.example.org/staff?next=1")
        for path in ("/metrics", "/%6detrics", "/metrics/nodes"):
            assert served.ask(path, tls=True).status == 404
            assert served.heard() == []


@pytest.mark.parametrize("balancer", BALANCERS)
def test_a_proxy_in_front_of_it_is_believed_where_it_is_named(balancer: str) -> None:
    installed(balancer)
    said = {
        "X_Forwarded_For": "10.1.2.3",
        "X_Forwarded_Proto": "https",
        "X_Forwarded_Host": "city.example.org",
    }
    with room(balancer, outer="127.0.0.1") as served:
        assert served.ask("/", tls=False, **said).status == 200
        assert served.heard() == [
            "host: exam.example.org", "x-forwarded-for: 10.1.2.3",
            "x-forwarded-host: city.example.org", "x-forwarded-proto: https",
        ]  # fmt: skip
