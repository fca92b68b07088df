"""What a .xls file says beside its values: read where its container is whole, never at any price."""

from __future__ import annotations

import pytest

from cbt.spreadsheets.table_reader import biff_sheets
from tests.bank.biff import deep_container, xls

BOOK = xls([["题干", (0.25, "0%")]])


def test_the_format_of_a_cell_is_read_from_its_container() -> None:
    assert biff_sheets(BOOK)["题"].formats == {(0, 1): "0%"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(BOOK[:8], id="a head alone"),
        pytest.param(BOOK[:600], id="cut in its table"),
        pytest.param(
            BOOK.replace("Workbook".encode("utf-16-le"), "Carkbook".encode("utf-16-le")), id="no book"
        ),
        pytest.param(deep_container(3_000), id="a directory deeper than anybody reads"),
    ],
)
def test_a_damaged_container_tells_nothing(body: bytes) -> None:
    assert biff_sheets(body) == {}
