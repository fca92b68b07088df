"""What every app of a test run makes anew and need not: compiled templates, URLs and statements, packed assets.

A test has an app of its own, and thousands of them would compile the same thing thousands of times.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import argon2
import flask
from babel.support import NullTranslations, Translations
from jinja2 import BaseLoader, Environment, FileSystemBytecodeCache, Template, Undefined
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm import Mapper

from cbt.accounts import passwords
from cbt.http import static
from cbt.http.request_log import ObservedApp
from cbt.storage.types import db
from cbt.translations import compiler
from tests.urls import share_urls


class SharedTemplates(BaseLoader):
    """Keeps the code of templates for all apps of this process, which find the same text under the same name.

    What another process of the run has compiled is taken from its folder (`keep_templates`).
    """

    def __init__(self, source: BaseLoader) -> None:
        self._source = source

    def load(
        self, environment: Environment, name: str, globals: MutableMapping[str, Any] | None = None
    ) -> Template:
        """Return a template of this environment, of code that another may have compiled."""
        if name not in _templates:
            text, path, _ = self._source.get_source(environment, name)
            _templates[name] = _compile_template(environment, name, text, path)
        return environment.template_class.from_code(environment, _templates[name], globals or {})


_templates: dict[str, CodeType] = {}
_kept: list[FileSystemBytecodeCache] = []


def kept_templates() -> str:
    """Return the folder that this process keeps compiled templates in; empty where it keeps none."""
    return _kept[0].directory if _kept else ""


def keep_templates(folder: Path) -> None:
    """Share what is compiled of templates with the other processes that keep it in `folder`."""
    folder.mkdir(exist_ok=True)
    _kept[:] = [FileSystemBytecodeCache(str(folder))]


def _compile_template(environment: Environment, name: str, text: str, path: str | None) -> CodeType:
    for kept in _kept:
        bucket = kept.get_bucket(environment, name, path, text)
        if bucket.code is None:
            bucket.code = environment.compile(text, name, path)
            kept.set_bucket(bucket)
        return bucket.code
    return environment.compile(text, name, path)


class Lacking(Undefined):
    """What a template asked for that is not there: a fault where an object of ours lacks it.

    Whether it is there may be asked (`is defined`).
    """

    def _of_ours(self) -> bool:
        return type(self._undefined_obj).__module__.startswith("cbt.")

    def __bool__(self) -> bool:
        return bool(self._fail_with_undefined_error()) if self._of_ours() else super().__bool__()

    def __str__(self) -> str:
        return str(self._fail_with_undefined_error()) if self._of_ours() else super().__str__()


class SharedStatements(dict[Any, Any]):
    """Keeps what SQLAlchemy compiled for all engines of a kind; its own key holds the dialect of one engine."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        """Return a statement that any engine of this kind has compiled."""
        return super().get(_of_any_engine(key), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(_of_any_engine(key), compiled)


def _of_any_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *statement = key
    return (type(dialect), dialect.dbapi, *statement)


STATEMENTS = SharedStatements()
OF_THE_PRODUCT = passwords._hasher
"""How the product hashes; a test holds it to its costs."""
_loader_of = ObservedApp.create_global_jinja_loader
_ask = PGDialect_psycopg.initialize
_servers: dict[tuple[str, int], dict[str, Any]] = {}
_catalogues: dict[tuple[str, tuple[str, ...], str], NullTranslations] = {}
_load = Translations.load
_texts_here: dict[str, dict[str, str]] = {}
_texts = compiler.texts_of


def share(app: flask.Flask) -> None:
    """Let an app use what others of this run have compiled."""
    app.jinja_env.undefined = Lacking
    with app.app_context():
        db.engine.update_execution_options(compiled_cache=STATEMENTS)


def _loader(app: flask.Flask) -> BaseLoader:
    return SharedTemplates(_loader_of(app))


def _ask_once(dialect: PGDialect_psycopg, connection: Connection) -> None:
    """Tell an engine of a server what the first one was told: its release, how it quotes, what it isolates."""
    server = connection.connection.driver_connection
    assert server is not None
    key = server.info.host, server.info.port
    if key in _servers:
        vars(dialect).update(_servers[key])
        return
    before = dict(vars(dialect))
    _ask(dialect, connection)
    found = {name: value for name, value in vars(dialect).items() if before.get(name, ...) is not value}
    if not found["_has_native_hstore"]:
        _servers[key] = found


def _load_once(folder: str, locales: list[object], domain: str) -> NullTranslations:
    key = folder, tuple(map(str, locales)), domain
    if key not in _catalogues:
        _catalogues[key] = _load(*key)
    return _catalogues[key]


def _texts_once(language: str, folder: Path = compiler.HERE) -> dict[str, str]:
    if folder != compiler.HERE:
        return _texts(language, folder)
    if language not in _texts_here:
        _texts_here[language] = _texts(language)
    return dict(_texts_here[language])


def share_compiled() -> None:
    """Let what depends on no app be made once: URL rules, statements, catalogues, and the static tree."""
    share_urls()
    ObservedApp.create_global_jinja_loader = _loader  # type: ignore[method-assign,assignment]  # for the tests alone
    PGDialect_psycopg.initialize = _ask_once  # type: ignore[method-assign]
    Mapper._compiled_cache = STATEMENTS  # type: ignore[method-assign,assignment]
    Translations.load = _load_once  # type: ignore[method-assign,assignment]
    compiler.texts_of = _texts_once
    static.read_tree = cache(static.read_tree)  # type: ignore[assignment]


def hash_quickly() -> None:
    """Hash passwords at the least cost: what is tried is who gets in, not how long guessing takes."""
    passwords._hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords._nobody_hash = passwords._hasher.hash("nobody")
