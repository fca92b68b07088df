"""Manifests: small JSON files of the product that say what lies beside them, read as the class they come from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

import msgspec

from cbt.errors import InvalidInput

T = TypeVar("T")

_FIELD = re.compile(r"at `\$\.?([^`]*)`")
_LACKING = re.compile(r"missing required field `([^`]*)`")
_BYTE = re.compile(r"\(byte (\d+)\)")


def read_manifest_as(kind: type[T], path: Path, *, refusal: str) -> T:
    """Return the manifest at `path` as the dataclass `kind`; what that has no field for is left out.

    Raise InvalidInput(refusal) with `path`, which names the field or the line where it goes wrong, and OSError.
    """
    content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=kind)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(refusal, path=f"{path}{_place(str(error), content)}") from error


def _place(said: str, content: bytes) -> str:
    """Return ` (field)` or `:line`, to stand after the path, from what the decoder said; "" when it said none."""
    if byte := _BYTE.search(said):
        line = content.count(b"\n", 0, int(byte[1])) + 1
        return f":{line}"
    steps = [
        found[1].replace("[...]", "") for pattern in (_FIELD, _LACKING) if (found := pattern.search(said))
    ]
    return f" ({'.'.join(filter(None, steps))})" if any(steps) else ""
