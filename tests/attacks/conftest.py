"""Stages for attacks: one for a file, since a refused request leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.stages import Stage, staged
from tests.conftest import Templates


@pytest.fixture(scope="module")
def stage(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The running exam on the embedded database: who may see what does not depend on it."""
    with staged(templates, "sqlite", tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stage_of_each(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """The running exam on either database, for what reaches a statement."""
    with staged(templates, request.param, tmp_path_factory.mktemp("stage")) as made:
        yield made
