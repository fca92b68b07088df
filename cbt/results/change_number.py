"""The change number of results: that of the log's last entry by which anything told of results may have changed.

What is drawn of results is kept as of this number. Whatever changes an examination is an entry, written in the
transaction of the change, and one look a process reads the entries for everybody (runner/news/watcher.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import flask

from cbt.audit.store import GROUPS
from cbt.http.server.deferred import PROMISES
from cbt.runner.news.watcher import Watcher
from cbt.runner.waiting.hall import Entry

_EXTENSION, _WATCHER = "cbt_results_changed", "cbt_news"
CHANGES_NO_RESULT = frozenset(
    act
    for group, acts in GROUPS.items()
    for act in acts
    if group in {"door", "bank", "staff", "guessing"} or (group == "running" and act.startswith("attempt."))
)
"""What a hall's day is full of and nothing that is told of results hangs on; any other act may change it.

A candidate is told of results once they are shown or released, and those are rows of their own.
"""


class ResultChanges:
    """How far the log told of results, as this process knows."""

    def __init__(self) -> None:
        self.number = -1

    def look(self, entries: Sequence[Entry], *, upto: int, whole: bool) -> None:
        """Take what the log says until `upto`; not `whole`: what lies between is not known."""
        if not whole:
            self.number = upto
            return
        for number, act, _subject in entries:
            if act not in CHANGES_NO_RESULT:
                self.number = number


def result_number(environ: Mapping[str, object]) -> int:
    """Return the change number of results: at most a look old, and of this moment where no front serves."""
    extensions = flask.current_app.extensions
    watcher: Watcher = extensions[_WATCHER]
    if PROMISES in environ:
        watcher.keep_up()
    else:
        watcher.look()
    changes: ResultChanges = extensions[_EXTENSION]
    return changes.number


def init_result_changes(app: flask.Flask) -> None:
    """Have the change number of results follow the log of `app`."""
    changes = app.extensions[_EXTENSION] = ResultChanges()
    watcher: Watcher = app.extensions[_WATCHER]
    watcher.followers.append(changes.look)
