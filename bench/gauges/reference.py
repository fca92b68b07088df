"""REF: served with the request and the reply that the product exchanged once; and what is stored of a sitting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import rows
from bench.figures import Ref
from bench.installation import Installation, choose_answers, installation
from bench.servers.ref import REPLY_VARIABLE
from bench.servers.serve import PRODUCT, REF, running, serving
from bench.sizes import Size
from bench.traffic import loads
from bench.traffic.client import Exchange, request_bytes, run_load
from cbt.config import read_settings
from cbt.ops.backup.snapshot import back_up

FEW = 2


@contextmanager
def reference(folder: Path, size: Size) -> Iterator[tuple[Ref, dict[str, float]]]:
    """Serve REF for the length of the block; with it goes how long the exchanges of the product are."""
    with installation(folder, attempts=FEW) as built:
        choose_answers(built)
        with running(PRODUCT, built.environ) as server:
            request, reply, facts = _sample(built, server.port)
    environ = {REPLY_VARIABLE: reply}
    with serving(REF, environ) as port:
        yield Ref(port, request, size.seconds, environ), facts


def _sample(built: Installation, port: int) -> tuple[bytes, str, dict[str, float]]:
    """Start a paper and save one answer; return the request and the reply."""
    sitter = built.sitters[0]
    seen: list[tuple[int, bytes]] = []
    start = next(loads.starts([sitter]))

    def watched(status: int, reply: bytes) -> None:
        start.on_reply(status, reply)
        seen.append((status, reply))

    run_load(port, [iter([Exchange(start.request, watched)])])
    body = loads.save_body(sitter)
    path = f"/attempts/{sitter.attempt_ref}/answers"
    request = request_bytes(path, body, loads.under_lease(sitter))
    run_load(port, [iter([Exchange(request, lambda status, reply: seen.append((status, reply)))])])
    if [status for status, _ in seen] != [200, 200]:
        raise RuntimeError(f"a start or a save was refused: {seen}")
    facts = {"start_reply_bytes": len(seen[0][1]), "save_bytes": len(request) + len(seen[1][1])}
    return body, seen[1][1].decode(), facts


def stored(built: Installation, folder: Path) -> dict[str, float]:
    """What is on disk for each candidate, and how fast a backup of it is made.

    Everybody has a form of their own, as in an exam.
    """
    settings = read_settings(built.environ)
    began = time.perf_counter()
    _, manifest = back_up(settings, folder / "backups", now=built.now())
    seconds = time.perf_counter() - began
    form_bytes = rows.form_bytes()
    return {
        "attempts": len(built.sitters),
        "database_bytes": manifest.bytes,
        "form_bytes": form_bytes,
        "bytes_per_attempt": round(manifest.bytes / len(built.sitters)),
        "backup_mb_per_s": round(manifest.bytes / 1e6 / seconds, 1),
    }
