"""What a worker of a test run tells whoever started it: of a case that passes, that it did, not how it began."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest


def tell_what_matters(config: pytest.Config) -> None:
    """Have a worker send no report of a beginning or an end that went well and said nothing.

    Each case would make three reports that are put into a message, sent and read again, which costs more than most
    cases' own work; the one of the case itself counts. Who asks how long each part took is told of all.
    """
    if config.option.durations or config.option.xmlpath:
        return
    for told in config.hook.pytest_runtest_logreport.get_hookimpls():
        if type(told.plugin).__name__ == "WorkerInteractor":
            told.function = partial(_unless_nothing, told.function)


def _unless_nothing(send: Callable[[pytest.TestReport], None], report: pytest.TestReport) -> None:
    if report.when == "call" or not report.passed or report.sections or report.user_properties:
        send(report)
