"""What a server process works out as it begins, where an exam is under way.

Templates are compiled, texts read, tables mapped and selects put together when somebody first asks: the first
board of a process took a quarter of a second of its processor, the first seat page as much. Nobody notices on a
quiet morning. Whoever stands in for a process that died, or begins again after a power cut, meets the whole hall
at once. So a thread does it beside the saves, which need none of it, and nobody need wait for it; where others
serve already, a process does it before it serves (cbt/ops/worker).
"""

from __future__ import annotations

from collections.abc import Iterator

import flask
import flask_babel
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import configure_mappers

from cbt.application.gauges import OPEN
from cbt.db.known.together import put_together
from cbt.db.types import db
from cbt.db.unit_of_work import reading
from cbt.errors import Unavailable
from cbt.paths import product_dir
from cbt.sittings.models import SittingRoom
from cbt.web.i18n import THEMES, as_nobody, script_texts

ASKED_FOR = (
    "ui/",
    "web/",
    "door/",
    "delivery/",
    "proctoring/board/",
    "proctoring/desk/",
    "proctoring/polling/",
)
"""The pages of an exam that is under way; those that lie in no folder are what all pages are made of."""
SAID_BY_BOARDS = "proctoring"
"""The room whose texts the scripts of open boards say."""
_UNDER_WAY = select(SittingRoom.id).where(SittingRoom.state.in_(OPEN)).limit(1)


def warm_up(app: flask.Flask) -> bool:
    """Have ready what the pages of an exam are made with, if one is under way; return whether one is.

    A database that cannot be read keeps nobody from serving: the pages say what there is to say.
    """
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
            app.jinja_env.get_template(name)
    return under_way


def pages_of_an_exam() -> Iterator[str]:
    """Yield the names of the templates that the pages of an exam are made of."""
    folder = product_dir("templates")
    for file in folder.rglob("*.html"):
        name = file.relative_to(folder).as_posix()
        if "/" not in name or name.startswith(ASKED_FOR):
            yield name
