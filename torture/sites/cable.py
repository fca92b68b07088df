"""A network of two ends that can be pulled apart: a namespace of its own behind a pair of virtual cards."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cable:
    """What leads to a server in the namespace `name` at the address `far`."""

    name: str
    far: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """Return what is put before a command that is to run at the far end."""
        return ("ip", "netns", "exec", self.name)

    def pull(self) -> None:
        """Pull it out: nothing comes through, and neither end is told."""
        _ip("link", "set", self.name, "down")

    def plug(self) -> None:
        """Put it back."""
        _ip("link", "set", self.name, "up")


@contextmanager
def cable() -> Iterator[Cable]:
    """Lay a cable for the length of the block; needs root."""
    name = f"cbt{secrets.token_hex(3)}"
    third = secrets.randbelow(250)
    near, far = f"10.213.{third}.1", f"10.213.{third}.2"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "far0", "netns", name)
        _ip("addr", "add", f"{near}/30", "dev", name)
        _ip("link", "set", name, "up")
        _ip("-n", name, "addr", "add", f"{far}/30", "dev", "far0")
        _ip("-n", name, "link", "set", "far0", "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield Cable(name, far)
    finally:
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", name)
        _ip("netns", "del", name)


def can_lay() -> bool:
    """Return whether this process may lay one."""
    try:
        with cable():
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
