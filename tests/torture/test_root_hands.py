"""Commands as root over folders of another user: every file stays that user's, who can go on with it."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import cbt
from cbt.cli import main
from cbt.config import FILE_VARIABLE, NO_FILE

USER, OTHER = 54_321, 54_322
"""Two users of this machine that nobody has made: a number is enough to own files and to run."""
pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root has hands that reach everywhere"
)


@dataclass
class Hands:
    """An installation of USER's below a folder that all may enter, and commands as whoever."""

    folder: Path

    def run(self, uid: int, *arguments: str, entered: str = "", **settings: str) -> tuple[int, str]:
        """Run one command as `uid` in a child; return its exit code and what it said."""
        told = self.folder / f"told-{uid}"
        told.write_text("")
        child = os.fork()
        if child == 0:
            code = 70
            with contextlib.suppress(BaseException):
                code = self._be(uid, told, arguments, entered, settings)
            os._exit(code)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), told.read_text("utf-8", "replace")

    def _be(
        self, uid: int, told: Path, arguments: tuple[str, ...], entered: str, settings: Mapping[str, str]
    ) -> int:
        for number in (1, 2):
            os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), number)
        typed = self.folder / "typed"
        typed.write_text(entered)
        os.dup2(os.open(typed, os.O_RDONLY), 0)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, "rww"[number]) for number in (0, 1, 2))
        os.chdir(self.folder)
        if uid:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        for name in [name for name in os.environ if name.startswith("CBT_")]:
            del os.environ[name]
        os.environ |= {FILE_VARIABLE: NO_FILE, "CBT_DATA_DIR": f"{self.folder}/mine/data"} | settings
        sys.argv = ["/opt/cbt/bin/cbt", *arguments]
        try:
            main(list(arguments))
        except SystemExit as end:
            return int(end.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        return 71

    def strangers(self) -> list[str]:
        """Return what below the folders of USER belongs to somebody else, or is open to others."""
        found = [self.folder / "mine", *(self.folder / "mine").rglob("*")]
        return [
            f"{path.relative_to(self.folder)} {path.stat().st_uid} {path.stat().st_mode & 0o777:o}"
            for path in found
            if path.stat().st_uid != USER or (path != found[0] and path.stat().st_mode & 0o077)
        ]


@pytest.fixture
def hands() -> Iterator[Hands]:
    """USER's installation, begun by USER, where no other run of tests closes the way to it."""
    for module in pkgutil.walk_packages(cbt.__path__, "cbt."):
        if ".migrations." not in module.name and not module.name.startswith("cbt.confined"):
            importlib.import_module(module.name)
    for name in ("ascii", "idna", "latin-1", "utf-8-sig", "gb18030"):  # what only root may be able to read
        codecs.lookup(name)
    importlib.import_module("multiprocessing.popen_fork")
    with TemporaryDirectory(prefix="hands-") as folder:
        begun = Hands(Path(folder))
        begun.folder.chmod(0o755)
        (begun.folder / "mine").mkdir(mode=0o755)
        os.chown(begun.folder / "mine", USER, USER)
        code, told = begun.run(USER, "migrate", "--new")
        assert code == 0, told
        yield begun


def test_whatever_root_does_the_user_goes_on_with_it(hands: Hands) -> None:
    mine = hands.folder / "mine"
    copy = {"CBT_JOURNAL_COPY_DIR": f"{mine}/copy"}
    code, paper = hands.run(0, "key", "print", "personal")
    assert code == 0, paper
    (mine / "data.keys" / "personal.key").rename(hands.folder / "personal.key")
    entered = "\n".join(line for line in paper.splitlines() if line.lstrip()[1:2] == ":")
    steps: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("key", "enter", "personal"), {}),
        (("staff", "add", "root1", "张三", "--role", "admin"), copy),
        (("audit", "head"), copy),
        (("backup", f"{mine}/backups"), copy),
        (("key", "rotate"), {}),
        (("key", "rotate", "audit"), {}),
        (("tls", "make", "exam.example.org"), {}),
        (("tls", "renew"), {}),
        (("staff", "add", "root2", "李四", "--role", "admin"), copy),
    ]
    for arguments, settings in steps:
        code, told = hands.run(0, *arguments, entered=entered, **settings)
        assert (code, hands.strangers()) == (0, []), (arguments, told)
    (mine / "data").rename(mine / "data.gone")
    elsewhere = {"CBT_DATA_DIR": f"{mine}/again", "CBT_KEY_DIR": f"{mine}/data.keys"}
    again = ("restore", "--from-copy", f"{mine}/copy")
    for arguments, settings in ((again, {}), (again, elsewhere)):
        code, told = hands.run(0, *arguments, **settings)
        assert (code, hands.strangers()) == (0, []), told
    code, told = hands.run(USER, "staff", "add", "mine", "王五", "--role", "admin", **copy)
    assert (code, hands.strangers()) == (0, []), told


def test_another_user_and_a_server_of_roots_are_told_whose_it_is(hands: Hands) -> None:
    before = sorted(hands.folder.rglob("*"))
    for uid, arguments in (
        (OTHER, ("audit", "head")),
        (OTHER, ("key", "rotate")),
        (OTHER, ("serve",)),
        (0, ("serve",)),
    ):
        code, told = hands.run(uid, *arguments)
        assert code == 2, told
        assert f"sudo -u '#{USER}'" in told
        assert told.rstrip().endswith("/opt/cbt/bin/cbt " + " ".join(arguments))
    assert [path for path in sorted(hands.folder.rglob("*")) if "told" not in path.name] == [
        path for path in before if "told" not in path.name
    ]


def test_a_file_somebody_left_behind_is_named_with_the_way_back(hands: Hands) -> None:
    left = hands.folder / "mine" / "data.keys" / "personal.key"
    os.chown(left, 0, 0)
    code, told = hands.run(USER, "audit", "head")
    assert code == 2
    assert f"sudo chown '#{USER}:' {left}" in told
