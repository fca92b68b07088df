"""Folders on a disk that was just mounted: what lies at its root, whose it is, and how its place is emptied."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cbt.config import Settings
from cbt.errors import CbtError
from cbt.ops.file_permissions import check_hands
from cbt.ops.preflight import is_empty
from cbt.storage import aside
from cbt.storage.aside import keeping

USER = 54_321
"""A user of this machine that nobody has made."""
AS_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user"
)


@pytest.fixture
def mount() -> Iterator[Path]:
    """A file system as it comes: root's, open to all, with `lost+found`."""
    with TemporaryDirectory(prefix="mount-") as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "lost+found").mkdir(mode=0o700)
        yield Path(folder)


def refused(settings: Settings, *, user: int = 0) -> tuple[str, str]:
    """Return what a user is refused with who would have to make the folders, and the command; "" for nothing."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        said = "\n"
        try:
            check_hands(settings, makes=True)
        except CbtError as error:
            said = f"{error.code}\n{error.params.get('command')}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        code, command = told.read().split("\n")
    return code, command


@AS_ROOT
def test_a_folder_that_would_have_to_be_made_in_roots_is_told_with_the_command_that_makes_it(
    mount: Path,
) -> None:
    settings = Settings(data_dir=mount / "data", key_dir=mount / "keys")
    for user, expected in ((0, ""), (USER, "hands.no_place")):
        assert refused(settings, user=user)[0] == expected
    for name in ("data", "keys"):
        _code, command = refused(settings, user=USER)
        assert command.endswith(f" {mount / name}")
        subprocess.run(command.removeprefix("sudo "), shell=True, check=True)
        if name == "data":
            assert refused(settings)[0] == "hands.no_place", "what root made now, the server could not use"
    assert refused(settings, user=USER)[0] == refused(settings)[0] == ""


@pytest.mark.parametrize("mounted", [False, True])
def test_what_lies_there_is_kept_and_the_place_is_empty_also_where_a_disk_is_mounted(
    mount: Path, monkeypatch: pytest.MonkeyPatch, mounted: bool
) -> None:
    data = mount if mounted else mount / "the data"
    data.mkdir(exist_ok=True)
    monkeypatch.setattr(aside.os.path, "ismount", lambda path: mounted and path == data)
    assert is_empty(data), "lost+found is nobody's"
    for name in ("cbt.db", "cbt.db-wal", ".hidden"):
        (data / name).write_text(name)
    assert not is_empty(data)
    subprocess.run(keeping(data, "kept"), shell=True, check=True)
    assert is_empty(data)
    kept = data / "aside-kept" if mounted else mount / "the data.kept"
    assert sorted(path.name for path in kept.iterdir()) == [".hidden", "cbt.db", "cbt.db-wal"]
    assert (mount / "lost+found").is_dir()
