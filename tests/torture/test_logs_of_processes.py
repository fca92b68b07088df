"""The log of a running server: every line of every process an object, also while its file is rotated."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cbt.config import Settings
from tests.packaging.served import Installation, Server
from torture.sites.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a file that is open is not moved there")


class Logging(Installation):
    """An installation whose log goes to a file."""

    @property
    def file(self) -> Path:
        """The log."""
        return self.folder / "cbt.log"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        return super().environment | {"CBT_LOG_FILE": str(self.file), "CBT_THREADS": "8"}


def lines(path: Path) -> list[dict[str, Any]]:
    """Return what a file says; each line has to be one object."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def told(path: Path, event: str) -> Counter[str]:
    """Return how often which kind of process told an event; the one for jobs is begun some seconds later."""
    return Counter(line["role"] for line in lines(path) if line["event"] == event and line["role"] != "jobs")


def hang_up_on_everybody(server: Server) -> None:
    """Do what `systemctl kill --signal=HUP` does."""
    for pid in (server.process.pid, *server.workers()):
        os.kill(pid, signal.SIGHUP)


def test_every_line_of_every_process(tmp_path: Path) -> None:
    place = Logging(tmp_path)
    everybody = {"server": 1, "worker": Settings().workers, "writer": 1}
    with place.serving() as server:
        assert wait_for(lambda: told(place.file, "start") == everybody)
        [begun] = [line for line in lines(place.file) if line.get("role") == "server"]
        assert begun["pid"] == server.process.pid
        assert begun["version"]
        assert begun["revision"]
        assert begun["settings"]["CBT_PORT"] == str(place.port)

        alive = set(server.workers())
        rotated = place.file.rename(tmp_path / "cbt.log.1")
        hang_up_on_everybody(server)
        assert wait_for(lambda: any(line["event"] == "hang-up" for line in lines(place.file)))
        assert set(server.workers()) == alive, "a hang-up ends nobody"
        before = rotated.read_bytes()

        [worker, *_] = alive - set(server.writers())
        os.kill(worker, signal.SIGKILL)
        assert wait_for(lambda: told(place.file, "start") == {"worker": 1})
        assert [line for line in lines(place.file) if line["level"] == "error"], "its end is no silence"
    assert told(place.file, "stop") == everybody
    assert rotated.read_bytes() == before, "nobody wrote to what was moved away"
    assert "{" not in server.said, "people's words stay people's words"
