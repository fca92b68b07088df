"""docs/security.md tells of every file of attacks, and of no more cases than there are."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.attacks.__main__ import FOLDER, PAGE, files, shows

ROW = re.compile(r"^\| .+ \| `tests/attacks/(test_\w+\.py)` \| (\d+) \| (.+) \|$", re.MULTILINE)
AGAIN = "write it anew: python -m tests.attacks --write"


def told() -> dict[str, tuple[int, str]]:
    """Return what the page says of each file: cases, and what they show."""
    return {name: (int(number), words) for name, number, words in ROW.findall(PAGE.read_text("utf-8"))}


def test_the_page_tells_of_every_file() -> None:
    assert list(told()) == [path.name for path in files()], AGAIN
    assert {name: words for name, (_, words) in told().items()} == {
        path.name: shows(path) for path in files()
    }, AGAIN


def test_the_page_tells_of_no_more_cases_than_there_are(request: pytest.FixtureRequest) -> None:
    config = request.config
    chosen = config.getoption("keyword") or config.getoption("markexpr") or config.getoption("lf", False)
    if chosen or any("::" in str(one) for one in config.args):
        pytest.skip("only some cases were collected")
    collected = Counter(item.path.name for item in request.session.items if item.path.parent == FOLDER)
    claimed = {name: number for name, (number, _) in told().items() if name in collected}
    if not claimed:
        pytest.skip("no case of an attack was collected")
    assert {name: number for name, number in claimed.items() if number > collected[name]} == {}, AGAIN


def test_the_sum_is_that_of_the_rows() -> None:
    total = re.search(r"^\| \*\*all\*\* \| \| \*\*(\d+)\*\* \| \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert total is not None
    assert int(total[1]) == sum(number for number, _ in told().values())
    assert int(total[1]) >= 300
