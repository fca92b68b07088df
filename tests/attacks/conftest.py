"""Stages for attacks: one for a file, since a refused request leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cbt.application import views as doctor
from cbt.application.views import DoctorReport
from cbt.bank import exports
from tests.attacks.briefly import know_who_asks, read_here
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


@pytest.fixture(scope="module", autouse=True)
def nothing_takes_long() -> Iterator[None]:
    """Have the doctor's child say nothing, and an export of a whole bank write nothing.

    Each takes a second, and whoever walks all addresses passes them each time. What they do when they are asked in
    earnest is the affair of `tests/doctor` and `tests/bank`.
    """
    with pytest.MonkeyPatch.context() as patched:
        for asks in (doctor, doctor):
            patched.setattr(asks, "ask_doctor", lambda _settings, *, locale: DoctorReport("ok", ()))
        patched.setattr(exports, "export_bank", lambda _target, **_asked: None)
        yield


@pytest.fixture(scope="module")
def files_read_here() -> Iterator[None]:
    """Have no child read files: for files of cases that ask what becomes of a text."""
    with pytest.MonkeyPatch.context() as patched:
        read_here(patched)
        yield


@pytest.fixture(scope="module")
def logins_known() -> Iterator[None]:
    """Have whoever asks looked up once until something is stored: for files that go through many pages."""
    with pytest.MonkeyPatch.context() as patched, know_who_asks(patched):
        yield
