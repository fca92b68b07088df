"""A worker tells of everything that did not go well, and of whatever was said (tests/reports.py)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal

import pytest

from tests.reports import tell_what_matters

When = Literal["setup", "call", "teardown"]


class WorkerInteractor:
    """Stands for xdist's."""

    def __init__(self) -> None:
        self.sent: list[str | None] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.sent.append(report.when)


def told(*reports: pytest.TestReport, **options: Any) -> list[str | None]:
    """Return what is sent of some reports."""
    manager, interactor = pytest.PytestPluginManager(), WorkerInteractor()
    manager.register(interactor)
    option = SimpleNamespace(**{"durations": None, "xmlpath": None} | options)
    tell_what_matters(SimpleNamespace(hook=manager.hook, option=option))  # type: ignore[arg-type]
    for report in reports:
        manager.hook.pytest_runtest_logreport(report=report)
    return interactor.sent


def report(when: When, outcome: Literal["passed", "failed", "skipped"], *said: str) -> pytest.TestReport:
    sections = [("Captured stdout", one) for one in said]
    return pytest.TestReport("a.py::b", ("a.py", 1, "b"), {}, outcome, None, when, sections)


PASSED = [report(when, "passed") for when in ("setup", "call", "teardown")]


def test_of_a_case_that_passes_one_report_is_sent() -> None:
    assert told(*PASSED) == ["call"]


@pytest.mark.parametrize("when", ["setup", "call", "teardown"])
@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_what_does_not_pass_is_told_wherever_it_was(
    when: When, outcome: Literal["failed", "skipped"]
) -> None:
    assert told(report(when, outcome)) == [when]


def test_what_was_said_is_told() -> None:
    assert told(report("setup", "passed", "loud")) == ["setup"]


@pytest.mark.parametrize("asked", [{"durations": 20}, {"xmlpath": "report.xml"}])
def test_who_asks_how_long_each_part_took_is_told(asked: dict[str, object]) -> None:
    assert told(*PASSED, **asked) == ["setup", "call", "teardown"]
