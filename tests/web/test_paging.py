"""Which rows a page of a list has."""

from __future__ import annotations

import pytest

from cbt.storage.page_span import PageSpan


@pytest.mark.parametrize(
    ("count", "asked", "page", "pages", "offset"),
    [
        pytest.param(0, 1, 1, 1, 0, id="an empty list has a page"),
        pytest.param(50, 2, 1, 1, 0, id="full, and nothing after it"),
        pytest.param(51, 2, 2, 2, 50, id="one row more"),
        pytest.param(51, 9, 2, 2, 50, id="beyond the last is the last"),
    ],
)
def test_a_page_is_one_there_is(count: int, asked: int, page: int, pages: int, offset: int) -> None:
    span = PageSpan(count, 50, asked)
    assert (span.page, span.pages, span.offset) == (page, pages, offset)
    assert span.of(["row"], kind="open", counts={"open": count}).tabs(
        lambda kind: f"/list/{kind}", lambda kind, many: f"{kind} ({many})"
    ) == [("/list/open", f"open ({count})", True)]
