"""An app of the tests counts as one of the product does: what they share is where, not what (tests/counters.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask
import pytest

from cbt.application import observation
from cbt.application.app import create_app
from cbt.config import Settings
from cbt.http.auth.access import public
from cbt.http.metrics import Metrics, RequestCounts
from cbt.storage.engine import begin_installation
from tests import counters
from tests.conftest import base_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation without tables."""
    settings = base_settings(tmp_path)
    begin_installation(settings)
    return settings


def laid_out(app: flask.Flask) -> tuple[Any, ...]:
    """Return what the cells of an app mean."""
    metrics: Metrics = app.extensions["cbt_metrics"]
    return metrics._layout.meaning, vars(metrics._requests)


def test_an_app_of_the_tests_counts_where_one_of_the_product_does(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = [laid_out(create_app(settings)) for _ in range(2)]
    monkeypatch.setattr(observation, "kinds_of", counters._kinds_anew)
    monkeypatch.setattr(RequestCounts, "__init__", counters._lay_out)
    assert shared == [laid_out(create_app(settings))] * 2


def test_each_app_counts_for_itself(settings: Settings) -> None:
    asked, other = (create_app(settings).extensions["cbt_metrics"] for _ in range(2))
    asked.answered("door.seat_page", 200, 0.1)
    line = 'cbt_requests_total{endpoint="door.seat_page",status="2xx"} 1'
    assert line in asked.render()
    assert "cbt_requests_total{" not in other.render()


def test_an_app_with_a_view_more_has_a_kind_more(settings: Settings) -> None:
    app = create_app(settings)
    app.view_functions["tests.more"] = public(lambda: "")
    assert set(observation.kinds_of(app)) - set(observation.kinds_of(create_app(settings))) == {"tests.more"}
