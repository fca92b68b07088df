"""The report says what was tried, what was found and what was left out; the command's exit code says so too."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cbt.paths import product_dir
from cbt.translations.compiler import LANGUAGES
from torture import commands, tools
from torture.commands import torture
from torture.registry import FAULTS
from torture.report import as_data, page_of, write_report
from torture.running import Workshop, run_fault
from torture.trial import Fault, Result, Trial
from torture.words import texts as texts_of

COMMITTED = product_dir("templates").parent / "docs" / "torture"


def result(fault: str = "kill-worker", **more: object) -> Result:
    """Return one row of a report."""
    values: dict[str, object] = {
        "fault": fault, "kind": "sqlite", "seconds": 1.5, "injections": 3, "acknowledged": 1200,
        "looked_at": {"I1": 1200}, "broken": {}, "figures": {"ready_s": [0.5, 0.7, 2.0]}, "skipped": (),
    }  # fmt: skip
    return Result(**{**values, **more})  # type: ignore[arg-type]  # fields chosen by the test


def test_the_data_sums_up_what_was_tried() -> None:
    rows = [result(), result(broken={"I1": ["lost", "lost"]}), result(skipped=("strace",), injections=0)]
    data = as_data(rows, long=False, seed=7)
    assert (data["injections"], data["acknowledged"], data["broken"], data["seed"]) == (6, 3600, 2, 7)
    assert data["faults"][0]["figures"]["ready_s"] == {"times": 3, "median": 0.7, "most": 2.0}
    assert data["faults"][2]["skipped"] == ["strace"]


def test_the_page_is_whole_in_itself_and_tells_both_languages() -> None:
    rows = [result(), result(broken={"I1": ["<lost>"]}), result(skipped=("strace",))]
    page = page_of(as_data(rows, long=True, seed=7))
    assert "<script" not in page
    assert re.search(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", page) is None
    assert "&lt;lost&gt;" in page
    for language in LANGUAGES:
        texts = texts_of(language)
        for name in ("torture.title", "torture.fault.kill-worker", "torture.need.strace"):
            assert texts[name] in page


def test_the_report_is_written_as_json_and_page(tmp_path: Path) -> None:
    page = write_report(tmp_path / "new", as_data([result()], long=False, seed=1))
    assert page.name == "report.html"
    assert json.loads((tmp_path / "new" / "report.json").read_text("utf-8"))["acknowledged"] == 1200


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_need_and_figure_has_its_text(language: str) -> None:
    texts = set(texts_of(language))
    names = {f"torture.fault.{fault.name}" for fault in FAULTS}
    names |= {f"torture.need.{need}" for need in (*tools.NEEDS, "postgresql")}
    sources = "".join(path.read_text("utf-8") for path in Path(tools.__file__).parent.rglob("*.py"))
    names |= {f"torture.figure.{name}" for name in re.findall(r'\.measure\(\s*"(\w+)"', sources)}
    assert names <= texts


def test_what_the_machine_lacks_is_skipped_and_said(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tools.NEEDS, "strace", lambda: False)  # type: ignore[arg-type]  # a need that is never met
    fault = Fault("syscalls-save", _never, short=1, long=1, needs=("strace",))
    tried = run_fault(fault, "sqlite", shop, long=False, seed=1)
    assert (tried.skipped, tried.injections, tried.ok) == (("strace",), 0, True)


def _never(_trial: Trial) -> None:
    raise AssertionError("a fault ran that this machine cannot inject")


def test_a_fault_that_cannot_be_finished_is_a_finding(shop: Workshop) -> None:
    fault = Fault("kill-worker", _never, short=1, long=1, needs=())
    tried = run_fault(fault, "sqlite", shop, long=False, seed=1)
    assert not tried.ok
    assert "AssertionError" in tried.broken["X"][0]


@pytest.mark.parametrize(("broken", "code"), [({}, 0), ({"I1": ["lost"]}, 1)], ids=["held", "broken"])
def test_the_exit_code_tells_whether_an_invariant_broke(
    broken: dict[str, list[str]], code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(commands, "run_all", lambda *_, **__: iter([result(broken=broken)]))
    ran = CliRunner().invoke(torture, ["--only", "kill-worker", "--json", "--report", str(tmp_path)])
    assert ran.exit_code == code
    assert json.loads(ran.stdout)["broken"] == code


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    ran = CliRunner().invoke(torture, ["--only", "kill-wroker"])
    assert ran.exit_code == 2
    assert "kill-worker" in ran.stderr


def test_the_committed_report_is_of_a_long_run_that_held() -> None:
    data = json.loads((COMMITTED / "report.json").read_text("utf-8"))
    assert (data["run"], data["broken"]) == ("long", 0)
    assert {row["fault"] for row in data["faults"]} >= {"kill-worker", "kill-parent", "kill-group"}
    kills = sum(row["injections"] for row in data["faults"] if row["fault"].startswith("kill-"))
    assert kills >= 200
    assert f"{data['acknowledged']:,}" in (COMMITTED / "report.html").read_text("utf-8")
