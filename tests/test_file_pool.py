"""What a test finds in its place is the template's, whoever had the file before; nobody else has it open."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.file_pool import SpareFiles
from tests.fork_server import CAN_FORK

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="Linux alone tells that nobody has a file open")
DATABASE = "cbt.db"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A folder with a database and what stands beside it."""
    made = tmp_path / "template"
    made.mkdir()
    for name, content in ((DATABASE, b"as it was"), ("write.lock", b"")):
        (made / name).write_bytes(content)
        (made / name).chmod(0o600)
    return made


def placed(spare: SpareFiles, template: Path, name: str) -> Path:
    folder = template.with_name(name)
    folder.mkdir()
    spare.put(template, folder, DATABASE)
    return folder / DATABASE


def test_a_file_that_was_changed_is_the_templates_again(tmp_path: Path, template: Path) -> None:
    spare = SpareFiles(tmp_path / "spare")
    first = placed(spare, template, "first")
    first.write_bytes(b"longer than it was before")
    first.chmod(0o644)
    which = first.stat().st_ino
    spare.keep(first)
    assert not first.exists()
    second = placed(spare, template, "second")
    assert second.stat().st_ino == which
    assert stat.S_IMODE(second.stat().st_mode) == 0o600
    assert second.read_bytes() == (template / DATABASE).read_bytes() == b"as it was"
    assert (second.parent / "write.lock").read_bytes() == b""
    second.write_bytes(b"another")
    spare.put(template, second.parent, DATABASE)
    assert (second.stat().st_ino, second.read_bytes()) == (which, b"as it was")
    assert placed(spare, template, "third").stat().st_ino != which


def open_here(path: Path) -> Callable[[], object]:
    return path.open("rb").close


def open_elsewhere(path: Path) -> Callable[[], object]:
    hold = "import sys; held = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process.communicate


def linked(path: Path) -> Callable[[], object]:
    other = path.with_name("other")
    other.hardlink_to(path)
    return other.unlink


@pytest.mark.parametrize("use", [open_here, open_elsewhere, linked])
def test_a_file_that_somebody_uses_is_left_to_them(
    tmp_path: Path, template: Path, use: Callable[[Path], Callable[[], object]]
) -> None:
    spare = SpareFiles(tmp_path / "spare")
    path = placed(spare, template, "first")
    end = use(path)
    spare.keep(path)
    assert path.exists()
    end()
    spare.keep(path)
    assert not path.exists()


def test_what_lies_in_its_place_may_be_no_file(tmp_path: Path, template: Path) -> None:
    spare = SpareFiles(tmp_path / "spare")
    link = tmp_path / "link"
    link.symlink_to(template / DATABASE)
    for path in (link, template, tmp_path / "nothing"):
        spare.keep(path)
    assert placed(spare, template, "first").stat().st_ino != (template / DATABASE).stat().st_ino
    assert link.is_symlink()
