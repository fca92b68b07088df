"""What the parent of a server has ready for a worker that it forks later: code and texts of an exam's pages."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cbt.application.app import create_app
from cbt.application.warming import SAID_BY_BOARDS, pages_of_an_exam
from cbt.config import Settings
from cbt.confined.priority import give_way
from cbt.errors import CbtError
from cbt.ops.hosting import FORKS
from cbt.ops.preparing import in_child
from cbt.web.compiled import compiled, give
from cbt.web.i18n import script_texts

log = logging.getLogger(__name__)
QUIET_AFTER_SECONDS = 15.0
"""By then the workers serve: what a server hands on shall not keep anybody from its first page."""


@contextmanager
def code_given(settings: Settings, *, after: float = QUIET_AFTER_SECONDS) -> Iterator[None]:
    """Have it made within the block, some seconds after its beginning; whoever is forked later has it."""
    ended = threading.Event()

    def make() -> None:
        if ended.wait(after):
            return
        try:
            give(in_child(_made_at_leisure, settings))
        except CbtError as error:
            log.warning("workers to come compile their pages themselves: %s", error)
        script_texts(settings.locale, SAID_BY_BOARDS)

    if FORKS:
        threading.Thread(target=make, name="giving", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _made_at_leisure(settings: Settings) -> dict[str, bytes]:
    """In a child, for the parent of a server makes no app: whoever is answered goes first."""
    give_way(holds=True)
    return code_of_an_exam(settings)


def code_of_an_exam(settings: Settings) -> dict[str, bytes]:
    """Return the code of an exam's pages."""
    return compiled(create_app(settings), pages_of_an_exam())
