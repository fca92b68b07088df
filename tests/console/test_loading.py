"""Loading a room is not interrupted by searches for garbage, which go on once it is loaded."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from cbt.console.loader import load

NOTES = "import gc\nSEARCHED, LEFT_OUT = gc.isenabled(), gc.get_freeze_count()\n"
LOADED = "import sys, cbt.ops.writer_process; print(*sys.modules)"


def _module(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"loaded_{folder.name}".replace("-", "_")
    (folder / f"{name}.py").write_text(text, "utf-8")
    monkeypatch.syspath_prepend(folder)
    return name


def test_no_search_while_it_loads_and_what_is_loaded_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = _module(tmp_path, NOTES, monkeypatch)
    [module] = load(name)
    assert not module.SEARCHED
    assert gc.isenabled()
    assert gc.get_freeze_count() > module.LEFT_OUT
    assert load(name) == [module]


def test_searches_go_on_after_a_module_that_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ZeroDivisionError):
        load(_module(tmp_path, "1 / 0\n", monkeypatch))
    assert gc.isenabled()


def test_the_process_that_owns_the_writing_loads_the_app_so() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, encoding="utf-8", check=True)
    assert "cbt.console.loader" in done.stdout.split()
    assert "cbt.application.app" not in done.stdout.split()
