"""What every app of a test run makes anew and need not: the compiled templates, and the builders of its URLs.

A test has an app of its own, and thousands of them would compile the same thing thousands of times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule


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
_builders: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}
_compile: Callable[[Rule, bool], Callable[..., tuple[str, str]]] = Rule._compile_builder


def share(app: flask.Flask) -> None:
    """Let an app use what others of this run have compiled."""
    app.jinja_env.bytecode_cache = TEMPLATES


def _shared_builder(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    key = (rule.rule, rule.subdomain, rule.host, repr(rule.defaults), append_unknown)
    if key not in _builders:
        _builders[key] = _compile(rule, append_unknown)
    return _builders[key]


def share_builders() -> None:
    """Let every URL rule be compiled once: what it compiles to depends on nothing but its own text."""
    Rule._compile_builder = _shared_builder  # type: ignore[method-assign,assignment]  # for the tests alone
