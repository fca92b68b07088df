"""A served centre and its browsers for each journey."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Playwright, sync_playwright

from tests.browser import find_shell
from tests.conftest import Templates, close_engine
from tests.journeys import looks
from tests.journeys.browsers import ARGUMENTS, Browsers, chromium_path
from tests.journeys.centre import Centre, quiet_log, serve
from tests.run_cache import folder_of_run
from tests.world import PLANNED

DRIVER = Path(__file__).parent / "driver.js"
OPENING = PLANNED - timedelta(minutes=36)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A journey that fails shows the pages that were open."""
    report = yield
    opened = getattr(item, "funcargs", {}).get("browsers")
    if call.when == "call" and report.failed and isinstance(opened, Browsers):
        report.sections.append(("open pages", opened.pages()))
    return report


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver."""
    chromium_path()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NODE_OPTIONS", f"--require={DRIVER}")
        driver = sync_playwright().start()
    yield driver
    driver.stop()


@pytest.fixture(scope="session")
def chromium(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all journeys: each machine is a context of it, with storage and cookies of its own."""
    looks.right.share(folder_of_run(tmp_path_factory) / "looks.right")
    opened = playwright.chromium.launch(executable_path=chromium_path(find_shell), args=ARGUMENTS)
    yield opened
    opened.close()


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """Journeys run on the embedded database unless they say otherwise."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def centre(
    templates: Templates, database_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Centre]:
    """The world of the tests, served, on the morning of the exam; its log must stay empty.

    What one person does at one machine asks no second process: a journey marked `one_process` has none.
    """
    processes = 1 if request.node.get_closest_marker("one_process") else 2
    settings, world = templates.settings(database_kind, populated=True, target=tmp_path)
    assert world is not None
    with serve(settings, world, OPENING, tmp_path, processes=processes) as served:
        yield served
    close_engine(served.app)
    assert not quiet_log(tmp_path, served.expected)


@pytest.fixture
def browsers(
    playwright: Playwright, chromium: Chromium, centre: Centre, tmp_path: Path
) -> Iterator[Browsers]:
    """The machines of a journey; a console error, a CSP violation or a failed asset fails it."""
    opened = Browsers(playwright, chromium, centre, tmp_path)
    yield opened
    opened.close()
