"""What a run writes is whole or stays as it was, and what a machine lacks is said before anything is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as command
from bench import growth
from bench.published import pages
from cbt.paths import write_whole
from tests.bench.test_verdicts import invented
from torture import report

FORMER = json.dumps({"machine": {}, "figures": {}, "former": True})


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a former run."""
    path = tmp_path / "results.json"
    path.write_text(FORMER, "utf-8")
    return path


def never(*_args: object, **_given: object) -> Any:
    raise AssertionError("something was measured")


@pytest.fixture
def equipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lacks nothing, whatever this one has."""
    monkeypatch.setattr(command, "find_chromium", lambda: "/usr/bin/chromium")
    monkeypatch.setattr(command, "find_binaries", lambda: Path("/usr/lib/postgresql"))


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        pytest.param("find_chromium", "python -m tests.browser", id="Chromium"),
        pytest.param("find_binaries", "apt install postgresql", id="PostgreSQL"),
    ],
)
@pytest.mark.usefixtures("equipped")
def test_what_is_missing_is_said_first_with_the_way_to_get_it(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tool: str, said: str
) -> None:
    monkeypatch.setattr(command, tool, lambda: None)
    monkeypatch.delenv("CBT_TEST_POSTGRES_URL", raising=False)
    monkeypatch.setattr(command, "run_bench", never)
    assert command.main(["--results", str(results)]) == 2
    assert said in capsys.readouterr().err
    assert results.read_text("utf-8") == FORMER


@pytest.mark.usefixtures("equipped")
def test_a_run_that_lacks_a_figure_leaves_the_former_results(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    partial = invented()
    del partial["figures"]["runner_page"]
    monkeypatch.setattr(command, "run_bench", lambda *_args, **_given: partial)
    assert command.main(["--results", str(results)]) == 2
    assert "runner_page" in capsys.readouterr().err
    assert results.read_text("utf-8") == FORMER


@pytest.mark.usefixtures("equipped")
def test_a_whole_run_is_written(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "run_bench", lambda *_args, **_given: invented())
    assert command.main(["--results", str(results)]) == 0
    assert "runner_page" in json.loads(results.read_text("utf-8"))["figures"]


def test_rows_measured_by_name_are_printed_and_not_written(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}

    def measured(*_args: object, **given: object) -> Any:
        asked.update(given)
        return invented()

    monkeypatch.setattr(command, "run_bench", measured)
    assert command.main(["--only", "save,wait_poll", "--results", str(results)]) == 0
    assert asked["only"] == ["save", "wait_poll"]
    assert "saves, 100 connections" in capsys.readouterr().out
    assert results.read_text("utf-8") == FORMER


def test_a_row_that_is_not_there_is_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "run_bench", never)
    with pytest.raises(SystemExit):
        command.main(["--only", "save,nothing"])
    assert "no row is named nothing" in capsys.readouterr().err


def test_no_page_is_written_from_a_partial_result(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "write_pages", never)
    assert command.main(["--write-readme", "--results", str(results)]) == 2


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_a_write_that_is_stopped_leaves_the_former_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    path = tmp_path / "results.json"
    path.write_text(FORMER, "utf-8")

    def stopped(_descriptor: int) -> None:
        raise failure

    monkeypatch.setattr("cbt.paths.os.fsync", stopped)
    with pytest.raises(type(failure)):
        write_whole(path, "{")
    assert path.read_text("utf-8") == FORMER
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_whose_page_cannot_be_made_leaves_the_former_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.json").write_text(FORMER, "utf-8")
    monkeypatch.setattr(report, "page_of", never)
    with pytest.raises(AssertionError):
        report.write_report(tmp_path, {"faults": []})
    assert (tmp_path / "report.json").read_text("utf-8") == FORMER


@pytest.mark.parametrize("module", [pages, growth, report], ids=lambda module: module.__name__)
def test_results_are_written_in_no_other_way(module: Any) -> None:
    assert ".write_text(" not in Path(module.__file__).read_text("utf-8")
