"""The cache of pages: templates compiled once for all processes, and drawn pages kept by their version.

To compile the templates of an exam takes a process a third of a second of its processor. Where it stands in
for one that died, a hall waits beside it.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import flask
import flask_babel
from flask_wtf.csrf import generate_csrf
from jinja2 import BaseLoader
from jinja2.bccache import Bucket, BytecodeCache
from markupsafe import escape

from cbt.http.auth.cookies import read_cookie
from cbt.http.auth.wsgi_login import BrowserLogin
from cbt.http.i18n import as_nobody, chosen_theme

_given: dict[str, bytes] = {}


class PrewarmedBytecode(BytecodeCache):
    """Knows what was given before this process was begun; of a text that is another by now it knows nothing."""

    def load_bytecode(self, bucket: Bucket) -> None:
        code = _given.get(bucket.key)
        if code is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep nothing: what a process compiles itself is in its environment already."""


def give(codes: Mapping[str, bytes]) -> None:
    """Have the processes that are forked from this one know the code of templates."""
    _given.update(codes)


def compiled(app: flask.Flask, names: Iterable[str]) -> dict[str, bytes]:
    """Return the code of templates as `give` takes it."""
    environment, loader, kept = app.jinja_env, cast(BaseLoader, app.jinja_loader), PrewarmedBytecode()
    codes = {}
    for name in names:
        text, file, _ = loader.get_source(environment, name)
        bucket = kept.get_bucket(environment, name, file, text)
        bucket.code = environment.compile(text, name, file)
        codes[bucket.key] = bucket.bytecode_to_string()
    return codes


# Pages that are kept: drawn once in a process, and again when what they are drawn of is of another version.
#
# What is the same for everybody is drawn as nobody's, outside of the request that asks, so nothing of anybody
# is in it; whoever is signed in at such an address gets a page of their own, as ever. What is one person's is
# kept for their login alone. The token that a form brings back is no part of what is kept: each answer gets
# that of who asks.

KEPT_SECONDS = 600.0
"""No page is believed for longer, whatever its version says."""
MOST_FOR_ALL, MOST_OWN = 600, 2_000
"""So many pages are kept in a process: a list of 3,000 has thirty, in each language and theme."""
HOLE = re.compile("\ue000([a-z_]+)\ue001")
"""A hole of a drawn page: between characters that no text has."""
_FOR_ALL, _OWN = "cbt_pages_for_all", "cbt_own_pages"


@dataclass(frozen=True, slots=True)
class _Kept:
    version: Hashable
    drawn_at: float
    pieces: tuple[str, ...]
    """What stands around each place where a form token goes."""


class PageCache:
    """Those of one process, the ones that were asked for last; from any thread."""

    def __init__(self, most: int, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._most, self._timer = most, timer
        self._pages: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._drawing = threading.Lock()

    def find(self, key: Hashable, version: Hashable) -> tuple[str, ...] | None:
        """Return the pieces of a page that is kept as of this version."""
        with self._lock:
            kept = self._pages.get(key)
            if kept is None or kept.version != version or self._timer() - kept.drawn_at > KEPT_SECONDS:
                return None
            self._pages.move_to_end(key)
            return kept.pieces

    def drawn(self, key: Hashable, version: Hashable, draw: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """Return the pieces of a page, drawn unless somebody who asked in the same moment has drawn it.

        The version is that of before it is drawn: what is read for it may be newer, and is never older.
        """
        with self._drawing:
            pieces = self.find(key, version)
            return pieces if pieces is not None else self.keep(key, version, draw())

    def keep(self, key: Hashable, version: Hashable, pieces: tuple[str, ...]) -> tuple[str, ...]:
        """Keep a page, and let go of the one that nobody asked for the longest; return its pieces."""
        with self._lock:
            self._pages[key] = _Kept(version, self._timer(), pieces)
            self._pages.move_to_end(key)
            while len(self._pages) > self._most:
                self._pages.popitem(last=False)
        return pieces


def page_for_all(path: str, draw: Callable[[], str], *, version: Hashable = 0, kind: str = "") -> str:
    """Return the page of an address that is the same for everybody, as of a version of what it is drawn of.

    `kind` tells pages of one address apart; what differs in pages of a kind is filled into their holes.
    """
    if _held():
        return draw()
    app = cast(flask.Flask, flask.current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way
    pages: PageCache = app.extensions[_FOR_ALL]
    locale, theme = str(flask_babel.get_locale()), chosen_theme(read_cookie("theme"))

    def as_nobodys() -> tuple[str, ...]:
        with as_nobody(app, path, locale=locale, theme=theme):
            return _pieces(draw())

    key = (path, kind, locale, theme)
    pieces = pages.find(key, version) or pages.drawn(key, version, as_nobodys)
    return str(generate_csrf()).join(pieces)


def kept_for_all(app: flask.Flask, path: str, browser: BrowserLogin, *, kind: str = "") -> str | None:
    """Return a page that is the same for everybody and hangs on nothing that changes, if it is kept."""
    return _kept(app.extensions[_FOR_ALL], (path, kind, browser.locale, browser.theme), 0, browser)


def own_page(owner: Hashable, draw: Callable[[], str], *, version: Hashable) -> str:
    """Return the page of this address that belongs to one login, `owner`, and is shown to nobody else."""
    request = flask.request
    if _held() - {"_user_id", "_fresh"} or request.query_string:
        return draw()  # something is to be said once, or was asked for
    pages: PageCache = flask.current_app.extensions[_OWN]
    key = (owner, request.path, str(flask_babel.get_locale()), chosen_theme(read_cookie("theme")))
    pieces = pages.find(key, version) or pages.keep(key, version, _pieces(draw()))
    return str(generate_csrf()).join(pieces)


def kept_own(
    app: flask.Flask, owner: Hashable, path: str, browser: BrowserLogin, *, version: Hashable
) -> str | None:
    """Return the page of a login, `owner`, if it is kept as of this version."""
    return _kept(app.extensions[_OWN], (owner, path, browser.locale, browser.theme), version, browser)


def _kept(pages: PageCache, key: Hashable, version: Hashable, browser: BrowserLogin) -> str | None:
    form_token = browser.form_token()
    pieces = None if browser.has_news or form_token is None else pages.find(key, version)
    return None if pieces is None or form_token is None else form_token.join(pieces)


def hole(name: str) -> str:
    """Return what stands in a drawn page for something that is filled in for each who asks."""
    return f"\ue000{name}\ue001"


def filled(page: str, values: Mapping[str, object]) -> str:
    """Return a page with the values in its holes, escaped; of a value that nobody asks for nothing is said."""
    return HOLE.sub(lambda found: str(escape(values[found[1]])), page)


def _held() -> set[str]:
    """Return what this browser's session holds besides its form token."""
    return set(flask.session) - {flask.current_app.config["WTF_CSRF_FIELD_NAME"]}


def _pieces(page: str) -> tuple[str, ...]:
    return tuple(page.split(generate_csrf()))


def init_kept_pages(app: flask.Flask) -> None:
    app.extensions[_FOR_ALL], app.extensions[_OWN] = PageCache(MOST_FOR_ALL), PageCache(MOST_OWN)
