"""Workers load all files that they will collect, each from another one on; what fails there is no failure yet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import ahead

FILES = [Path(f"test_{number}.py") for number in range(7)]


def test_each_worker_loads_all_and_begins_with_another_file() -> None:
    orders = [ahead.begun_at(FILES, number, 3) for number in range(3)]
    assert [order[0] for order in orders] == [FILES[0], FILES[2], FILES[4]]
    assert all(sorted(order) == FILES for order in orders)
    assert ahead.begun_at([], 1, 2) == []


def told(folder: Path, worker: dict[str, Any] | None, *ignored: str) -> Any:
    """Return what a worker of a run of this folder is told."""
    more = {} if worker is None else {"workerinput": worker}
    return SimpleNamespace(args=["met"], getoption=lambda _name: ignored or None, **more)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Files of tests, one of which cannot be loaded."""
    (tmp_path / "met" / "left").mkdir(parents=True)
    sources = {"first": "1 / 0", "second": "", "left/third": "", "fourth": "import pytest; pytest.skip('x')"}
    for name, source in sources.items():
        place, _, stem = name.rpartition("/")
        (tmp_path / "met" / place / f"test_{stem}.py").write_text(source)
    monkeypatch.setattr(ahead, "CHECKOUT", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "met"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("worker", "ignored", "loaded"),
    [
        pytest.param({"workerid": "gw1", "workercount": 2}, (), {"second", "left.third"}, id="a worker"),
        pytest.param({"workerid": "gw0", "workercount": 2}, ("met/left",), {"second"}, id="without a folder"),
        pytest.param(None, (), set(), id="no worker"),
    ],
)
def test_what_will_be_collected_is_loaded(
    folder: Path,
    worker: dict[str, Any] | None,
    ignored: tuple[str, ...],
    loaded: set[str],
) -> None:
    ahead.load_ahead(told(folder, worker, *ignored))
    found = {
        name.removeprefix("met.").replace("test_", "") for name in sys.modules if name.startswith("met.")
    }
    assert found - {"left"} == loaded
