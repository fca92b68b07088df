"""A child that opens a foreign file holds and may do the same, however it begins."""

from __future__ import annotations

import pytest

from cbt.confined import runner
from cbt.confined.runner import MEGABYTE, Exhausted, Limits, run
from tests import product_processes
from tests.fork_server import CAN_FORK

TASKS = "tests.attacks.child_tasks"
SMALL = Limits(memory=256 * MEGABYTE, cpu=2, wall=20, answer=MEGABYTE)
WARM = pytest.mark.skipif(not CAN_FORK, reason="children begin warm on Linux alone")
BEGINNINGS = [
    pytest.param(product_processes._confined_as_in_production, id="as in production"),
    pytest.param(product_processes.ConfinedChild, id="warm", marks=WARM),
]


@pytest.mark.parametrize("begin", BEGINNINGS)
@pytest.mark.parametrize(
    ("task", "said"),
    [
        pytest.param("echo", "sent", id="what it was sent"),
        pytest.param("environment", "", id="no key in its environment"),
        pytest.param("descriptors", "0,1,2", id="no descriptor but its pipe"),
        pytest.param("connect", "refused", id="no socket"),
        pytest.param("open_file", "refused", id="no file"),
        pytest.param("limits", f"{256 * MEGABYTE}/{256 * MEGABYTE},2/2,3/3,0/0,0/0", id="its limits"),
    ],
)
def test_a_child_has_its_limits_and_nothing_else(
    task: str, said: str, begin: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CBT_KEYS", "secret")
    monkeypatch.setattr(runner, "_begin", begin)
    assert run(f"{TASKS}:{task}", b"sent", limits=SMALL).decode() == said


@pytest.mark.parametrize("begin", BEGINNINGS)
@pytest.mark.parametrize("task", ["hoard", "talk", "crash", "abort"])
def test_a_child_that_takes_too_much_is_ended(
    task: str, begin: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_begin", begin)
    with pytest.raises(Exhausted):
        run(f"{TASKS}:{task}", b"", limits=SMALL)
