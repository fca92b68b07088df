"""Who is refused early, and when they are to come again (I14)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cbt.paths import product_dir
from cbt.rules.overload import (
    MOST_WAITING,
    PAGE_PATIENCE,
    START_PATIENCE,
    come_again_seconds,
    is_given_up,
    is_refused,
    is_too_late,
)

ALMOST_ONE = 1 - 1e-9


@pytest.mark.parametrize(
    ("overloaded", "least", "most"),
    [
        pytest.param(0.0, 1, 2, id="one refusal by itself"),
        pytest.param(2.0, 1, 2, id="as it begins"),
        pytest.param(4.0, 2, 4, id="it grows"),
        pytest.param(5.0, 3, 5, id="as long as it becomes"),
        pytest.param(3600.0, 3, 5, id="an hour later a hall is back within ten seconds all the same"),
    ],
)
def test_the_time_to_come_again_grows_and_is_spread(overloaded: float, least: int, most: int) -> None:
    assert come_again_seconds(overloaded, chance=0.0) == least
    assert come_again_seconds(overloaded, chance=ALMOST_ONE) == most


@pytest.mark.parametrize(
    ("waited", "refused"),
    [
        pytest.param(1.999, False, id="just under half"),
        pytest.param(2.0, True, id="half of what a page waits"),
    ],
)
def test_whoever_comes_after_others_have_waited_for_half_of_it_is_refused(
    waited: float, refused: bool
) -> None:
    assert is_too_late(waited, patience=PAGE_PATIENCE) is refused


@pytest.mark.parametrize(
    ("waiting", "waited", "refused"),
    [
        pytest.param(MOST_WAITING - 1, 1.999, False, id="there is room, and none waits long"),
        pytest.param(MOST_WAITING, 0.0, True, id="no place left"),
        pytest.param(1, 2.0, True, id="the first waits too long"),
    ],
)
def test_whoever_finds_no_place_or_a_slow_queue_is_refused(
    waiting: int, waited: float, refused: bool
) -> None:
    assert is_refused(waiting, waited, patience=PAGE_PATIENCE) is refused


@pytest.mark.parametrize(("waited", "over"), [(3.999, False), (4.0, True)])
def test_what_a_page_has_given_up_is_nobodys(waited: float, over: bool) -> None:
    assert is_given_up(waited, patience=PAGE_PATIENCE) is over


@pytest.mark.parametrize(
    ("script", "said", "seconds"),
    [
        pytest.param("api.js", r"TIMEOUT = (\d+)", PAGE_PATIENCE, id="every request"),
        pytest.param("flow.js", r"urls\.start, .*timeout: (\d+)", START_PATIENCE, id="a start"),
    ],
)
def test_the_server_counts_with_what_the_page_waits(script: str, said: str, seconds: float) -> None:
    found = re.search(said, (Path(product_dir("static")) / "runner" / script).read_text("utf-8"))
    assert found is not None
    assert int(found[1]) == seconds * 1000
