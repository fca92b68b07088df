"""The URLs of the product's apps, put in order once a process: every app of a test run has the same.

An app takes the rules that another has bound, and looks for them in what another has sorted. What is added to one
app alone stays with that app.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from flask.sansio.app import App
from flask.sansio.blueprints import Blueprint
from werkzeug.routing import Map, Rule, RuleFactory
from werkzeug.routing.matcher import StateMachineMatcher

from cbt.web.watching.requestlog import ObservedApp

Sorted = tuple[StateMachineMatcher, dict[Any, list[Rule]]]
_register_anew = Blueprint.register
_RULES = Blueprint.add_url_rule.__wrapped__.__code__.co_consts  # type: ignore[attr-defined]
"""Among them the code of what a blueprint defers for each rule."""
_AROUND = (
    "view_functions", "error_handler_spec", "before_request_funcs", "after_request_funcs",
    "teardown_request_funcs", "url_default_functions", "url_value_preprocessors",
    "template_context_processors",
)  # fmt: skip
"""What a blueprint merges into its app."""
_noting: list[list[tuple[Blueprint, str, dict[str, Any]]]] = []
_registered: dict[tuple[Blueprint, str], Registered] = {}
_sorted: dict[tuple[int, ...], Sorted] = {}


class SharedMap(Map):
    """A map that is put in order when it is first asked, unless one of the same rules was."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.added: list[Rule] = []
        super().__init__(*arguments, **named)

    def add(self, rulefactory: RuleFactory) -> None:
        """Note rules, and bind those that no other app had."""
        for rule in rulefactory.get_rules(self):
            if rule.map is None:
                rule.bind(self)
            self.added.append(rule)
        self._remap = True

    def extend(self, bound: list[Rule]) -> None:
        """Note rules that another app has bound."""
        self.added.extend(bound)
        self._remap = True

    def update(self) -> None:
        """Take what was put in order for the same rules, or put these in order."""
        with self._remap_lock:
            if not self._remap:
                return
            same = tuple(map(id, self.added))
            if same not in _sorted:
                _sorted[same] = self._in_order()
            self._matcher, self._rules_by_endpoint = _sorted[same]
            self._remap = False

    def _in_order(self) -> Sorted:
        fresh = Map(merge_slashes=self.merge_slashes)
        for rule in self.added:
            fresh._matcher.add(rule)
            fresh._rules_by_endpoint.setdefault(rule.endpoint, []).append(rule)
        fresh.update()
        return fresh._matcher, fresh._rules_by_endpoint


class Registered(NamedTuple):
    """What registering a blueprint brings to each app of this process."""

    blueprints: dict[str, Blueprint]
    """It and those below it."""
    hooked: list[tuple[Blueprint, str]]
    """Those of them that have something called around views."""
    deferring: list[tuple[Blueprint, dict[str, Any], list[Callable[[Any], None]]]]
    """Those that put off more than their rules, each with its options and what that is."""
    rules: list[Rule]
    views: dict[str, Any]


def _register_known(blueprint: Blueprint, app: App, options: dict[str, Any]) -> None:
    """Give an app of ours what the blueprint brought to another, and do with it what else the blueprint does."""
    urls = app.url_map
    if not isinstance(urls, SharedMap):
        _register_anew(blueprint, app, options)
        return
    if _noting:  # one below the one that is registered for the first time
        _noting[-1].append((blueprint, f"{options['name_prefix']}.{blueprint.name}", options))
        _register_anew(blueprint, app, options)
        return
    key = (blueprint, repr(options))
    if key not in _registered:
        _registered[key] = _register_first(blueprint, app, urls, options)
        return
    known = _registered[key]
    assert not known.blueprints.keys() & app.blueprints.keys()
    app.blueprints.update(known.blueprints)
    for one, name in known.hooked:
        one._merge_blueprint_funcs(app, name)
    for one, its_options, deferred in known.deferring:
        state = one.make_setup_state(app, its_options, True)
        for bring in deferred:
            bring(state)
    urls.extend(known.rules)
    app.view_functions.update(known.views)


def _register_first(blueprint: Blueprint, app: App, urls: SharedMap, options: dict[str, Any]) -> Registered:
    rules, views = len(urls.added), set(app.view_functions)
    _noting.append([(blueprint, blueprint.name, options)])
    try:
        _register_anew(blueprint, app, options)
    finally:
        noted = _noting.pop()
    brought = {name: view for name, view in app.view_functions.items() if name not in views}
    more = [
        (one, its_options, [bring for bring in one.deferred_functions if bring.__code__ not in _RULES])
        for one, _, its_options in noted
    ]
    return Registered(
        {name: one for one, name, _ in noted},
        [(one, name) for one, name, _ in noted if any(getattr(one, kind) for kind in _AROUND)],
        [one for one in more if one[2]],
        urls.added[rules:],
        brought,
    )


def share_urls() -> None:
    """Let the product's apps share their rules; an app that is none of ours goes on as it was."""
    ObservedApp.url_map_class = SharedMap
    Blueprint.register = _register_known  # type: ignore[method-assign]  # for the tests alone
