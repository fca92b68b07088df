"""The bad network does each of its faults, and nothing once it is mended."""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from torture.sites import proxy as network
from torture.sites.proxy import Proxy
from torture.sites.waiting import wait_for


class Target:
    """A server that keeps the body of every whole request and answers it with the body."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                wanted = int(self.headers["Content-Length"])
                body = self.rfile.read(wanted)
                if len(body) == wanted:
                    bodies.append(body)
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)


@pytest.fixture
def target() -> Iterator[Target]:
    served = Target()
    served.thread.start()
    yield served
    served.server.shutdown()
    served.server.server_close()
    served.thread.join()


def post(port: int, body: bytes) -> bytes | None:
    """Return the reply, None when none came."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        line.request("POST", "/", body)
        return line.getresponse().read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        line.close()


@pytest.mark.parametrize(
    ("fault", "reply", "arrives"),
    [
        ("reply_lost", False, 1),
        ("cut_in_body", False, 0),
        ("half_open", False, 1),
        ("delayed", True, 1),
        ("doubled", True, 2),
        ("late", False, 1),
        ("reset", False, 0),
    ],
)
def test_a_fault_is_what_it_says(
    target: Target, fault: str, reply: bool, arrives: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "FAULTS", (fault,))
    monkeypatch.setattr(network, "LONGEST_SECONDS", 0.2)
    with Proxy(lambda: target.server.server_address[1], random.Random(1), rate=1.0) as proxy:
        answer = post(proxy.port, b"hello there")
        assert answer == (b"hello there" if reply else None)
        assert wait_for(lambda: len(target.bodies) >= arrives, 10)
        assert proxy.done[fault] == 1
        proxy.mend()
        assert post(proxy.port, b"again") == b"again"
    assert target.bodies[:arrives] == [b"hello there"] * arrives
    assert target.bodies[arrives:] == [b"again"]


def test_nothing_comes_through_a_cut_and_everything_after_it(target: Target) -> None:
    with Proxy(lambda: target.server.server_address[1], random.Random(1), rate=0.0) as proxy:
        assert post(proxy.port, b"one") == b"one"
        proxy.cut()
        assert post(proxy.port, b"two") is None
        proxy.mend()
        assert post(proxy.port, b"three") == b"three"
    assert target.bodies == [b"one", b"three"]
