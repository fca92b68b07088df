"""The short run: every fault of `make torture`, one test each. What a machine lacks is a failure in CI."""

from __future__ import annotations

import sys

import pytest

from tests.conftest import IN_CI
from torture.registry import FAULTS
from torture.running import Workshop, run_fault
from torture.trial import Fault

SEED = 20261124
CASES = [pytest.param(fault, kind, id=f"{fault.name}-{kind}") for fault in FAULTS for kind in fault.in_short]


@pytest.mark.skipif(sys.platform != "linux", reason="signals, /proc and strace")
@pytest.mark.parametrize(("fault", "kind"), CASES)
def test_nothing_is_lost(fault: Fault, kind: str, shop: Workshop) -> None:
    result = run_fault(fault, kind, shop, long=False, seed=SEED)
    if result.skipped:
        message = f"{fault.name} was not tried; missing here: {', '.join(result.skipped)}"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)
    assert result.broken == {}
    assert result.injections >= 1
    assert sum(result.looked_at.values()) > 0
