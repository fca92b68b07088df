"""Both pages of security tell of every file of attacks, and of no more cases than there are."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.attacks.__main__ import FOLDER, PAGES, Page, files

ROW = re.compile(r"^\| .+ \| `tests/attacks/(test_\w+\.py)` \| (\d+) \| (.+) \|$", re.MULTILINE)
AGAIN = "write it anew: python -m tests.attacks --write"


every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.name)


def told(page: Page) -> dict[str, tuple[int, str]]:
    """Return what a page says of each file: cases, and what they show."""
    return {name: (int(number), words) for name, number, words in ROW.findall(page.path.read_text("utf-8"))}


@every_page
def test_the_page_tells_of_every_file(page: Page) -> None:
    assert list(told(page)) == [path.name for path in files()], AGAIN
    assert {name: words for name, (_, words) in told(page).items()} == {
        path.name: page.row(path)[1] for path in files()
    }, AGAIN


@every_page
def test_the_page_tells_of_no_more_cases_than_there_are(request: pytest.FixtureRequest, page: Page) -> None:
    config = request.config
    chosen = config.getoption("keyword") or config.getoption("markexpr") or config.getoption("lf", False)
    if chosen or any("::" in str(one) for one in config.args):
        pytest.skip("only some cases were collected")
    collected = Counter(item.path.name for item in request.session.items if item.path.parent == FOLDER)
    claimed = {name: number for name, (number, _) in told(page).items() if name in collected}
    if not claimed:
        pytest.skip("no case of an attack was collected")
    assert {name: number for name, number in claimed.items() if number > collected[name]} == {}, AGAIN


@every_page
def test_the_sum_is_that_of_the_rows(page: Page) -> None:
    pattern = rf"^\| \*\*{page.total}\*\* \| \| \*\*(\d+)\*\* \| \|$"
    total = re.search(pattern, page.path.read_text("utf-8"), re.MULTILINE)
    assert total is not None
    assert int(total[1]) == sum(number for number, _ in told(page).values())
    assert int(total[1]) >= 300


def test_both_pages_tell_of_the_same_numbers() -> None:
    numbers = [{name: number for name, (number, _) in told(page).items()} for page in PAGES]
    assert numbers[0] == numbers[1], AGAIN
