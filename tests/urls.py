"""The URLs of the product's apps, put in order once a process: apps of a test run have the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from werkzeug.routing import Map, MapAdapter, Rule

from cbt.http.request_log import ObservedApp

_maps: dict[tuple[object, ...], Map] = {}


class NotedRule:
    """What a rule is made of."""

    __slots__ = ("meaning", "options", "provide_automatic_options", "rule")

    def __init__(self, rule: str, **options: Any) -> None:
        self.rule, self.options = rule, options
        self.meaning = rule, repr({**options, "methods": sorted(options["methods"])})

    def made(self) -> Rule:
        """Return the rule."""
        rule = Rule(self.rule, **self.options)
        rule.provide_automatic_options = self.provide_automatic_options  # type: ignore[attr-defined]  # Flask's
        return rule


class SharedMap(Map):
    """A map that only notes its rules, and hands what it is asked on to one map of those rules in this process.

    To bind some four hundred rules takes longer than all else that an app begins with.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.noted: list[NotedRule] = []
        self.bound: Map | None = None

    def add(self, rulefactory: NotedRule) -> None:  # type: ignore[override]
        """Note a rule."""
        self.noted.append(rulefactory)
        self.bound = None

    def bind(self, *arguments: Any, **named: Any) -> MapAdapter:
        """Return an adapter of the map that is bound."""
        return self._bound().bind(*arguments, **named)

    def bind_to_environ(self, *arguments: Any, **named: Any) -> MapAdapter:
        """Return an adapter of the map that is bound."""
        return self._bound().bind_to_environ(*arguments, **named)

    def iter_rules(self, endpoint: Any = None) -> Iterator[Rule]:
        """Return the rules that are bound."""
        return self._bound().iter_rules(endpoint)

    def _bound(self) -> Map:
        if self.bound is None:
            same = (*self.converters.items(), *(rule.meaning for rule in self.noted))
            if same not in _maps:
                _maps[same] = Map([rule.made() for rule in self.noted], converters=self.converters)
            self.bound = _maps[same]
        return self.bound


def share_urls() -> None:
    """Let the product's apps share their rules; an app that is none of ours goes on as it was."""
    ObservedApp.url_map_class = SharedMap
    ObservedApp.url_rule_class = NotedRule  # type: ignore[assignment]
