"""What the candidates' browsers send: starts, saves and hand-ins, with a ledger of what was acknowledged."""

from __future__ import annotations

import json
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import cycle

from bench.installation import Sitter
from bench.traffic.client import Exchange, OnReply, page_bytes, request_bytes
from cbt.http.responses import GZIP

_HEAD = re.compile(rb'\{"lease":"([^"]+)","epoch":(\d+),"number":(\d+),')
_TAIL = re.compile(rb'"seq":(\d+)\}$')
HEAD_BYTES, TAIL_BYTES = 200, 30


class Ledger:
    """What the server said is kept: (epoch, seq) by attempt id of saves, the receipt by attempt id of 交卷."""

    def __init__(self) -> None:
        self.saved: dict[int, set[tuple[int, int]]] = defaultdict(set)
        self.receipts: dict[int, str] = {}


def ref_requests(body: bytes) -> Iterator[Exchange]:
    """Yield the same request to REF for ever."""
    exchange = Exchange(request_bytes("/ref", body, {}), lambda _status, _body: None)
    while True:
        yield exchange


def boards(room_ref: str, cookie: str) -> Iterator[Exchange]:
    """Yield the request for a room's board, all of it, for ever."""
    path = f"/proctor/rooms/{room_ref}/live"
    exchange = Exchange(page_bytes(path, {"Cookie": cookie}), lambda _status, _body: None)
    while True:
        yield exchange


def starts(sitters: Sequence[Sitter]) -> Iterator[Exchange]:
    """Yield the start of each sitter once; its lease is kept for what follows."""
    for sitter in sitters:
        headers = {"Cookie": sitter.cookie, "X-CSRFToken": sitter.csrf_token, "Accept-Encoding": "gzip"}
        path = f"/attempts/{sitter.attempt_ref}/start"
        yield Exchange(request_bytes(path, b"{}", headers), _keep_lease(sitter))


def _keep_lease(sitter: Sitter) -> OnReply:
    def on_reply(status: int, body: bytes) -> None:
        if status == 200:
            # The paper lies behind it: unpacking all of it would cost the load as much as the server's writing.
            head = _HEAD.match(zlib.decompressobj(GZIP).decompress(body, HEAD_BYTES))
            assert head is not None
            sitter.lease, sitter.epoch, sitter.seq = head[1].decode(), int(head[2]), 0
            sitter.number = int(head[3])
            if sitter.epoch > 1:  # something may have been written before
                tail = _TAIL.search(zlib.decompress(body, GZIP)[-TAIL_BYTES:])
                assert tail is not None
                sitter.seq = int(tail[1])

    return on_reply


def under_lease(sitter: Sitter) -> dict[str, str]:
    """Return the headers of what a page sends: its lease, and its cookies, which say at which machine it is."""
    return {"X-CBT-Lease": sitter.lease, "Cookie": sitter.cookie}


def saves(sitters: Sequence[Sitter], ledger: Ledger) -> Iterator[Exchange]:
    """Yield saves of one answer for ever, each sitter in turn."""
    for sitter in cycle(sitters):
        body = save_body(sitter)
        path = f"/attempts/{sitter.attempt_ref}/answers"
        request = request_bytes(path, body, under_lease(sitter))
        yield Exchange(request, _keep_receipt(sitter, ledger))


def save_body(sitter: Sitter, answers: int = 1) -> bytes:
    """Return the body of a sitter's next save: so many answers, each one position further."""
    entries = []
    for _ in range(answers):
        sitter.seq += 1
        position, value = sitter.answers[sitter.seq % len(sitter.answers)]
        entries.append(f'{{"seq":{sitter.seq},"kind":"answer","position":{position},"value":"{value}"}}')
    return f'{{"epoch":{sitter.epoch},"entries":[{",".join(entries)}]}}'.encode()


def _keep_receipt(sitter: Sitter, ledger: Ledger) -> OnReply:
    number = (sitter.epoch, sitter.seq)

    def on_reply(status: int, _body: bytes) -> None:
        if status == 200:
            ledger.saved[sitter.attempt_id].add(number)

    return on_reply


def submits(sitters: Sequence[Sitter], ledger: Ledger) -> Iterator[Exchange]:
    """Yield the 交卷 of each sitter once."""
    for sitter in sitters:
        path = f"/attempts/{sitter.attempt_ref}/submit"
        body = f'{{"epoch":{sitter.epoch},"entries":[]}}'.encode()
        request = request_bytes(path, body, under_lease(sitter))
        yield Exchange(request, _keep_closing(sitter, ledger))


def _keep_closing(sitter: Sitter, ledger: Ledger) -> OnReply:
    def on_reply(status: int, body: bytes) -> None:
        if status == 200:
            ledger.receipts[sitter.attempt_id] = json.loads(body)["receipt"]

    return on_reply
