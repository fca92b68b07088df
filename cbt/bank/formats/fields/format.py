"""JSON of the field, as one of the formats."""

from __future__ import annotations

import re

import msgspec

from cbt.bank.formats.fields.reading import Row, read_rows
from cbt.bank.formats.kind import Confidence, Content, Format
from cbt.bank.formats.plain.decoding import text_of
from cbt.bank.formats.plain.format import MOST
from cbt.bank.imports.drafts import Adjustments, Reading
from cbt.confined.running import Exhausted, Limits, run
from cbt.errors import InvalidInput

NAME = "fields"
LIMITS = Limits()
_TASK = "cbt.bank.formats.fields.loading:read_json"
_BEGIN = re.compile(
    r"\s*(?://[^\n]*\n\s*|/\*.{0,2000}?\*/\s*)?(?:export\s+default\s*|module\.exports\s*=\s*|(?:var|let|const)\s+[\w$]+\s*=\s*"
    r"|(?:window|self|globalThis)(?:\.[\w$]+|\[[^\]]{1,60}\])\s*=\s*)?[\[{]\s*(?:[\[{\"'\]}]|[A-Za-z_$][\w$]*\s*:)",
    re.DOTALL,
)


def is_json(content: bytes) -> bool:
    """Say whether a file begins as JSON does, or as a script that holds nothing else."""
    head = content[:4096].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    return _BEGIN.match(head.decode("latin-1")) is not None


def detect(content: Content, _name: str) -> Confidence:
    """Be sure of what begins with a bracket of JSON."""
    return Confidence.SURE if isinstance(content, bytes) and is_json(content) else Confidence.NO


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    """Read JSON as `read_rows` does; raise InvalidInput as the child does."""
    if not isinstance(content, bytes) or not is_json(content):
        raise InvalidInput("bank.json_broken", line=1)
    if len(content) > MOST:
        raise InvalidInput("bank.text_too_big", limit=MOST // (1024 * 1024))
    try:
        said = run(_TASK, text_of(content).encode(errors="replace"), limits=LIMITS)
    except Exhausted as error:
        raise InvalidInput("bank.text_too_big", limit=MOST // (1024 * 1024)) from error
    return read_rows(msgspec.msgpack.decode(said, type=list[Row]), NAME, name, adjust)


FIELDS = Format(NAME, detect, read, endings=(".json",))
