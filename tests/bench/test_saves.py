"""The rows of saves: which servers they are sent to, and what is said of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from bench.figures import Figure
from bench.measured import saves
from bench.servers.serve import BY_VIEWS, SLOW
from bench.servers.views import ALL, VIEWS_VARIABLE


class Bench:
    """Two rounds of each row, in which each server is as fast as its port says."""

    built = SimpleNamespace(environ={"CBT_WORKERS": "1"})
    ledger = SimpleNamespace(saved={})

    def saves(self, port: int, _connections: int) -> Callable[[], int]:
        return lambda: port

    def together(self, runs: Mapping[str, Callable[[], int]]) -> list[Figure]:
        return [Figure(name, rates=[float(run()), float(run())]) for name, run in runs.items()]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Mapping[str, str]]:
    """The environments of the servers that are begun beside the product, by factory."""
    environs: dict[str, Mapping[str, str]] = {}

    @contextmanager
    def serving(factory: str, environ: Mapping[str, str]) -> Iterator[int]:
        environs[factory] = environ
        yield 50

    monkeypatch.setattr(saves, "serving", serving)
    monkeypatch.setattr(saves.rows, "lost_answers", lambda _saved: 0)
    return environs


def measured(*names: str) -> dict[str, Figure]:
    stand: Any = SimpleNamespace(bench=Bench(), names=names, port=100, tell=lambda _text: None)
    return {figure.name: figure for figure in saves.measure(stand)}


def test_the_flask_way_is_a_server_that_leaves_every_hot_address_to_its_view(
    served: dict[str, Mapping[str, str]],
) -> None:
    figures = measured("save", "save_flask")
    assert served == {BY_VIEWS: {"CBT_WORKERS": "1", VIEWS_VARIABLE: ALL}}
    assert (figures["save"].rates[0], figures["save_flask"].rates[0]) == (100, 50)


def test_what_a_slow_disk_leaves_is_told_as_a_share_of_a_save(served: dict[str, Mapping[str, str]]) -> None:
    figures = measured("save", "save_flask", "save_5ms")
    assert set(served) == {BY_VIEWS, SLOW}
    shares = {name: figure.facts.get("of_save") for name, figure in figures.items()}
    assert shares == {"save": None, "save_flask": None, "save_5ms": 0.5}
