"""The page of the examination: what an administrator reads is what the command found."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from cbt.application import views
from cbt.errors import Unavailable
from tests.world import World

SAID = {
    "grade": "fail",
    "found": [
        {"check": "space", "grade": "ok", "code": "ok", "what": "Data: <b>9</b> MiB left.", "fix": ""},
        {"check": "copy", "grade": "fail", "code": "away", "what": "It is away.", "fix": "mount -a"},
    ],
}


def answer(monkeypatch: pytest.MonkeyPatch, said: str) -> list[dict[str, Any]]:
    """Have the child say this; return with what it is called."""
    calls: list[dict[str, Any]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        calls.append({"command": command, **options})
        return subprocess.CompletedProcess(command, 2, said.encode(), b"")

    monkeypatch.setattr(views.subprocess, "run", run)
    return calls


def test_an_administrator_reads_what_was_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answer(monkeypatch, json.dumps(SAID))
    client = world.staff("admin")
    assert client.get("/doctor").status_code == 200
    assert calls == [], "a page that is opened looks at nothing"
    page = client.post("/doctor").text
    assert "It is away." in page
    assert "mount -a" in page
    assert "&lt;b&gt;9&lt;/b&gt;" in page
    [call] = calls
    assert call["command"][1:] == ["-m", "cbt.confined.priority", "cbt.cli", "doctor", "--json"]
    assert call["env"]["CBT_DATA_DIR"] == str(world.app.extensions["cbt_settings"].data_dir)
    assert call["env"]["CBT_LOCALE"] == "zh"


@pytest.mark.parametrize(
    "said", ["", "[]", '{"grade": "ok"}', '{"error": {"code": "x", "what": "", "fix": ""}}']
)
def test_a_child_that_says_nothing_is_no_clean_bill(said: str) -> None:
    with pytest.raises(Unavailable, match=r"doctor\.silent"):
        views.read(said.encode())


def test_one_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, json.dumps(SAID))
    with views._at_work:
        assert world.staff("admin").post("/doctor").status_code == 429
    assert world.staff("admin").post("/doctor").status_code == 200
