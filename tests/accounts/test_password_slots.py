"""A flood of sign-ins waits for its turn only so long: the server's threads belong to the candidates."""

from __future__ import annotations

import pytest

from cbt.accounts.sign_in import passwords
from cbt.errors import Unavailable


def test_a_sign_in_that_gets_no_turn_is_told_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_SECONDS", 0.01)
    with passwords._slot(), passwords._slot(), pytest.raises(Unavailable) as refused:
        passwords.matches(None, "whoever")
    assert refused.value.code == "sign_in.busy"


def test_a_turn_is_given_back_after_a_wrong_password() -> None:
    for _ in range(passwords.MAX_PARALLEL + 1):
        assert not passwords.matches(None, "wrong")
