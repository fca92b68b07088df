"""Forks of a run share its files, tell what became of each case, and one that dies takes one case along."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest

from tests import forked
from tests.crew import CAN_FORK

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="nothing is forked here")
CHECKOUT = Path(__file__).resolve().parents[1]
CONFTEST = """
    from tests.crew import pytest_addoption, pytest_runtestloop
"""
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run some files of tests, and return how pytest ended and what it said."""

    def run(*options: str, **files: str) -> tuple[int, str]:
        for name, text in {"conftest": CONFTEST, **files}.items():
            (tmp_path / f"{name}.py").write_text(dedent(text), "utf-8")
        plain = ("-p", "no:cacheprovider", "--basetemp", str(tmp_path / "base"))
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", *plain, *options, str(tmp_path)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        return ended.returncode, ended.stdout + ended.stderr

    return run


NOTES = """
    import os
    import pytest
    from pathlib import Path

    @pytest.fixture(scope="session")
    def notes(tmp_path_factory):
        yield Path(__file__).parent / "notes"

    @pytest.fixture(scope="module", autouse=True)
    def module(notes, request):
        yield
        with notes.open("a") as file:
            file.write(f"end {request.node.name} {os.getpid()}\\n")

    @pytest.mark.parametrize("number", range(3))
    def test_one(notes, number, tmp_path):
        with notes.open("a") as file:
            file.write(f"{Path(__file__).stem} {number} {os.getpid()} {tmp_path}\\n")
"""


def test_each_case_runs_once_and_a_file_in_one_worker(run: Run, tmp_path: Path) -> None:
    files = {f"test_{letter}": NOTES for letter in "abcdefgh"}
    code, said = run("--workers", "2", **files)
    assert (code, "24 passed" in said) == (0, True), said
    lines = (tmp_path / "notes").read_text("utf-8").splitlines()
    ran = [line.split() for line in lines if not line.startswith("end")]
    assert sorted(one[0] + one[1] for one in ran) == [
        f"{name}{number}" for name in files for number in range(3)
    ]
    workers = {name: {one[2] for one in ran if one[0] == name} for name in files}
    assert all(len(pids) == 1 for pids in workers.values())
    ended = [line.split() for line in lines if line.startswith("end")]
    assert {(one[1], one[2]) for one in ended} == {(f"{name}.py", *pids) for name, pids in workers.items()}
    assert len({Path(one[3]).parent for one in ran}) == len({one[2] for one in ran})
    for name in files:
        assert [one[1] for one in ran if one[0] == name] == ["0", "1", "2"]


def test_what_fails_is_told_and_a_worker_that_dies_takes_one_case_along(run: Run) -> None:
    code, said = run(
        "--workers",
        "1",
        test_a="""
            import pytest
            def test_right(): pass
            def test_wrong():
                print("said before")
                assert [1, 2] == [1, 3]
            @pytest.fixture
            def broken():
                yield
                raise OSError("at its end")
            def test_end(broken): pass
            @pytest.mark.skip(reason="not here")
            def test_left_out(): pass
        """,
        test_b="""
            import os
            def test_before(): pass
            def test_killed(): os.kill(os.getpid(), 9)
            def test_left(): os._exit(0)
            def test_after(): pass
        """,
        test_c="def test_next(): pass",
    )
    assert code == 1
    for words in ("said before", "At index 1 diff: 2 != 3", "at its end", "status -9", "status 0"):
        assert words in said
    assert "3 failed, 5 passed, 1 skipped, 1 error" in said


def test_after_the_failures_that_were_allowed_no_other_file_is_begun(run: Run) -> None:
    wrong = "def test_wrong(): assert False"
    files = {f"test_{number}": wrong for number in range(9)}
    code, said = run("--workers", "1", "--maxfail", "1", **files)
    assert (code, "1 failed" in said) == (1, True), said
    assert "stopping after 1 failures" in said


def test_a_thread_begun_while_files_are_loaded_is_a_fault(run: Run) -> None:
    code, said = run(
        "--workers",
        "2",
        test_a="""
            import threading, time
            threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
            def test_a(): pass
        """,
    )
    assert code != 0
    assert "a thread was begun" in said


class Server:
    """Stands for the process that forks commands."""

    def __init__(self) -> None:
        self.begun = 0

    def ensure_running(self) -> None:
        self.begun += 1


def test_a_worker_has_no_other_process_to_fork_its_commands_of(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    monkeypatch.setattr(forked, "forkserver", SimpleNamespace(_forkserver=server))
    forked.begin_server()
    assert server.begun == 1
    pid = os.fork()
    if pid == 0:
        server.ensure_running()
        os._exit(server.begun)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
