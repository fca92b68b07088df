"""`python -m torture.browsers.half_sent PORT COUNT ADDRESS…`: requests that stop in the middle of their bodies.

Every one of COUNT sockets, spread over the addresses of this machine, sends the head of a save and half of its
body, and then a byte a second or nothing. What the server closes is opened again within a second. It ends with its
standard input, and by itself after a few minutes.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import time

from cbt.ops.host_resources import allow_connections

HALF = (
    b"POST /attempts/nobody/answers HTTP/1.1\r\nHost: exam\r\nX-CBT-Lease: none\r\n"
    b"Content-Type: application/json\r\nContent-Length: 600\r\n\r\n" + b"{" * 300
)
EVERY_SECONDS = 1.0
LONGEST_SECONDS = 600.0


def _open(address: str, port: int) -> socket.socket | None:
    line = socket.socket()
    line.settimeout(5)
    try:
        line.bind((address, 0))
        line.connect(("127.0.0.1", port))
        line.sendall(HALF)
    except OSError:
        line.close()
        return None
    line.setblocking(False)
    return line


def _alive(line: socket.socket, *, drip: bool) -> bool:
    """Return whether the server still waits for the rest; it gets another byte, or nothing."""
    try:
        line.recv(4096)
    except BlockingIOError:
        pass
    except OSError:
        return False
    else:
        return False  # it was answered, or closed: let go
    if drip:
        with contextlib.suppress(OSError):
            line.send(b"1")
    return True


def main() -> None:
    """Hold them open."""
    allow_connections()
    port, count, addresses = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    lines: list[socket.socket | None] = [None] * count
    until = time.monotonic() + LONGEST_SECONDS
    first = True
    while time.monotonic() < until:
        for number, line in enumerate(lines):
            if line is not None and not _alive(line, drip=number % 2 == 1):
                line.close()
                lines[number] = None
            if lines[number] is None:
                lines[number] = _open(addresses[number % len(addresses)], port)
        if first:
            sys.stdout.write("there\n")  # whoever started this waits for it
            sys.stdout.flush()
            first = False
        if select.select([sys.stdin], [], [], EVERY_SECONDS)[0]:
            return


if __name__ == "__main__":
    main()
