"""What a run writes is whole or stays as it was, and what a machine lacks is said before anything is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as command
from bench import growth
from bench.published import pages
from bench.published.pages import table_block
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


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results of a whole run on this machine."""
    former = invented()
    monkeypatch.setattr(command, "machine", lambda: former["machine"])
    path = tmp_path / "whole.json"
    path.write_text(json.dumps(former), "utf-8")
    return path


def test_rows_measured_again_take_the_place_of_their_own_alone_and_say_so(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = json.loads(whole.read_text("utf-8"))
    anew = {"figures": {name: {**invented()["figures"][name], "per_s": 77.0} for name in ("save", "start")}}
    monkeypatch.setattr(command, "run_bench", lambda *_args, **_given: {**anew, "ref_per_s": 7000.0})
    assert command.main(["--again", "save", "--results", str(whole)]) == 0
    found = json.loads(whole.read_text("utf-8"))
    assert found["figures"].pop("save")["per_s"] == 77.0
    del former["figures"]["save"]
    assert found["again"].keys() == {"save"}, "start was measured beside it, and not asked for"
    assert found["again"]["save"]["ref_per_s"] == 7000.0
    assert {name: value for name, value in found.items() if name != "again"} == former
    for language, said in (("en", "Measured again since"), ("zh", "单独重测")):
        published = command.read_results() | {"again": {}}
        assert said not in table_block(published, language)
        lead = table_block(published | {"again": found["again"]}, language).split("\n")[0]
        assert said in lead
        assert "REF 7,000" in lead


def test_a_whole_run_takes_the_place_of_what_was_measured_again(whole: Path) -> None:
    command.write_results({**json.loads(whole.read_text("utf-8")), "again": {"save": {}}}, whole)
    command.write_results(invented(), whole)
    assert "again" not in json.loads(whole.read_text("utf-8"))


@pytest.mark.parametrize("loss", [{"lost": 1}, {"refused": 1}], ids=str)
def test_a_row_that_lost_something_is_not_written(
    whole: Path, monkeypatch: pytest.MonkeyPatch, loss: dict[str, int]
) -> None:
    former = whole.read_text("utf-8")
    anew = {"save": {**invented()["figures"]["save"], **loss}}
    monkeypatch.setattr(command, "run_bench", lambda *_args, **_given: {"figures": anew, "ref_per_s": 7000.0})
    assert command.main(["--again", "save", "--results", str(whole)]) == 1
    assert whole.read_text("utf-8") == former


def test_a_row_that_was_declared_since_is_measured_into_the_results(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = json.loads(whole.read_text("utf-8"))
    new = {name: former["figures"].pop(name) for name in ("save", "start")}
    whole.write_text(json.dumps(former), "utf-8")
    monkeypatch.setattr(command, "write_pages", never)
    assert command.main(["--write-pages", "--results", str(whole)]) == 2
    monkeypatch.setattr(command, "run_bench", lambda *_args, **_given: {"figures": new, "ref_per_s": 7000.0})
    assert command.main(["--again", "save", "--results", str(whole)]) == 0
    found = json.loads(whole.read_text("utf-8"))["figures"]
    assert (found["save"], "start" in found) == (new["save"], False)
    assert command.lacking({"figures": found}) == ["start"]


def test_rows_are_not_measured_again_on_another_machine(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "run_bench", never)
    monkeypatch.setattr(command, "machine", lambda: {"cpu": "another"})
    assert command.main(["--again", "save", "--results", str(whole)]) == 2


def test_a_row_that_is_not_there_is_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "run_bench", never)
    with pytest.raises(SystemExit):
        command.main(["--only", "save,nothing"])
    assert "no row is named nothing" in capsys.readouterr().err


def test_no_page_is_written_from_a_partial_result(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "write_pages", never)
    assert command.main(["--write-pages", "--results", str(results)]) == 2


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
