"""The URLs of the product's apps, put in order once a process: every app of a test run has the same.

An app takes the rules that another has bound, and looks for them in what another has sorted. What is added to one
app alone stays with that app.
"""

from __future__ import annotations

from typing import Any

from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.routing import Map, Rule, RuleFactory
from werkzeug.routing.matcher import StateMachineMatcher

from cbt.web.watching.requestlog import ObservedApp

Sorted = tuple[StateMachineMatcher, dict[Any, list[Rule]]]
_add_anew = BlueprintSetupState.add_url_rule
_known: dict[tuple[Any, ...], Rule] = {}
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


def _add_known(
    state: BlueprintSetupState, rule: str, endpoint: str | None = None, view_func: Any = None, **options: Any
) -> None:
    urls = state.app.url_map
    if not isinstance(urls, SharedMap):
        _add_anew(state, rule, endpoint, view_func, **options)
        return
    key = (state.blueprint, state.name_prefix, state.url_prefix, rule, endpoint, view_func, repr(options))
    if key not in _known:
        _add_anew(state, rule, endpoint, view_func, **options)
        _known[key] = urls.added[-1]
        return
    known = _known[key]
    urls.add(known)
    assert state.app.view_functions.setdefault(known.endpoint, view_func) == view_func


def share_urls() -> None:
    """Let the product's apps share their rules; an app that is none of ours goes on as it was."""
    ObservedApp.url_map_class = SharedMap
    BlueprintSetupState.add_url_rule = _add_known  # type: ignore[method-assign]  # for the tests alone
