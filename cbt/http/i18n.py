"""Languages: Chinese first, English complete; the choice is a cookie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import flask
import flask_babel
from babel.core import Locale
from babel.messages.mofile import read_mo
from babel.support import NullTranslations

from cbt.config import LOCALES, Settings, read_settings
from cbt.console.texts import plain_value
from cbt.errors import CbtError
from cbt.http.auth.cookies import read_cookie
from cbt.paths import translations_dir
from cbt.rules.calendar import turns_of
from cbt.rules.door import masked_file_name

LOCALE_HEADER = "X-CBT-Locale"
THEMES = ("auto", "light", "dark")
TOLD_AHEAD = timedelta(days=400)
"""So far ahead a page knows when the centre's time changes: no server process lives as long."""


def init_i18n(app: flask.Flask, settings: Settings) -> None:
    """Load the catalogues and give templates `_`, `script_texts`, `locale`, `theme` and the filters."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(translations_dir())
    app.config["BABEL_DEFAULT_LOCALE"] = settings.locale
    app.config["BABEL_DEFAULT_TIMEZONE"] = settings.timezone

    locales = {language: Locale.parse(language) for language in LOCALES}

    def locale() -> str:
        if not flask.has_request_context():
            return settings.locale
        # The answer page asks without its cookies, so it says its language itself.
        language = read_cookie("locale") or flask.request.headers.get(LOCALE_HEADER)
        return chosen_locale(language, settings)

    def theme() -> str:
        return chosen_theme(read_cookie("theme"))

    flask_babel.Babel(app, locale_selector=lambda: locales[locale()])
    # What a page tells its scripts lies in it as it is: a sign of ours is twice as long as an escape.
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": True, "ensure_ascii": False}
    app.add_template_global(_speaker(), "_")
    app.add_template_global(word, "word")
    app.add_template_global(lambda room, *groups: script_texts(locale(), room, *groups), "script_texts")
    app.add_template_global(locale, "locale")
    app.add_template_global(theme, "theme")
    app.extensions["cbt_zone"] = ZoneInfo(settings.timezone)
    app.add_template_filter(local_text, "local")
    app.add_template_filter(mark_text, "mark")
    app.add_template_filter(masked_file_name, "file_name")

    @app.template_filter("named")
    def named(codes: Iterable[str], prefix: str) -> list[tuple[str, str]]:
        return [(code, flask_babel.gettext(f"{prefix}.{code}")) for code in codes]

    @app.template_filter("clock")
    def clock(span: timedelta | int) -> str:
        total = int(span.total_seconds()) if isinstance(span, timedelta) else span
        return f"{total // 60:02d}:{total % 60:02d}"


def _speaker() -> Callable[..., str]:
    """Return what says a text of ours in the reader's language, as `flask_babel.gettext`.

    That looks for its context four times, and a page says a hundred texts.
    """
    translations: dict[str, NullTranslations] = {}

    def say(message_id: str, **params: object) -> str:
        locale = flask_babel.get_locale()
        language = locale.language if locale is not None else ""
        if language not in translations:
            translations[language] = flask_babel.get_translations()
        return _said(translations[language], message_id, params)

    return say


def _said(texts: NullTranslations, message_id: str, params: Mapping[str, object]) -> str:
    text: str = texts.gettext(message_id)
    return text % params if params else text


@contextmanager
def catalogues(settings: Settings | None = None) -> Iterator[None]:
    """Make the texts readable where a command has no app: through the one there is, or through a bare one."""
    if flask.has_app_context():
        yield
        return
    app = flask.Flask("cbt")
    init_i18n(app, settings or read_settings())
    with app.app_context():
        yield


@contextmanager
def as_nobody(app: flask.Flask, path: str, *, locale: str, theme: str) -> Iterator[None]:
    """Let a page be drawn that many are sent: whoever is asking just now, nothing of them is known in here."""
    prefix = app.config["COOKIE_PREFIX"]
    kept = f"{prefix}locale={locale}; {prefix}theme={theme}"
    with app.app_context(), app.test_request_context(path, headers={"Cookie": kept}):
        yield


Words = Mapping[str, Mapping[str, str]]
"""By id: a word in each language."""


def register_words(app: flask.Flask, load: Callable[[], Words]) -> None:
    """Have `word` know the words that a centre edits; `load` is asked once a request that says one of them."""
    app.extensions["cbt_words"] = load


def word(message_id: str) -> str:
    """Return the word of an id that was put together from a stored code, in the reader's language.

    Where nobody knows the id, the code itself is shown.
    """
    if "words" not in flask.g:
        load: Callable[[], Words] = flask.current_app.extensions["cbt_words"]
        flask.g.words = load()
    if message_id in flask.g.words:
        return str(flask.g.words[message_id][str(flask_babel.get_locale())])
    text = str(flask_babel.gettext(message_id))
    return message_id.rpartition(".")[2] if text == message_id else text


def chosen_locale(cookie: str | None, settings: Settings) -> str:
    return cookie if cookie in LOCALES else settings.locale


def chosen_theme(cookie: str | None) -> str:
    return cookie if cookie in THEMES else THEMES[0]


@cache
def script_texts(language: str, room: str, *groups: str) -> dict[str, str]:
    """Return what a page's scripts say: the texts of a room by their id without its name.

    With `groups` only those whose id goes on with one of them.
    """
    start = f"{room}."
    rest = {
        name.removeprefix(start): text for name, text in _read(language).items() if name.startswith(start)
    }
    return {name: text for name, text in sorted(rest.items()) if not groups or name.split(".")[0] in groups}


def sentences(language: str, code: str) -> tuple[str, str]:
    """Return what happened and what to do now, of an error that has no parameters, where there is no request."""
    texts = _read(language)
    return texts[f"error.{code}.what"], texts[f"error.{code}.fix"]


@cache
def _read(language: str) -> Mapping[str, str]:
    with (translations_dir() / language / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_mo(file)}


def local_zone() -> ZoneInfo:
    """Return the centre's zone, for reading and showing dates."""
    zone: ZoneInfo = flask.current_app.extensions["cbt_zone"]
    return zone


def wall_turns(*, now: datetime) -> list[tuple[int, int]]:
    """Return what a page's script needs for the centre's time: from when (ms) so many seconds are added to UTC."""
    turns = turns_of(local_zone(), since=now, until=now + TOLD_AHEAD)
    return [(int(at.timestamp() * 1000), int(east.total_seconds())) for at, east in turns]


def local_text(instant: datetime, pattern: str = "%Y-%m-%d %H:%M") -> str:
    return instant.astimezone(local_zone()).strftime(pattern)


def local_day(instant: datetime) -> date:
    return instant.astimezone(local_zone()).date()


def mark_text(instant: datetime) -> str:
    """Return the hour of an instant in the centre's zone, to the second where it lies between two minutes."""
    local_instant = instant.astimezone(local_zone())
    return local_instant.strftime("%H:%M:%S" if local_instant.second else "%H:%M")


def explain(error: CbtError) -> tuple[str, str]:
    """Return what happened and what to do now, in the language of this request."""
    params = {name: explain_value(value) for name, value in error.params.items()}
    texts = flask_babel.get_translations()
    what, fix = (_said(texts, f"error.{error.code}.{part}", params) for part in ("what", "fix"))
    return what, fix


def explain_value(value: object) -> object:
    """Return `value` as a sentence can hold it: instants in the centre's zone, lists with a comma."""
    return plain_value(value, local_zone, flask_babel.gettext)
