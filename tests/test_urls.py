"""An app of the tests has the addresses, views and hooks that one of the product has (tests/urls.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask
import pytest
from werkzeug.routing import Map, Rule

from cbt.application.app import create_app
from cbt.http.request_log import ObservedApp
from cbt.storage.engine import begin_installation
from tests.conftest import base_settings

HOOKS = (
    "before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_default_functions",
    "url_value_preprocessors", "template_context_processors", "error_handler_spec",
)  # fmt: skip


def brought(app: flask.Flask) -> dict[str, Any]:
    """Return what an app answers, by which view, and what is called around it."""
    return {
        "rules": [
            (str(rule), rule.endpoint, sorted(rule.methods or ())) for rule in app.url_map.iter_rules()
        ],
        "views": sorted(
            (name, view.__module__, view.__qualname__) for name, view in app.view_functions.items()
        ),
        "blueprints": list(app.blueprints.items()),
    } | {name: _named(getattr(app, name)) for name in HOOKS}


def _named(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: named for key, value in found.items() if (named := _named(value))}
    return (
        [_named(one) for one in found] if isinstance(found, list) else getattr(found, "__qualname__", found)
    )


def test_an_app_of_the_tests_is_one_of_the_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = base_settings(tmp_path)
    begin_installation(settings)
    shared = [brought(create_app(settings)) for _ in range(2)]
    monkeypatch.setattr(ObservedApp, "url_map_class", Map)
    monkeypatch.setattr(ObservedApp, "url_rule_class", Rule)
    alone = brought(create_app(settings))
    assert len(alone["rules"]) > 400
    assert shared == [alone, alone]
