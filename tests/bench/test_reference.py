"""REF is an empty app on plain granian, and what the product's own front costs it is a row by itself."""

from __future__ import annotations

import http.client
import json
from contextlib import closing

import pytest

from bench.figures import Ref
from bench.measured.reference import measure
from bench.servers.ref import REPLY_VARIABLE
from bench.servers.serve import REF, REF_BEHIND_FRONT, serving
from bench.sizes import QUICK
from bench.traffic.client import HOST

REPLY = {"saved": [1]}
ENVIRON = {REPLY_VARIABLE: json.dumps(REPLY), "CBT_WORKERS": "1"}


def sent_in_pieces(port: int) -> tuple[int, bytes]:
    """Send JSON in chunks; return what came back. The product's front reads no such body, so the app has none."""
    heads = {"Content-Type": "application/json", "Connection": "close"}
    with closing(http.client.HTTPConnection(HOST, port, timeout=20)) as line:
        line.request("POST", "/ref", iter([b"{", b"}"]), heads, encode_chunked=True)
        with closing(line.getresponse()) as reply:
            return reply.status, reply.read()


def test_ref_stands_before_no_front_of_ours() -> None:
    with serving(REF, ENVIRON) as port:
        status, body = sent_in_pieces(port)
        assert (status, json.loads(body)) == (200, REPLY)


def test_behind_the_front_it_is_the_product_s_server() -> None:
    with serving(REF_BEHIND_FRONT, ENVIRON) as port:
        assert sent_in_pieces(port)[0] == 400


class Ground:
    """What the row is given, with a REF of two requests."""

    size = QUICK

    def __init__(self, port: int) -> None:
        self.ref = Ref(port, b"{}", 0.1, ENVIRON)

    @staticmethod
    def tell(_text: str) -> None:
        """Say nothing."""


def test_the_row_is_the_share_of_ref_that_the_front_leaves() -> None:
    with serving(REF, ENVIRON) as port:
        ground = Ground(port)
        (figure,) = measure(ground)  # type: ignore[arg-type]  # it needs no more of its ground
    assert (figure.name, figure.refused) == ("ref_front", 0)
    assert figure.ratio == pytest.approx(figure.rates[0] / ground.ref.rates[0])
