"""Forks of a run share its files, tell what became of each case, and one that dies takes one case along."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

import pytest

from tests import product_processes
from tests.browser import find_shell
from tests.databases import find_binaries
from tests.fork_server import CAN_FORK
from torture.sites.waiting import wait_for

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="nothing is forked here")
CHECKOUT = Path(__file__).resolve().parents[1]
CONFTEST = """
    from tests.forked_runner import pytest_addoption, pytest_runtestloop
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


def test_what_the_end_of_an_only_file_breaks_is_told_with_its_last_case(run: Run) -> None:
    """A run of one file says of its fixtures what a run of many does."""
    code, said = run(
        "--workers",
        "1",
        test_a="""
            import pytest
            @pytest.fixture(scope="module", autouse=True)
            def broken():
                yield
                raise OSError("at the end of the file")
            def test_right(): pass
        """,
    )
    assert (code, "1 passed, 1 error" in said) == (1, True), said
    assert "at the end of the file" in said


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


def test_a_worker_forks_its_commands_of_the_process_that_its_parent_began() -> None:
    product_processes.begin_server()
    begun = product_processes._server()
    pid = os.fork()
    if pid == 0:
        os._exit(product_processes._server() is not begun)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


LASTING = """
    import time
    from pathlib import Path
    from tests.browser import find_shell
    from tests.databases import start_own
    from tests.fork_server import Child, begun

    SERVER = "import os; from tests.fork_server import serve_who_began; serve_who_began(become)"
    BECOME = "def become(words): os.setsid(); os.execv(words[0], words)"

    def test_lasts():
        server = begun(f"exec({BECOME!r}); {SERVER}")
        kept = [Child(server, ["/bin/sleep", "600"]), start_own()]
        if find_shell():
            from playwright.sync_api import sync_playwright
            chromium = sync_playwright().start().chromium
            kept += [chromium.launch(executable_path=find_shell(), args=["--no-sandbox"])]
        (Path(__file__).parent / "begun").touch()
        time.sleep(600)
"""


def descendants(pid: int) -> dict[int, str]:
    """Return what a process began, and what that began: the number of each with when it began."""
    told = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                state, parent, *rest = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
                if state != "Z":
                    told[int(folder.name)] = int(parent), rest[17]
    found = {pid: told[pid][1]} if pid in told else {}
    while more := {one: at for one, (parent, at) in told.items() if parent in found and one not in found}:
        found |= more
    return found


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Where another user's PostgreSQL finds its files."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_a_run_that_is_killed_leaves_nothing_behind(tmp_path: Path, open_folder: Path) -> None:
    for name, text in {"conftest": CONFTEST, "test_a": LASTING}.items():
        (tmp_path / f"{name}.py").write_text(dedent(text), "utf-8")
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "--workers", "1", str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT), "TMPDIR": str(open_folder)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert wait_for(lambda: (tmp_path / "begun").exists() or run.poll() is not None, 300)
    begun = descendants(run.pid)
    names = {(Path(f"/proc/{pid}") / "comm").read_text("utf-8").strip()[:8] for pid in begun}
    assert names >= {"sleep"} | ({"postgres"} if find_binaries() else set())
    assert not find_shell() or any("headless" in name or "chrom" in name for name in names), names
    run.kill()
    run.wait()
    left = set[int]()

    def all_ended() -> bool:
        left.clear()
        left.update(pid for pid, at in begun.items() if descendants(pid).get(pid) == at)
        return not left

    assert wait_for(all_ended), [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left]
