"""Personal numbers: sealed for one purpose, found however they are spelled."""

from __future__ import annotations

import pytest

from cbt.errors import Unavailable
from cbt.personal import document_index
from cbt.storage.crypto import DOCUMENT, open_sealed, seal
from tests.candidates.rosters import resident
from tests.sittings.conftest import Day


def test_a_sealed_number_opens_only_for_its_purpose(day: Day) -> None:
    with day.app.app_context():
        sealed = seal(resident(1), DOCUMENT)
        assert open_sealed(sealed, DOCUMENT) == resident(1)
        assert seal(resident(1), DOCUMENT) != sealed
        for broken, purpose in (
            (sealed, "phone"),
            (sealed[:-1] + bytes([sealed[-1] ^ 1]), DOCUMENT),
            (b"", DOCUMENT),
        ):
            with pytest.raises(Unavailable):
                open_sealed(broken, purpose)


def test_one_number_has_one_index_however_it_is_spelled(day: Day) -> None:
    with day.app.app_context():
        assert document_index(" 31010119900101001x") == document_index("３１０１０１19900101001X")
        assert document_index("31010119900101001X") != document_index("310101199001010011")
