"""The child's side of checking a blueprint that somebody sends: its text in, everything that is wrong with it out.

Only `cbt.confined` runs this, in a process of its own: a text decides how long it takes to read.
"""

from __future__ import annotations

import msgspec

from cbt.blueprints.reader import read
from cbt.blueprints.toml_file import line_of, lines_of
from cbt.rules.exam import Flaw, check_names

MOST_FINDINGS = 100
"""So many are told at once: nobody mends more before looking again."""
MOST_VALUE = 200


class TextFlaw(msgspec.Struct, frozen=True):
    """One finding: its line, its place in the file, its code and what its sentence takes."""

    line: int
    path: list[str | int]
    code: str
    params: dict[str, str]


def examine(body: bytes) -> bytes:
    """Return the findings of a text as msgpack, by line, the first hundred of them."""
    text = body.decode("utf-8")
    blueprint, flaws = read(text)
    if blueprint is not None:
        flaws = check_names(blueprint)
    lines = lines_of(text)
    text_flaws = sorted((_told(flaw, line_of(flaw, text, lines)) for flaw in flaws), key=lambda one: one.line)
    return msgspec.msgpack.encode(text_flaws[:MOST_FINDINGS])


def _told(flaw: Flaw, line: int) -> TextFlaw:
    params = {name: str(value)[:MOST_VALUE] for name, value in flaw.params.items()}
    path = [step if isinstance(step, int) else step[:MOST_VALUE] for step in flaw.path]
    return TextFlaw(line, path, flaw.code, params)
