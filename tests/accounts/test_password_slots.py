"""A flood of sign-ins waits for its turn only so long: the server's threads belong to the candidates."""

from __future__ import annotations

import pytest

from cbt.accounts import passwords
from cbt.errors import Unavailable
from tests.app_cache import OF_THE_PRODUCT


def test_a_sign_in_that_gets_no_turn_is_told_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_SECONDS", 0.01)
    with passwords._slot(), passwords._slot(), pytest.raises(Unavailable) as refused:
        passwords.matches(None, "whoever")
    assert refused.value.code == "sign_in.busy"


def test_a_turn_is_given_back_after_a_wrong_password() -> None:
    for _ in range(passwords.MAX_PARALLEL + 1):
        assert not passwords.matches(None, "wrong")


def test_guessing_a_stolen_hash_costs_memory_and_time() -> None:
    """The other tests hash at the least cost; the product asks what OWASP does: 19 MiB, two passes."""
    assert OF_THE_PRODUCT.hash("whoever").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
