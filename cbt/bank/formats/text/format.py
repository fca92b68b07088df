"""A folder of text files, as one of the formats."""

from __future__ import annotations

from pathlib import Path

from cbt.bank.formats.kind import Confidence, Content, Format
from cbt.bank.formats.text.reading import NAME, TAXONOMY_FILE, read_folder
from cbt.bank.formats.text.writing import FORM
from cbt.bank.imports.drafts import Adjustments, Reading
from cbt.errors import NotFound


def detect(content: Content, _name: str) -> Confidence:
    """Be sure of a folder with a taxonomy.toml; of any other, reading it says what is missing."""
    if not isinstance(content, Path):
        return Confidence.NO
    return Confidence.SURE if (content / TAXONOMY_FILE).is_file() else Confidence.MAYBE


def read(content: Content, name: str, _adjust: Adjustments) -> Reading:
    """Read a folder as `read_folder` does; a file is none."""
    if not isinstance(content, Path):
        raise NotFound("bank.no_folder", path=name)
    return read_folder(content)


TEXT = Format(NAME, detect, read, writes=(FORM,))
