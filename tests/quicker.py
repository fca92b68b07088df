"""What every app of a test run makes anew and need not: compiled templates, URLs and statements, packed assets.

A test has an app of its own, and thousands of them would compile the same thing thousands of times.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import argon2
import flask
from babel.support import NullTranslations, Translations
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy.orm import Mapper
from werkzeug.routing import Rule

from cbt.accounts.sign_in import passwords
from cbt.db.types import db
from cbt.web import assets


class SharedTemplates(BytecodeCache):
    """Keeps the code of templates for all apps of this process; a changed source has another checksum."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template its code, when another app has compiled it."""
        code = self._code.get((bucket.key, bucket.checksum))
        if code is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._code[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


TEMPLATES = SharedTemplates()


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
_rules: dict[tuple[Any, ...], Rule] = {}
_compile = Rule.compile
_catalogues: dict[tuple[str, tuple[str, ...], str], NullTranslations] = {}
_load = Translations.load


def share(app: flask.Flask) -> None:
    """Let an app use what others of this run have compiled."""
    app.jinja_env.bytecode_cache = TEMPLATES
    with app.app_context():
        db.engine.update_execution_options(compiled_cache=STATEMENTS)


def _compile_once(rule: Rule) -> None:
    key = (rule.rule, rule.subdomain, rule.host, rule.merge_slashes, repr(rule.defaults))
    if key not in _rules:
        _compile(rule)
        _rules[key] = rule
        return
    known = _rules[key]
    rule._parts, rule._trace, rule._converters = known._parts, known._trace, known._converters
    rule.arguments |= known.arguments
    for name in ("_build", "_build_unknown"):
        setattr(rule, name, getattr(known, name).__func__.__get__(rule, None))


def _load_once(folder: str, locales: list[object], domain: str) -> NullTranslations:
    key = folder, tuple(map(str, locales)), domain
    if key not in _catalogues:
        _catalogues[key] = _load(*key)
    return _catalogues[key]


def share_compiled() -> None:
    """Let what depends on no app be made once: URL rules, statements, catalogues, and the static tree."""
    Rule.compile = _compile_once  # type: ignore[method-assign]  # for the tests alone
    Mapper._compiled_cache = STATEMENTS  # type: ignore[method-assign,assignment]
    Translations.load = _load_once  # type: ignore[method-assign,assignment]
    assets.read_tree = cache(assets.read_tree)  # type: ignore[assignment]


def hash_quickly() -> None:
    """Hash passwords at the least cost: what is tried is who gets in, not how long guessing takes."""
    passwords._hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords._nobody_hash = passwords._hasher.hash("nobody")
