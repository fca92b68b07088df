"""What the product's apps count of requests, laid out once a process: all apps of a run have the same views."""

from __future__ import annotations

from typing import Any

import flask

from cbt.application import observation
from cbt.http.metrics import Family, Layout, RequestCounts

_kinds_anew = observation.kinds_of
_lay_out = RequestCounts.__init__
_kinds: dict[tuple[tuple[str, Any], ...], dict[str, str]] = {}
_laid_out: dict[int, tuple[dict[str, Any], list[Family]]] = {}


def _kinds_once(app: flask.Flask) -> dict[str, str]:
    """Return the kinds of an app's endpoints: the same object for apps of the same views."""
    views = tuple(app.view_functions.items())
    if views not in _kinds:
        _kinds[views] = _kinds_anew(app)
    return _kinds[views]


def _lay_out_once(counts: RequestCounts, layout: Layout, kinds: dict[str, str]) -> None:
    """Take the cells that another app has for the same kinds; they are the first of its layout, too."""
    if layout.families or all(kinds is not known for known in _kinds.values()):
        _lay_out(counts, layout, kinds)
        return
    if id(kinds) not in _laid_out:
        _lay_out(counts, layout, kinds)
        _laid_out[id(kinds)] = dict(vars(counts)), list(layout.families)
        return
    known, families = _laid_out[id(kinds)]
    vars(counts).update(known)
    layout.families.extend(families)


def share_counters() -> None:
    """Let the product's apps share where they count."""
    observation.kinds_of = _kinds_once
    RequestCounts.__init__ = _lay_out_once  # type: ignore[assignment,method-assign]  # for the tests alone
