"""What a hostile file would have its reader do; run by `cbt.confined` in a child only."""

from __future__ import annotations

import os
import socket
import sys
import time

_OWN = {"cbt", "cbt.confined", "cbt.confined.child", "cbt.confined.priority", "cbt.errors"}
_STARTED_WITH = {"LC_CTYPE"}
"""What the interpreter puts into its environment itself."""


def echo(body: bytes) -> bytes:
    return body


def hoard(_body: bytes) -> bytes:
    kept = []
    while True:
        kept.append(bytearray(10_000_000))


def count(_body: bytes) -> bytes:
    number = 0
    while True:
        number += 1


def sleep(_body: bytes) -> bytes:
    time.sleep(3600)
    return b""


def talk(_body: bytes) -> bytes:
    return b"x" * 50_000_000


def crash(_body: bytes) -> bytes:
    os.kill(os.getpid(), 11)
    return b""


def abort(_body: bytes) -> bytes:
    os.abort()


def environment(_body: bytes) -> bytes:
    return ",".join(sorted(os.environ.keys() - _STARTED_WITH - {"LD_LIBRARY_PATH"})).encode()


def descriptors(_body: bytes) -> bytes:
    found = []
    for number in range(256):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(str(number))
    return ",".join(found).encode()


def connect(_body: bytes) -> bytes:
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    except OSError as error:
        return b"refused" if error.errno == 24 else str(error).encode()
    return b"connected"


def open_file(_body: bytes) -> bytes:
    try:
        open(__file__, "rb").close()  # noqa: PTH123  # the plain call is what is tried
    except OSError:
        return b"refused"
    return b"opened"


def product(_body: bytes) -> bytes:
    loaded = {name for name in sys.modules if name.split(".")[0] in {"cbt", "flask", "sqlalchemy"}}
    return ",".join(sorted(loaded - _OWN)).encode()


def limits(_body: bytes) -> bytes:
    import resource  # what confines a child has loaded it, where there is one

    names = ("AS", "CPU", "NOFILE", "FSIZE", "CORE")
    most = (resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names)
    return ",".join(f"{soft}/{hard}" for soft, hard in most).encode()


def policy(_body: bytes) -> bytes:
    """Return by which rule this child is given processors."""
    return str(os.sched_getscheduler(0)).encode()
