"""The wheels that tests of an installation take from the checkout, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cbt.paths import product_dir
from tests.run_cache import folder_of_run, locked

CACHE = product_dir("templates").parent / "build" / "wheels"


@contextmanager
def wheels_at_hand(factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep for the length of the block where wheels are downloaded to: whoever looks meanwhile would find half."""
    with locked(folder_of_run(factory) / "wheels.turn"):
        yield CACHE
