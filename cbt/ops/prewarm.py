"""What a server process works out as it begins, where an exam is under way.

Templates are compiled, texts read, tables mapped and selects put together when somebody first asks: the first
board of a process took a quarter of a second of its processor, the first seat page as much. Nobody notices on a
quiet morning. Whoever stands in for a process that died, or begins again after a power cut, meets the whole hall
at once. So a thread does it beside the saves, which need none of it, and nobody need wait for it; where others
serve already, a process does it before it serves (cbt/ops/worker).
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import flask
import flask_babel
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import configure_mappers

from cbt.application.app import create_app
from cbt.application.observation import OPEN
from cbt.config import Settings
from cbt.confined.priority import give_way
from cbt.errors import CbtError, Unavailable
from cbt.http.i18n import THEMES, as_nobody, script_texts
from cbt.http.page_cache import compiled, give
from cbt.ops.host_resources import FORKS
from cbt.ops.preparation import in_child
from cbt.paths import product_dir
from cbt.sittings.models import SittingRoom
from cbt.storage.prepared import put_together
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading

log = logging.getLogger(__name__)


ASKED_FOR = (
    "ui/",
    "http/",
    "door/",
    "runner/",
    "proctoring/board/",
    "proctoring/desk/",
    "proctoring/polling/",
)
"""The pages of an exam that is under way; those that lie in no folder are what all pages are made of."""
SAID_BY_BOARDS = "proctoring"
"""The room whose texts the scripts of open boards say."""
_UNDER_WAY = select(SittingRoom.id).where(SittingRoom.state.in_(OPEN)).limit(1)


def warm_up(
    app: flask.Flask, *, within: float = math.inf, timer: Callable[[], float] = time.monotonic
) -> bool:
    """Have ready what the pages of an exam are made with, if one is under way; return whether all of it is.

    What is not there `within` so many seconds is left to whoever does it again, or asks first. A database that
    cannot be read keeps nobody from serving: the pages say what there is to say.
    """
    began = timer()
    try:
        with app.app_context(), reading() as session:
            under_way = session.scalar(_UNDER_WAY) is not None
    except (SQLAlchemyError, Unavailable):
        return False
    if under_way:
        configure_mappers()
        with app.app_context():
            put_together(db.engine.dialect)
        locale = app.config["BABEL_DEFAULT_LOCALE"]
        script_texts(locale, SAID_BY_BOARDS)
        with as_nobody(app, "/", locale=locale, theme=THEMES[0]):
            flask_babel.get_translations()
        for name in pages_of_an_exam():
            if timer() - began > within:
                return False
            app.jinja_env.get_template(name)
    return under_way


def pages_of_an_exam() -> Iterator[str]:
    folder = product_dir("templates")
    for file in folder.rglob("*.html"):
        name = file.relative_to(folder).as_posix()
        if "/" not in name or name.startswith(ASKED_FOR):
            yield name


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
    return compiled(create_app(settings), pages_of_an_exam())
