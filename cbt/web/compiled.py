"""The code of templates that a process is begun with, compiled once for all processes of a server.

To compile those of an exam takes a process a third of a second of its processor. Where it stands in for one that
died, a hall waits beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import flask
from jinja2 import BaseLoader
from jinja2.bccache import Bucket, BytecodeCache

_given: dict[str, bytes] = {}


class GivenCode(BytecodeCache):
    """Knows what was given before this process was begun; of a text that is another by now it knows nothing."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in the code of a template, if it was given."""
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
    environment, loader, kept = app.jinja_env, cast(BaseLoader, app.jinja_loader), GivenCode()
    codes = {}
    for name in names:
        text, file, _ = loader.get_source(environment, name)
        bucket = kept.get_bucket(environment, name, file, text)
        bucket.code = environment.compile(text, name, file)
        codes[bucket.key] = bucket.bytecode_to_string()
    return codes
