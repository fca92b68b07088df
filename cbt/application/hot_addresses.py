"""The table of hot addresses: what a hall asks for at once, and the handler of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import flask

from cbt.certificates.handler import LookUpHandler
from cbt.http.server.hot_addresses import HotHandler, init_hot_addresses
from cbt.proctoring.board.page import BoardHandler
from cbt.results.handler import OwnResultsHandler
from cbt.runner.news.handler import NewsHandler
from cbt.runner.paper.handler import DoneHandler, PageHandler
from cbt.runner.save.handler import HandInHandler, SaveHandler
from cbt.runner.save.journal import Journal
from cbt.runner.start.handler import StartHandler
from cbt.runner.waiting.handler import WaitHandler

HOT_ADDRESSES: dict[str, Callable[[flask.Flask], HotHandler[Any]]] = {
    "attempts.answers": SaveHandler,
    "attempts.submit": HandInHandler,
    "attempts.start": StartHandler,
    "news.since": NewsHandler,
    "delivery.wait_state": WaitHandler,
    "delivery.runner": PageHandler,
    "delivery.done": DoneHandler,
    "proctoring.live": BoardHandler,
    "results.mine": OwnResultsHandler,
    "certificates.verified": LookUpHandler,
}


def init_hot(app: flask.Flask) -> None:
    """Have the hot addresses of `app` answered at its door; called when all views are there."""
    journal = cast(Journal, app.extensions["cbt_journal"])
    handlers = {endpoint: make(app) for endpoint, make in HOT_ADDRESSES.items()}
    init_hot_addresses(app, handlers, come_again=journal.come_again)
