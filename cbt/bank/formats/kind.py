"""What a format of banks can: say whether a file is one of its own, read it, and what else pages may ask of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from cbt.bank.formats.outgoing import OutForm
from cbt.bank.imports.drafts import Adjustments, Reading
from cbt.sheets.findings import Finding

Content = bytes | Path
"""What people bring: a file's content, or a folder where it lies."""


class Confidence(IntEnum):
    """How sure a format is that something is one of its own; the surest format reads it."""

    NO = 0
    MAYBE = 1
    SURE = 2


@dataclass(frozen=True, slots=True)
class Format:
    """One format of banks.

    `name` is kept with each import. `detect` and `read` take the content and the name it came under; `read`
    also takes what its author says instead of what it infers, makes findings of what it cannot read, and raises
    InvalidInput or NotFound when it can read nothing.
    `endings` are what a page offers in its choice of files, none for a format that is no file. `mark` returns
    a file with its findings in place, `template` an empty file to fill in; both are None where a format has none.
    `writes` are the forms of it in which a bank goes out.
    """

    name: str
    detect: Callable[[Content, str], Confidence]
    read: Callable[[Content, str, Adjustments], Reading]
    endings: tuple[str, ...] = ()
    mark: Callable[[bytes, Sequence[Finding]], bytes] | None = None
    template: Callable[[], bytes] | None = None
    writes: tuple[OutForm, ...] = ()
