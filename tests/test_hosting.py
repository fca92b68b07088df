"""What a server asks of its machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import flask
import pytest

from cbt.ops import host_resources, serve, worker
from cbt.ops.host_resources import DataDirLock
from tests.fork_server import CAN_FORK
from tests.product_processes import PATIENCE_SECONDS, Forked

RAISED = """
import resource
from cbt.ops.host_resources import allow_connections
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
allow_connections()
print(resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_server_may_open_as_many_files_as_the_system_allows() -> None:
    """In a process of its own: the limit holds for all of one."""
    done = subprocess.run([sys.executable, "-c", RAISED], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "True"


HOLDING = """
import sys
from pathlib import Path
from cbt.ops.host_resources import DataDirLock
DataDirLock(Path(sys.argv[1])).take("pid 7, port 8000")
print("held", flush=True)
sys.stdin.read()
"""


def test_who_holds_a_data_folder_is_told_and_nothing_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert DataDirLock(folder).holder() == ""
    assert not folder.exists()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        assert DataDirLock(folder).holder() == "pid 7, port 8000"
        other.stdin.close()
    assert DataDirLock(folder).holder() == "", "a note that a server left behind is no server"


ORPHANED = """
import os, threading
from cbt.ops.host_resources import begin_as_parent, die_with_parent
begin_as_parent()
parent = os.getpid()
gone, alive = os.pipe()
if os.fork():
    os._exit(0)
os.close(alive)
os.read(gone, 1)  # nothing is ever written: it ends with the parent
while os.getppid() == parent:
    pass
die_with_parent()
threading.Event().wait()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is forked there")
def test_a_process_whose_parent_ended_while_it_was_loading_ends_too() -> None:
    """Its output ends with it: the last who holds it."""
    subprocess.run([sys.executable, "-c", ORPHANED], capture_output=True, timeout=30, check=True)


@pytest.mark.skipif(not CAN_FORK, reason="signals of this kind are another system's")
def test_a_process_that_is_told_to_end_before_its_loop_runs_hears_it_all_the_same(tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    done = Forked("tests.told_scene:main", (), environment=os.environ, folder=Path.cwd(), out=out, err=err)
    assert done.wait(PATIENCE_SECONDS) == 0, err.read_text("utf-8")
    assert out.read_text("utf-8") == "heard\n"


@pytest.mark.parametrize(("died", "told"), [([0], True), ([0, 1], False), ([0, 1, 2], False)])
def test_a_worker_is_told_whether_half_of_the_others_serve_while_it_begins(
    died: list[int], told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_resources, "_others_serve", not told)
    parent = object.__new__(serve._Parent)
    parent.wrks, parent.respawned_wrks = [object()] * 3, {}
    seen: list[bool] = []
    monkeypatch.setattr(
        serve.Granian,
        "_respawn_workers",
        lambda *_: seen.append(host_resources.others_serve()),
        raising=False,
    )
    parent._respawn_workers(died, None, None)
    assert seen == [told]


@pytest.mark.parametrize("serve", [True, False])
def test_it_is_warm_before_it_serves_where_enough_others_do(
    serve: bool, app: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed: list[flask.Flask] = []
    monkeypatch.setattr(host_resources, "_others_serve", serve)
    monkeypatch.setattr(worker, "create_app", lambda *_, **__: app)
    monkeypatch.setattr(worker, "database_time", lambda _: None)
    monkeypatch.setattr(worker, "warm_up", lambda one, *, within: not warmed.append(one))
    assert worker._made(app.extensions["cbt_settings"]) == (app, serve)
    assert warmed == [app] * serve
