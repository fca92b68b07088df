"""`python -m bench.traffic.strangers PORT COUNT ADDRESS…`: connections that sign in as staff with random names.

Each of COUNT connections, spread over the addresses of this machine, sends the next sign-in as soon as the last was
answered, and connects again when it is let go. All bring a form token that the server gave out. It ends with its
standard input.
"""

from __future__ import annotations

import re
import secrets
import select
import selectors
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlencode

from bench.traffic.client import HOST, READ_SIZE, content_length
from cbt.ops.host_resources import allow_connections

COUNT = 400
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
PATH = "/staff/sign-in"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@contextmanager
def signing_in(port: int, count: int = COUNT) -> Iterator[None]:
    """Have so many connections sign in with random names until the end of the block, in a process of their own."""
    command = [sys.executable, "-m", "bench.traffic.strangers", str(port), str(count), *ADDRESSES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()  # all of them have asked
        try:
            yield
        finally:
            process.stdin.close()


class _Stranger:
    """One connection; `begin` asks, `receive` takes what there is of the answer."""

    def __init__(self, port: int, address: str, cookie: str, token: str) -> None:
        self._port, self._address = port, address
        self._cookie, self._token = cookie, token
        self._buffer = b""
        self.line: socket.socket | None = None

    def begin(self) -> socket.socket:
        if self.line is None:
            self.line = socket.socket()
            self.line.bind((self._address, 0))
            self.line.connect((HOST, self._port))
        form = {"csrf_token": self._token, "login": secrets.token_hex(6), "password": secrets.token_hex(8)}
        body = urlencode(form)
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {HOST}:{self._port}\r\nCookie: {self._cookie}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._buffer = b""
        self.line.sendall((head + body).encode())
        return self.line

    def receive(self) -> bool:
        """Return whether the answer is there as a whole, or the connection gone."""
        assert self.line is not None
        data = self.line.recv(READ_SIZE)
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if data and (end < 0 or len(self._buffer) < end + 4 + content_length(self._buffer[: end + 2])):
            return False
        if not data or b"connection: close" in self._buffer[:end].lower():
            self.close()
        return True

    def close(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None


def main() -> None:
    """Sign in."""
    allow_connections()
    port, count, addresses = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    with urllib.request.urlopen(f"http://{HOST}:{port}{PATH}", timeout=30) as page:
        given = page.headers.get_all("Set-Cookie") or []
        found = _TOKEN.search(page.read().decode())
    assert found is not None
    # The form token belongs to the session; a machine's token each has none.
    cookie = "; ".join(one.split(";")[0] for one in given if "machine" not in one)
    chosen = selectors.DefaultSelector()
    for number in range(count):
        stranger = _Stranger(port, addresses[number % len(addresses)], cookie, found[1])
        chosen.register(stranger.begin(), selectors.EVENT_READ, stranger)
    sys.stdout.write("there\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], 0)[0]:
        for key, _ in chosen.select(0.2):
            stranger, line = key.data, key.fileobj
            with suppress(OSError):
                if not stranger.receive():
                    continue
            chosen.unregister(line)
            with suppress(OSError):
                chosen.register(stranger.begin(), selectors.EVENT_READ, stranger)


if __name__ == "__main__":
    main()
