"""What a newcomer types is typed: the first steps in a fresh clone, the first commands of the guides."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cbt.paths import product_dir
from tests.fork_server import CAN_FORK, end_with_parent
from tests.packaging.served import Installation, Server
from tests.product_processes import PATIENCE_SECONDS
from torture.sites.waiting import free_port

CHECKOUT = product_dir("templates").parent
READMES = ("README.md", "README.zh-CN.md")
STEPS = ("docs/first-steps.md", "docs/first-steps.zh-CN.md")
LEVEL = "customer-service-l3"
HANDED_IN = "1. 客户要一本手册，先做什么？\nA. 核对需求\nB. 结束通话\nC. 转交他人\nD. 不予答复\n答案：A\n"
_FENCE = re.compile(r"^```(sh|powershell)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(document: str) -> list[list[str]]:
    """Return the commands of each block of a document, without their remarks."""
    found = _FENCE.findall((CHECKOUT / document).read_text("utf-8"))
    return [[line.split("  #")[0].strip() for line in text.splitlines() if line.strip()] for _, text in found]


@pytest.mark.parametrize("pages", [READMES, STEPS], ids=str)
def test_both_languages_have_one_typed_alike(pages: tuple[str, str]) -> None:
    english, chinese = (
        [[line.split(" #")[0].strip() for line in block] for block in blocks(page)] for page in pages
    )
    assert english
    assert english == chinese


def test_the_first_steps_begin_with_the_commands_of_the_readme() -> None:
    assert blocks(READMES[0]) == blocks(STEPS[0])[:1]


def test_windows_is_told_what_the_others_are() -> None:
    _, windows, others = blocks(STEPS[0])
    as_there = [line.replace("\\", "/").replace(".venv/Scripts", ".venv/bin") for line in windows]
    assert as_there[0] == others[0].replace("python3", "py")
    assert as_there[1] == others[1]
    assert as_there[2] == others[2].replace("dev.txt", "run.txt")
    assert as_there[3:5] == others[3:5]
    assert as_there[5:] == [".venv/bin/cbt demo"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone; what pip would fetch for its environment is lent by that of the tests."""
    if not (CHECKOUT / ".git").exists() or shutil.which("make") is None:
        pytest.skip("needs a checkout of git, and make")
    folder = tmp_path_factory.mktemp("clone") / "cbt"
    subprocess.run(["git", "clone", "--quiet", CHECKOUT, folder], check=True, timeout=PATIENCE_SECONDS)
    return folder


def typed(folder: Path, line: str, **settings: str) -> str:
    """Type a line; return what was said."""
    done = subprocess.run(
        line, shell=True, cwd=folder, env=environment() | settings, timeout=PATIENCE_SECONDS,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout}"
    return done.stdout


def environment() -> dict[str, str]:
    """Return what somebody has who has just opened a terminal."""
    kept = {
        name: text for name, text in os.environ.items() if not name.startswith(("CBT_", "PYTHON", "VIRTUAL"))
    }
    return kept | {"PYTHONUTF8": "1", "CBT_HOST": "127.0.0.1", "PIP_NO_INDEX": "1"}


def test_a_fresh_clone_is_set_up_and_shown_as_the_first_steps_say(clone: Path) -> None:
    make, _, without = blocks(STEPS[0])
    for line in without:
        if " -r requirements/" in line:
            lend(clone)
        elif " -m pytest " in line:
            typed(clone, f"{line} --collect-only tests/moving")
        else:
            typed(clone, line.replace("python3", sys.executable))
    (clone / ".venv" / ".installed").touch()
    demo, test = make
    typed(clone, f"{test} --dry-run")
    port = str(free_port())
    with served(clone, demo, port) as server:
        lines = server.said.rstrip().splitlines()
        anew = re.search(r"[.\w/-]*cbt demo --fresh$", lines[-1], re.ASCII)
        assert anew, server.said
        assert (clone / "demo-data.log").is_file()
    # The command that was printed, and those that the page names, work where they are read.
    assert "demo-accounts.txt" in typed(clone, f"{anew[0]} --build-only", CBT_PORT=port)
    assert list(clone.glob("demo-data.[0-9]*"))
    text = (clone / STEPS[0]).read_text("utf-8")
    for named in (
        ".venv/bin/cbt demo --fresh",
        ".venv/bin/cbt demo --help",
        ".venv/bin/cbt rehearse --seats 30",
    ):
        assert f"`{named}`" in text
        typed(clone, f"{named} --help")


def lend(clone: Path) -> None:
    """Have what is locked at hand, as after a download; the hashes are held by tests/packaging/test_locks.py."""
    site = Path(
        typed(clone, ".venv/bin/python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))'").strip()
    )
    (site / "lent.pth").write_text(sysconfig.get_path("purelib"), "utf-8")


@pytest.fixture
def author(tmp_path: Path) -> Installation:
    """An installation, and beside it the folders that the guides speak of."""
    made = Installation(tmp_path)
    assert made.run("migrate", "--new").returncode == 0
    shutil.copytree(CHECKOUT / "question_bank", tmp_path / "my-banks")
    for name in ("blueprints", "my-blueprints"):
        shutil.copytree(CHECKOUT / "blueprints", tmp_path / name)
    shutil.copy(tmp_path / "blueprints" / f"{LEVEL}.toml", tmp_path / "my-blueprints" / "l3.toml")
    assert made.run("bank", "import", f"my-banks/{LEVEL}").returncode == 0
    (tmp_path / "交来的题库").mkdir()
    (tmp_path / "交来的题库" / "一.txt").write_text(HANDED_IN, "utf-8")
    with zipfile.ZipFile(tmp_path / "补充.zip", "w") as folder:
        folder.writestr("二.txt", HANDED_IN.replace("一本", "两本"))
    return made


@contextlib.contextmanager
def served(clone: Path, line: str, port: str) -> Iterator[Server]:
    """Type a line that stays, until the block ends."""
    out = clone.parent / "said"
    with out.open("wb") as handle:
        process = subprocess.Popen(
            line.split(), cwd=clone, env=environment() | {"CBT_PORT": port}, stdout=handle, stderr=handle,
            start_new_session=True,
            # Make passes it on, so that a run that is killed leaves no server behind.
            preexec_fn=partial(end_with_parent, signal.SIGTERM) if CAN_FORK else None,
        )  # fmt: skip
    server = Server(process, out, int(port))
    try:
        server.wait(PATIENCE_SECONDS)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl+C reaches all of them
        server.stop()


@pytest.mark.parametrize("guide", ["authoring", "blueprints"])
def test_the_first_commands_of_a_guide_work_in_their_order(author: Installation, guide: str) -> None:
    for line in [line for block in blocks(f"docs/{guide}.md") for line in block]:
        words = [one for word in shlex.split(line.split(" > ")[0]) for one in unfolded(author.folder, word)]
        assert words[0] == "cbt"
        done = author.run(*words[1:])
        asks = "questions.xlsx --bank" in line or "交来的题库" in line
        assert done.returncode in ({0, 2} if asks else {0}), f"{line}\n{done.stdout}{done.stderr}"
        assert not asks or "--understood" in done.stdout or done.returncode == 0, f"{line}\n{done.stdout}"
        if " > " in line:
            (author.folder / line.split(" > ")[1].strip()).write_text(done.stdout, "utf-8")


def unfolded(folder: Path, word: str) -> list[str]:
    """Return what a shell makes of a word with a star."""
    return sorted(str(path.relative_to(folder)) for path in folder.glob(word)) if "*" in word else [word]
